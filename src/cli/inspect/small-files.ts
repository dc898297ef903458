/** CURRENT and LOCK. */
import { decodeLockOwner, lockOwnerBytesMax } from '../../env/lock-owner.js';
import { currentProcess, processState } from '../../env/process-identity.js';
import { manifestFileName } from '../../format/file-names.js';
import { readCurrent } from '../../version/current-file.js';
import { type OneFile, type Part, problemPart, readPiece, sizeOf } from './part.js';

/** What CURRENT says. */
export function* inspectCurrent(files: OneFile): Generator<Part> {
  try {
    const number = readCurrent(files, '');
    yield { part: 'current', offset: 0, manifest: number === undefined ? undefined : manifestFileName(number) };
  } catch (error) {
    yield problemPart(error);
  }
}

/** What LOCK says of its owner. Any bytes are harmless, so nothing is a problem. */
export function* inspectLock(files: OneFile): Generator<Part> {
  const owner = decodeLockOwner(readPiece(files, 0, lockOwnerBytesMax));
  if (owner === undefined) yield { part: 'lock', offset: 0, bytes: sizeOf(files), owner: 'none' };
  // The line of a killed owner stays: its process says whether it means something.
  else yield { part: 'lock', offset: 0, ...owner, process: processState(owner, currentProcess()) };
}
