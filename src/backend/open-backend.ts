/**
 * The entry points: opening, temporary databases, restoring, verifying.
 */
import type { Backend, BackendConfig, VerifyReport } from '../api.js';
import { openEngine } from '../engine/open.js';
import { systemEnvironment } from '../engine/environment.js';
import { directoryState } from '../engine/database-directory.js';
import type { Problem } from '../engine/problem.js';
import { verifyDirectory, type VerifyListener } from '../engine/verify.js';
import { acquireDirectoryLock } from '../env/directory-lock.js';
import { nodeFileSystem } from '../env/node-file-system.js';
import { makeTemporaryDirectory } from '../env/outside-files.js';
import { resolvePath } from '../env/path.js';
import { invalidArgument, VarveError } from '../errors.js';
import { initializeChecksum } from '../format/checksum.js';
import { describe, resolveOptions } from '../options.js';
import { EngineBackend } from './backend.js';
import { restoreInto } from './restore.js';

/**
 * etcd: New. Opens or creates the database, replays its log, and resolves when it is ready for use: all that it shows is durable.
 *
 * Rejects with VARVE_INVALID_ARGUMENT (an option, a directory of something else, 'zstd' without a codec), VARVE_NOT_FOUND (none there, and none may
 * be made), VARVE_LOCKED, VARVE_CORRUPTION, VARVE_UNSUPPORTED_VERSION, VARVE_IO and VARVE_NO_SPACE; nothing is left open then.
 */
export function openBackend(config: BackendConfig): Promise<Backend> {
  return openEngineBackend(config);
}

/**
 * As openBackend, for adapters, which build on more than the public interface, and may take the empty key for one.
 *
 * @internal
 */
export async function openEngineBackend(config: BackendConfig, takesEmptyKeys = false): Promise<EngineBackend> {
  const options = resolveOptions(config);
  const engine = await openEngine({ ...options, path: resolvePath(options.path) }, systemEnvironment);
  return new EngineBackend(engine, takesEmptyKeys);
}

/** etcd: NewDefaultBackend. As openBackend with the defaults. */
export function openDefaultBackend(path: string): Promise<Backend> {
  return openBackend({ path });
}

/** etcd: NewTmpBackend. In a fresh directory below the system's temporary one; the caller removes it. */
export async function openTmpBackend(batchIntervalMs: number, batchLimit: number): Promise<{ backend: Backend; path: string }> {
  resolveOptions({ path: 'temporary', batchIntervalMs, batchLimit });
  const path = await makeTemporaryDirectory('varve-');
  return { backend: await openBackend({ path, batchIntervalMs, batchLimit }), path };
}

/** etcd: NewDefaultTmpBackend. */
export function openDefaultTmpBackend(): Promise<{ backend: Backend; path: string }> {
  return openTmpBackend(100, 10_000);
}

/**
 * Restores a snapshot (a string is the name of a file) into `path`, which must not exist or be empty (else VARVE_INVALID_ARGUMENT). Checks
 * every checksum (VARVE_CORRUPTION); a source that throws is VARVE_IO. On failure leaves nothing behind but the target that was there.
 */
export function restoreSnapshot(source: AsyncIterable<Uint8Array> | string, path: string): Promise<void> {
  return restoreInto(source, path);
}

/**
 * As restoreSnapshot, for who shows how far the verification is, which comes after the last byte of the source.
 *
 * @internal
 */
export function restoreWithProgress(
  source: AsyncIterable<Uint8Array> | string,
  path: string,
  onVerify: VerifyListener,
): Promise<void> {
  return restoreInto(source, path, nodeFileSystem, onVerify);
}

/**
 * Reads every byte of a database that no writer has open (else VARVE_LOCKED; none there: VARVE_NOT_FOUND) and reports every problem
 * found. Writes nothing. The unsynced tail of the last log is no problem. `entries` counts stored records, tombstones included.
 *
 * Needs the directory to itself, as a reader does: while another `verify` of it is under way, or a reader has it open, it is VARVE_LOCKED too.
 * The event loop goes on meanwhile. Where CURRENT is missing or damaged, that is a problem, and the newest manifest that is sound says what to read.
 */
export function verify(path: string): Promise<VerifyReport> {
  return verifyWithProgress(path);
}

/**
 * As verify, for who shows how far it is.
 *
 * @internal
 */
export async function verifyWithProgress(path: string, onProgress?: VerifyListener): Promise<VerifyReport> {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw invalidArgument(`path is the name of a directory, not ${describe(path)}`);
  await initializeChecksum();
  const directory = resolvePath(path);
  if (stateOf(directory) !== 'database')
    throw new VarveError('VARVE_NOT_FOUND', `${directory} holds no database`, { file: directory });
  const lock = acquireDirectoryLock(nodeFileSystem, directory, { readOnly: true });
  try {
    const { problems, ...sums } = await verifyDirectory(nodeFileSystem, directory, undefined, onProgress);
    return { ok: problems.length === 0, problems: problems.map(asReported), ...sums };
  } finally {
    lock.release();
  }
}

/** A problem as the report tells it. */
function asReported({ file, offset, message }: Problem): VerifyReport['problems'][number] {
  return offset === undefined ? { file, message } : { file, offset, message };
}

/**
 * Whether a database is at a path, in whatever state; for adapters.
 *
 * @internal
 */
export function databaseExists(path: string): boolean {
  return stateOf(resolvePath(path)) === 'database';
}

/** As directoryState; a damaged database (CURRENT is gone) is one to be verified. */
function stateOf(directory: string): string {
  try {
    return directoryState(nodeFileSystem, directory);
  } catch (error) {
    if (error instanceof VarveError && error.code === 'VARVE_CORRUPTION') return 'database';
    throw error;
  }
}
