/**
 * The database of a command: opened, used and closed, whatever happens; or, for what reads its files, locked and let go.
 *
 * Invariants:
 * 1. A database is opened without the right to write, and never made, unless a command asks for it.
 * 2. It is closed before the command ends, also by an error or a signal; the first error counts.
 */
import type { BackendConfig, ReadTx } from '../api.js';
import type { EngineBackend } from '../backend/backend.js';
import { databaseExists, openEngineBackend } from '../backend/open-backend.js';
import { acquireDirectoryLock, releaseAfterFailure } from '../env/directory-lock.js';
import { nodeFileSystem } from '../env/node-file-system.js';
import { resolvePath } from '../env/path.js';
import { VarveError } from '../errors.js';
import { initializeChecksum } from '../format/checksum.js';
import { formatBytesAs } from './bytes-text.js';

/** Throws VARVE_ABORTED once the signal has come: between two pieces of work. */
export function checkSignal(signal: AbortSignal): void {
  if (signal.aborted) throw new VarveError('VARVE_ABORTED', 'interrupted', { cause: signal.reason });
}

/** The result of `work`, or VARVE_ABORTED as soon as the signal comes: for what reads only, and so may be left where it stands. */
export async function unlessAborted<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  checkSignal(signal);
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new VarveError('VARVE_ABORTED', 'interrupted', { cause: signal.reason }));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Opens the database, lets it be used, and closes it. */
export async function withDatabase<Result>(
  config: BackendConfig,
  use: (database: EngineBackend) => Promise<Result>,
): Promise<Result> {
  const database = await openEngineBackend({ readOnly: true, createIfMissing: false, ...config });
  let result: Result;
  try {
    result = await use(database);
  } catch (error) {
    await database.close().catch(() => {});
    throw error;
  }
  await database.close();
  return result;
}

/** Keeps others out of the directory of a database while its files are read. Changes nothing in it. */
export async function withLockedDirectory<Result>(path: string, use: (directory: string) => Promise<Result>): Promise<Result> {
  await initializeChecksum();
  const directory = resolvePath(path);
  if (!databaseExists(directory)) throw new VarveError('VARVE_NOT_FOUND', `${directory} holds no database`, { file: directory });
  const lock = acquireDirectoryLock(nodeFileSystem, directory, { readOnly: true });
  let result: Result;
  try {
    result = await use(directory);
  } catch (error) {
    releaseAfterFailure(lock);
    throw error;
  }
  lock.release();
  return result;
}

/** Lets signals be heard in the middle of work that never waits. */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Throws VARVE_BUCKET_NOT_FOUND. A reader takes a missing bucket for an empty one, which would hide a typing error. */
export function checkBucket(view: ReadTx, bucket: Buffer): void {
  if (view.unsafeBuckets().some((name) => name.equals(bucket))) return;
  throw new VarveError('VARVE_BUCKET_NOT_FOUND', `there is no bucket ${formatBytesAs('text', bucket)}`);
}
