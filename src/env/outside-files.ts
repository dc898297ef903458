/**
 * Files that are no part of a database: where a temporary one is made, and files of the caller's that are read.
 */
import { constants, realpathSync } from 'node:fs';
import { mkdtemp, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { systemErrorCode, VarveError } from '../errors.js';
import { ioError } from './io-error.js';

/** Bytes that are read at a time. */
const pieceBytes = 256 * 1024;

/** Makes a directory with a name of its own, which begins with `prefix`, below the system's temporary one. VARVE_IO where it cannot. */
export async function makeTemporaryDirectory(prefix: string): Promise<string> {
  const place = join(tmpdir(), prefix);
  try {
    return await mkdtemp(place);
  } catch (cause) {
    throw ioError('make a directory', place, cause);
  }
}

/**
 * The bytes of a file, piece by piece; the file is opened at the first and closed after the last. Errors are those of the system. What is no
 * regular file is VARVE_IO: it is opened without blocking, for nobody may ever write to a FIFO, and a device may have no end.
 */
export async function* fileInPieces(path: string): AsyncGenerator<unknown, void, undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) {
      throw new VarveError('VARVE_IO', `cannot read ${path}: it is not a regular file`, { file: path });
    }
    yield* file.createReadStream({ highWaterMark: pieceBytes, autoClose: false });
  } finally {
    await file.close();
  }
}

/** The path with every link followed that is there, however much of its end is missing. Absolute. VARVE_IO. */
export function followKnownLinks(path: string): string {
  const followed = followLinks(path);
  const above = dirname(path);
  return followed !== path || above === path ? followed : join(followKnownLinks(above), basename(path));
}

/** The path with every link followed, which a FileSystem does not do in the last place; as it is where nothing is there. VARVE_IO. */
export function followLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return path;
    throw ioError('find', path, cause);
  }
}
