/**
 * Restoring a snapshot: from a tar to a directory that opens, or to nothing at all.
 *
 *   take the target ─▶ unpack into its workplace, each file synced ─▶ verify every checksum ─▶ publish (restore-target.ts)
 *
 * Invariants:
 * 1. Only files with names that a snapshot has are written, each once, below the workplace, never through a link.
 * 2. Whatever fails, what was made is taken back, and an empty target is as it was.
 * 3. Nothing of the archive is trusted: names, sizes and kinds are checked before a byte is written.
 */
import { corruption, invalidArgument, VarveError } from '../errors.js';
import type { FileSystem } from '../env/file-system.js';
import { nodeFileSystem } from '../env/node-file-system.js';
import { fileInPieces } from '../env/outside-files.js';
import { joinPath, resolvePath } from '../env/path.js';
import { initializeChecksum } from '../format/checksum.js';
import { currentFileName, parseFileName } from '../format/file-names.js';
import { errorOfProblem } from '../engine/problem.js';
import { verifyDirectory, type VerifyListener } from '../engine/verify.js';
import { describe } from '../options.js';
import { takeTarget } from './restore-target.js';
import { type UnpackedFile, unpackArchive } from './tar.js';

/** Files that an archive may hold: far above any database, far below what would fill memory with names. */
const filesMax = 1_000_000;

/** What went wrong with the source itself, told apart from a malformed archive. */
class SourceFailure {
  error: VarveError | undefined;

  /** The source threw. */
  threw(cause: unknown): VarveError {
    this.error = new VarveError('VARVE_IO', 'the source of the snapshot failed', { cause });
    return this.error;
  }

  /** The source gave something that is no piece. What a string holds is not told: it may be a part of the data. */
  gave(value: unknown): VarveError {
    const given = typeof value === 'string' ? `a string of ${value.length} characters` : describe(value);
    this.error = invalidArgument(`the source gives pieces that are a Uint8Array, and this one is ${given}`);
    return this.error;
  }
}

function sourceStream(source: AsyncIterable<Uint8Array> | string, failure: SourceFailure): ReadableStream<Uint8Array> {
  let isCancelled = false;
  let iterator: AsyncIterator<unknown>;
  try {
    const pieces: AsyncIterable<unknown> = typeof source === 'string' ? fileInPieces(source) : source;
    iterator = pieces[Symbol.asyncIterator]();
  } catch (error) {
    throw failure.threw(error);
  }
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await iterator.next();
        // Who read the stream found damage meanwhile. That is what is told, and what the source says from here on is nobody's.
        if (isCancelled) return;
        if (done === true) controller.close();
        else if (value instanceof Uint8Array) controller.enqueue(new Uint8Array(value));
        else {
          controller.error(failure.gave(value));
          await iterator.return?.();
        }
      } catch (error) {
        if (isCancelled) return;
        controller.error(failure.error ?? failure.threw(error));
      }
    },
    async cancel() {
      isCancelled = true;
      await iterator.return?.();
    },
  });
}

async function unpackInto(files: FileSystem, directory: string, archive: ReadableStream<Uint8Array>): Promise<void> {
  const seen = new Set<string>();
  for await (const file of unpackArchive(archive)) {
    if (seen.size >= filesMax) throw corruption(file.name, undefined, `the snapshot has more than ${filesMax} files`);
    checkEntry(file, seen);
    seen.add(file.name);
    await unpackFile(files, directory, file);
  }
  if (!seen.has(currentFileName))
    throw corruption(currentFileName, undefined, 'the snapshot has no such file: it is no snapshot, or it was cut off');
}

function checkEntry(file: UnpackedFile, seen: ReadonlySet<string>): void {
  const kind = parseFileName(file.name)?.kind;
  const shown = file.name === '' ? 'the snapshot' : file.name.slice(0, 80);
  if (!file.isFile || kind === undefined || kind === 'temporary') {
    throw corruption(shown, undefined, 'the snapshot has an entry that no snapshot of ours has');
  }
  if (seen.has(file.name)) throw corruption(shown, undefined, 'the snapshot has the file twice');
}

async function unpackFile(files: FileSystem, directory: string, file: UnpackedFile): Promise<void> {
  const handle = files.open(joinPath(directory, file.name), 'create');
  try {
    let at = 0;
    for await (const piece of file.body) {
      await handle.writeAsync([piece], at);
      at += piece.length;
    }
    if (at !== file.sizeBytes)
      throw corruption(file.name, at, `the snapshot ends within the file, which has ${file.sizeBytes} bytes`);
    await handle.syncAsync();
  } finally {
    handle.close();
  }
}

function restoreError(error: unknown, failure: SourceFailure): unknown {
  if (failure.error !== undefined) return failure.error;
  if (error instanceof VarveError) return error;
  return corruption('the snapshot', undefined, 'it is no tar archive, or a damaged one', error);
}

/** Restores a snapshot. The contract: `restoreSnapshot` in api.d.ts. */
export async function restoreInto(
  source: AsyncIterable<Uint8Array> | string,
  path: string,
  files: FileSystem = nodeFileSystem,
  onVerify?: VerifyListener,
): Promise<void> {
  const isStream = typeof source === 'object' && source !== null && typeof source[Symbol.asyncIterator] === 'function';
  if (typeof source !== 'string' && !isStream)
    throw invalidArgument(`the source is an async iterable of bytes or the name of a file, not ${describe(source)}`);
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw invalidArgument(`path is the name of a directory, not ${describe(path)}`);
  await initializeChecksum();
  const target = takeTarget(files, resolvePath(path));
  const failure = new SourceFailure();
  try {
    await unpackInto(files, target.workplace, sourceStream(source, failure));
    const { problems } = await verifyDirectory(files, target.workplace, undefined, onVerify);
    const first = problems[0];
    if (first !== undefined) throw errorOfProblem(first);
    target.publish();
  } catch (error) {
    target.abandon();
    throw restoreError(error, failure);
  }
}
