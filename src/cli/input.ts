/** What a command reads besides the database: a file, or standard input. */
import { createReadStream, statSync } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { VarveError } from '../errors.js';
import type { Call } from './command.js';

const pieceBytes = 256 * 1024;

/** Refuses a file that is not there, or is a directory; a pipe or a device is as good as a file. `-` is standard input. */
export function checkInput(file: string): void {
  if (file === '-') return;
  const status = statSync(file, { throwIfNoEntry: false });
  if (status !== undefined && !status.isDirectory()) return;
  throw new VarveError('VARVE_IO', status === undefined ? `there is no file ${file}` : `${file} is a directory`, { file });
}

/** Opens a file, or takes standard input for `-`. A signal destroys it, so that nobody waits for input that never comes. */
export function openInput(call: Call, file: string): Readable {
  checkInput(file);
  return addAbortSignal(call.signal, file === '-' ? call.input : createReadStream(file, { highWaterMark: pieceBytes }));
}
