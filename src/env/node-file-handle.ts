/**
 * One open regular file on Node's `fs`: every read and write is a loop until all bytes have moved.
 *
 * ```
 *  open ──close()──▶ closed                     no asynchronous call under way
 *  open ──close()──▶ closing ──settled──▶ closed   the descriptor is given back when the last one has settled
 * ```
 *
 * **Invariants:**
 * 1. A descriptor is closed once, and never while an asynchronous call still uses it: the system would hand its number to
 *    another file, and the rest of a write would land there.
 * 2. No call reaches the system after `close`; it fails with VARVE_ASSERTION.
 * 3. A short write on Node is a return value, not an error: the loop goes on with the rest. A write of 0 bytes is an error,
 *    since the loop would not end.
 * 4. Closing never throws (file-system.ts says why). A descriptor that the system does not know is a defect of ours, though.
 * 5. One vectored write takes at most 1024 pieces (IOV_MAX on Linux): above it libuv splits the list itself, and takes each part
 *    but the last as wholly written.
 */
import { closeSync, fdatasync, fdatasyncSync, fstatSync, ftruncateSync, readSync, writeSync, writev, writevSync } from 'node:fs';
import { assert, systemErrorCode } from '../errors.js';
import type { FileHandle } from './file-system.js';
import { ioError } from './io-error.js';

/** IOV_MAX on Linux and macOS. */
const piecesPerWriteMax = 1024;

/** Linux moves less than 2 GiB in one call, and Node refuses to be asked for more. */
const bytesPerReadMax = 1024 * 1024 * 1024;

/** What is left to write: whole pieces from `index` on, and of the first of them the bytes from `skipBytes` on. */
interface WriteProgress {
  readonly pieces: readonly Uint8Array[];
  index: number;
  skipBytes: number;
  position: number;
}

/** The pieces of the next call: at most IOV_MAX, none of them empty. Empty where all is written. */
function nextPieces(progress: WriteProgress): Uint8Array[] {
  const batch: Uint8Array[] = [];
  for (let i = progress.index; i < progress.pieces.length && batch.length < piecesPerWriteMax; i++) {
    const piece = progress.pieces[i] as Uint8Array;
    const rest = i === progress.index && progress.skipBytes > 0 ? piece.subarray(progress.skipBytes) : piece;
    if (rest.length > 0) batch.push(rest);
  }
  return batch;
}

/** Notes that `writtenBytes` more are in the file. */
function advance(progress: WriteProgress, writtenBytes: number): void {
  if (writtenBytes <= 0) throw new Error('the system wrote 0 bytes');
  progress.position += writtenBytes;
  let left = writtenBytes + progress.skipBytes;
  while (progress.index < progress.pieces.length) {
    const length = (progress.pieces[progress.index] as Uint8Array).length;
    if (left < length) break;
    left -= length;
    progress.index++;
  }
  progress.skipBytes = left;
}

function beginWrite(pieces: readonly Uint8Array[], position: number): WriteProgress {
  assert(Number.isSafeInteger(position) && position >= 0, 'a file position is a whole number');
  return { pieces, index: 0, skipBytes: 0, position };
}

function writevOnce(descriptor: number, batch: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(descriptor, batch, position, (error, writtenBytes) => (error === null ? resolve(writtenBytes) : reject(error)));
  });
}

/** Gives a descriptor back. What the system says to it is not passed on, but for EBADF: then it was not ours to close. */
export function closeDescriptor(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch (error) {
    assert(systemErrorCode(error) !== 'EBADF', 'a descriptor is closed once, by its owner');
  }
}

/** A file handle on a descriptor of a regular file, which it owns from now on. */
export class NodeFileHandle implements FileHandle {
  readonly path: string;
  readonly #descriptor: number;
  #closed = false;
  #asynchronousCalls = 0;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  get descriptor(): number {
    assert(!this.#closed, 'a file is not used after it was closed');
    return this.#descriptor;
  }

  sizeBytes(): number {
    const descriptor = this.descriptor;
    return this.#attempt('read the size of', () => fstatSync(descriptor).size);
  }

  read(target: Uint8Array, position: number): number {
    const descriptor = this.descriptor;
    // Node takes a negative position for "wherever the descriptor stands".
    assert(Number.isSafeInteger(position) && position >= 0, 'a file position is a whole number');
    let done = 0;
    try {
      while (done < target.length) {
        const count = readSync(descriptor, target, done, Math.min(target.length - done, bytesPerReadMax), position + done);
        if (count === 0) break;
        done += count;
      }
    } catch (error) {
      throw ioError('read', this.path, error);
    }
    return done;
  }

  write(pieces: readonly Uint8Array[], position: number): void {
    const descriptor = this.descriptor;
    const progress = beginWrite(pieces, position);
    this.#attempt('write', () => {
      for (let batch = nextPieces(progress); batch.length > 0; batch = nextPieces(progress)) {
        const first = batch[0] as Uint8Array;
        const count =
          batch.length === 1
            ? writeSync(descriptor, first, 0, first.length, progress.position)
            : writevSync(descriptor, batch, progress.position);
        advance(progress, count);
      }
    });
  }

  writeAsync(pieces: readonly Uint8Array[], position: number): Promise<void> {
    return this.#attemptAsync('write', async (descriptor) => {
      const progress = beginWrite(pieces, position);
      for (let batch = nextPieces(progress); batch.length > 0; batch = nextPieces(progress)) {
        advance(progress, await writevOnce(descriptor, batch, progress.position));
      }
    });
  }

  sync(): void {
    const descriptor = this.descriptor;
    this.#attempt('sync', () => fdatasyncSync(descriptor));
  }

  syncAsync(): Promise<void> {
    return this.#attemptAsync(
      'sync',
      (descriptor) =>
        new Promise((resolve, reject) => {
          fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)));
        }),
    );
  }

  truncate(sizeBytes: number): void {
    const descriptor = this.descriptor;
    assert(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, 'a file size is a whole number');
    this.#attempt('truncate', () => ftruncateSync(descriptor, sizeBytes));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#asynchronousCalls === 0) closeDescriptor(this.#descriptor);
  }

  #attempt<Result>(action: string, run: () => Result): Result {
    try {
      return run();
    } catch (error) {
      throw ioError(action, this.path, error);
    }
  }

  async #attemptAsync(action: string, run: (descriptor: number) => Promise<void>): Promise<void> {
    const descriptor = this.descriptor;
    this.#asynchronousCalls++;
    try {
      await run(descriptor);
    } catch (error) {
      throw ioError(action, this.path, error);
    } finally {
      this.#asynchronousCalls--;
      if (this.#closed && this.#asynchronousCalls === 0) closeDescriptor(descriptor);
    }
  }
}
