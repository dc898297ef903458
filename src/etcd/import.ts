/**
 * Importing: from a file of etcd to a database of ours, or to nothing at all.
 *
 *   open the file, check its SHA-256 ─▶ take the target ─▶ write sections into its workplace ─▶ close ─▶
 *   open what was written, hash it, compare ─▶ sync every file ─▶ publish (backend/restore-target.ts)
 *
 * Invariants:
 * 1. Whatever fails, what was made is taken back, and an empty target is as it was. At no moment is there half a database at the target.
 * 2. What is published was read back from its files, and hashes to what the file of etcd does.
 * 3. Sections are small and each is committed before the next, so memory is that of the backend, and back-pressure is minded. A value that
 *    is larger than a section has one of its own.
 */
import { EngineBackend } from '../backend/backend.js';
import { type RestoreTarget, takeTarget } from '../backend/restore-target.js';
import { checkNotAborted } from '../backend/snapshot.js';
import { openEngine } from '../engine/open.js';
import type { Environment } from '../engine/environment.js';
import type { FileSystem } from '../env/file-system.js';
import { joinPath, resolvePath } from '../env/path.js';
import { corruption, VarveError } from '../errors.js';
import { initializeChecksum } from '../format/checksum.js';
import { type ResolvedOptions, resolveOptions } from '../options.js';
import type { EtcdImportOptions, EtcdStatus } from './api.js';
import type { Content } from './content-walk.js';
import type { ImportSettings } from './read-options.js';
import { Reading } from './reading.js';

/** Keys and values of a section, and entries, after which it ends. A small memtable gets smaller ones. */
const sectionBytesMax = 1024 * 1024;
const sectionEntriesMax = 8192;

/** How the database in the workplace is written: synced once, when it is whole, and committed when this file says so. */
function workplaceOptions(options: EtcdImportOptions): ResolvedOptions {
  const { path, memtableBytes, cacheBytes, compression, compaction } = options;
  const given = Object.entries({ memtableBytes, cacheBytes, compression, compaction }).filter(([, value]) => value !== undefined);
  const most = Number.MAX_SAFE_INTEGER;
  return resolveOptions({ path, batchLimit: most, batchIntervalMs: most, unsafeNoFsync: true, ...Object.fromEntries(given) });
}

/** Writes what a reading gives, in sections. */
class SectionWriter {
  private readonly bytesMax: number;
  private bytes = 0;
  private entries = 0;

  constructor(
    private readonly backend: EngineBackend,
    options: ResolvedOptions,
  ) {
    this.bytesMax = Math.min(sectionBytesMax, options.memtableBytes / 4);
  }

  take({ kind, bucket, key, value }: Content): void | Promise<void> {
    const bytes = bucket.length + key.length + value.length;
    if (this.entries > 0 && this.bytes + bytes > this.bytesMax) {
      return this.end().then(() => this.put(kind, bucket, key, value));
    }
    this.put(kind, bucket, key, value);
    return this.entries >= sectionEntriesMax ? this.end() : undefined;
  }

  /** Ends the open section, and resolves when it is committed. */
  async end(): Promise<void> {
    if (this.entries === 0) return;
    this.entries = 0;
    this.bytes = 0;
    this.backend.batchTx().unlock();
    await this.backend.forceCommit();
  }

  private put(kind: Content['kind'], bucket: Buffer, key: Buffer, value: Buffer): void {
    const transaction = this.backend.batchTx();
    if (this.entries === 0) transaction.lock();
    this.entries++;
    this.bytes += key.length + value.length;
    if (kind === 'bucket') transaction.unsafeCreateBucket(bucket);
    else transaction.unsafeSeqPut(bucket, key, value);
  }
}

/** Opens a backend, lets it be used, and closes it, whatever happens. The first error counts. */
async function withBackend<T>(
  environment: Environment,
  options: ResolvedOptions,
  use: (backend: EngineBackend) => Promise<T>,
): Promise<T> {
  const backend = new EngineBackend(await openEngine(options, environment));
  let result: T;
  try {
    result = await use(backend);
  } catch (error) {
    await backend.close().catch(() => {});
    throw firstFailure(error);
  }
  await backend.close();
  return result;
}

/** What poisoned a backend says more than that it is poisoned. */
function firstFailure(error: unknown): unknown {
  const isPoison = error instanceof VarveError && error.code === 'VARVE_POISONED';
  return isPoison && error.cause instanceof VarveError ? error.cause : error;
}

async function checkCopy(
  environment: Environment,
  options: ResolvedOptions,
  expected: EtcdStatus,
  { signal, onCheck }: ImportSettings,
): Promise<void> {
  const hash = await withBackend(environment, { ...options, readOnly: true }, async (backend) => {
    // A hash has no signal: it ends with its backend.
    const stop = (): void => void backend.close().catch(() => {});
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await backend.hashWithProgress(undefined, onCheck && ((keys) => onCheck(keys, expected.totalKey)));
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }).catch((error: unknown) => {
    checkNotAborted(signal);
    throw error;
  });
  checkNotAborted(signal);
  if (hash === expected.hash) return;
  throw corruption(options.path, undefined, `what was written hashes to ${hash}, the file of etcd to ${expected.hash}`);
}

async function syncFiles(files: FileSystem, directory: string): Promise<void> {
  for (const name of files.list(directory)) {
    const handle = files.open(joinPath(directory, name), 'modify');
    try {
      await handle.syncAsync();
    } finally {
      handle.close();
    }
  }
}

async function fill(
  environment: Environment,
  reading: Reading,
  target: RestoreTarget,
  options: ResolvedOptions,
  settings: ImportSettings,
): Promise<EtcdStatus> {
  const inWorkplace = { ...options, path: target.workplace };
  const status = await withBackend(environment, inWorkplace, async (backend) => {
    const writer = new SectionWriter(backend, options);
    const read = await reading.content((content) => writer.take(content));
    await writer.end();
    return read;
  });
  await checkCopy(environment, inWorkplace, status, settings);
  // Barrier: what is published must be on the disk, and nothing of it was synced so far.
  await syncFiles(environment.fileSystem, target.workplace);
  checkNotAborted(settings.signal);
  target.publish();
  return status;
}

/** Imports the file at `file`, whose links were followed. The contract: `importEtcd`. */
export async function importInto(
  environment: Environment,
  file: string,
  options: EtcdImportOptions,
  settings: ImportSettings,
): Promise<EtcdStatus> {
  const resolved = workplaceOptions(options);
  await initializeChecksum();
  const reading = new Reading(environment, file, settings);
  try {
    await reading.verify();
    const target = takeTarget(environment.fileSystem, resolvePath(resolved.path));
    try {
      return await fill(environment, reading, target, resolved, settings);
    } catch (error) {
      target.abandon();
      throw error;
    }
  } finally {
    reading.close();
  }
}
