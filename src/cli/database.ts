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
import { keyBytesMax, levelBucketName } from '../limits.js';
import { formatBytesAs } from './bytes-text.js';

/** Opens the database, in which every key is one that the engine can store, the empty one too; lets it be used, and closes it. */
export async function withDatabase<Result>(
  config: BackendConfig,
  use: (database: EngineBackend) => Promise<Result>,
): Promise<Result> {
  const database = await openEngineBackend({ readOnly: true, createIfMissing: false, ...config }, true);
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

/** Refuses the empty key where nobody but this command could read it. */
export function checkNewKey(bucket: Buffer, key: Buffer): void {
  if (key.length > 0 || bucket.equals(Buffer.from(levelBucketName))) return;
  const exception = `the empty key is one in the bucket ${levelBucketName} alone, that of a VarveLevel`;
  throw new VarveError('VARVE_LIMIT', `a key has 1 to ${keyBytesMax} bytes, not 0: ${exception}`);
}

/** Throws VARVE_BUCKET_NOT_FOUND. A reader takes a missing bucket for an empty one, which would hide a typing error. */
export function checkBucket(view: ReadTx, bucket: Buffer): void {
  if (view.unsafeBuckets().some((name) => name.equals(bucket))) return;
  throw new VarveError('VARVE_BUCKET_NOT_FOUND', `there is no bucket ${formatBytesAs('text', bucket)}`);
}
