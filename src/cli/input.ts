/** What a command reads besides the database: a file, or standard input. */
import { createReadStream } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import type { Call } from './command.js';

const pieceBytes = 256 * 1024;

/** Opens a file, or takes standard input for `-`. A signal destroys it, so that nobody waits for input that never comes. */
export function openInput(call: Call, file: string): Readable {
  return addAbortSignal(call.signal, file === '-' ? call.input : createReadStream(file, { highWaterMark: pieceBytes }));
}
