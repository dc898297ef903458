/**
 * Opening: from a directory to an engine that is ready, with everything that it shows durable.
 *
 *   look ─▶ lock ─▶ CURRENT ─▶ manifest ─▶ tables, logs there? (found-database.ts) ─▶ fresh manifest ─▶ orphans removed ─▶
 *   catalogue ─▶ logs into memtables ─▶ logs let go or synced (recovered-logs.ts) ─▶ background work started
 *
 * A read-only open leaves out every step that writes. A failure at any step gives back what was taken.
 *
 * Invariants:
 * 1. Nothing is deleted before a manifest that does not name it is durable, and only files with names of ours.
 * 2. Numbers go on above every number that stands in a file name of the directory.
 * 3. What recovery read is synced before `openEngine` resolves: a second crash cannot take back what a reader saw.
 */
import { VarveError } from '../errors.js';
import { acquireDirectoryLock, releaseAfterFailure } from '../env/directory-lock.js';
import { whileLocked } from '../env/locked-files.js';
import { withoutSyncs } from '../env/no-sync-file-system.js';
import { initializeChecksum } from '../format/checksum.js';
import { type Codec, loadCodec } from '../format/compression.js';
import { blockBytesDefault, mergePartBytesMinDefault, reservedBytes } from '../limits.js';
import type { ResolvedOptions } from '../options.js';
import { BlockCache } from '../sstable/block-cache.js';
import { OpenTables } from '../sstable/open-tables.js';
import { LiveFiles } from '../version/live-files.js';
import { initialState } from '../version/manifest-state.js';
import { BucketCatalog } from './bucket-catalog.js';
import { loadCatalog } from './catalog-loading.js';
import { checkDirectory, makeDurableDirectory } from './database-directory.js';
import { headroomBytes } from './disk-room.js';
import { Engine } from './engine.js';
import type { Environment } from './environment.js';
import { checkLogChain, type FoundDatabase, logChainSource, readDatabase } from './found-database.js';
import { Health } from './health.js';
import { MemtableSlot } from './memtable-slot.js';
import { MemtableSet } from './memtable-set.js';
import { poisonMessage, processObserver } from './observer.js';
import { removeOrphans } from './orphans.js';
import { letGoOfLogs, noteNewestLog, syncLogs } from './recovered-logs.js';
import { recoverLogs } from './recovery.js';
import { VersionStore } from './version-store.js';
import { ViewRegistry } from './views.js';

/** Memtables that a writer may leave in logs at most, if it cannot flush: two that wait, and the active one. Memory has room for one more. */
const unflushedMax = 3;

function codecFor(options: ResolvedOptions): Codec | undefined {
  const codec = loadCodec();
  if (options.compression === 'zstd' && codec === undefined) {
    throw new VarveError(
      'VARVE_INVALID_ARGUMENT',
      "compression 'zstd' needs a codec, and none is there: install zstd-napi, or use 'auto' or 'none'",
    );
  }
  return codec;
}

/** Opens or creates the database that the options name. */
export async function openEngine(options: ResolvedOptions, environment: Environment): Promise<Engine> {
  await initializeChecksum();
  const codec = codecFor(options);
  const directory = options.path;
  const plainFiles = environment.fileSystem;
  if (!options.readOnly) environment.checkRunner?.();
  const mayCreate = options.createIfMissing && !options.readOnly;
  const isNew = checkDirectory(plainFiles, directory, mayCreate) === 'new';
  if (isNew) makeDurableDirectory(plainFiles, directory);
  const lock = acquireDirectoryLock(plainFiles, directory, { readOnly: options.readOnly });
  let engine: Engine | undefined;
  try {
    const ownedFiles = whileLocked(plainFiles, lock.identity);
    const fileSystem = options.unsafeNoFsync ? withoutSyncs(ownedFiles) : ownedFiles;
    const found = readDatabase(fileSystem, directory);
    // Before anything is removed: what looks superfluous to a manifest that lost its end may be all there is.
    if (found.state !== undefined) checkLogChain(fileSystem, directory, { ...found, state: found.state });
    if (found.state === undefined && options.readOnly) throw new VarveError('VARVE_NOT_FOUND', `${directory} holds no database`);
    const state = found.state ?? initialState(environment.createDatabaseId());
    const liveFiles = new LiveFiles(fileSystem, directory);
    const observer = environment.observer ?? processObserver;
    const health = new Health(options.readOnly, (cause) => {
      if (observer.error.hasSubscribers) observer.error.publish(poisonMessage(directory, cause));
    });
    const cache = new BlockCache(options.cacheBytes);
    const { databaseId } = state;
    const tableContext = { fileSystem, directory, databaseId, codec, openTables: new OpenTables(fileSystem, directory), cache };
    const holder: { engine?: Engine } = {};
    const surroundings = {
      fileSystem,
      directory,
      tableContext,
      liveFiles,
      health,
      onPoisoned: () => holder.engine?.onPoisoned(),
    };
    const versions = new VersionStore(surroundings, state, found.manifestNumber, found.nextFileNumber);
    const memtables = new MemtableSet(options.memtableBytes, () => versions.allocateFileNumber(), state.lastSequence + 1);
    const targetTableBytes = environment.targetTableBytes ?? 2 * options.memtableBytes;
    engine = new Engine({
      options,
      directory,
      databaseId,
      fileSystem,
      clock: environment.clock,
      observer,
      health,
      lock,
      liveFiles,
      cache,
      views: new ViewRegistry(),
      catalog: new BucketCatalog(state.nextBucketId),
      memtables,
      versions,
      targetTableBytes,
      mergePartBytesMin: environment.mergePartBytesMin ?? mergePartBytesMinDefault,
    });
    holder.engine = engine;
    await recover(engine, environment, { ...found, state }, codec !== undefined);
    return engine;
  } catch (error) {
    if (engine === undefined) releaseAfterFailure(lock);
    else await engine.shutDown();
    throw error;
  }
}

/** From a version to a running engine: fresh manifest, orphans, catalogue, logs, background work. */
async function recover(engine: Engine, environment: Environment, found: FoundDatabase, canCompress: boolean): Promise<void> {
  const { options, directory, databaseId, fileSystem, lock, health, versions, memtables, catalog, targetTableBytes } =
    engine.parts;
  if (!options.readOnly) {
    versions.startManifest();
    removeOrphans(engine);
  }
  loadCatalog(catalog, versions.runs);
  const startRunner = (): void => {
    const settings = {
      directory,
      databaseId,
      compress: options.compression !== 'none' && canCompress,
      blockBytes: environment.blockBytes ?? blockBytesDefault,
      targetTableBytes,
      unsafeNoFsync: options.unsafeNoFsync,
      lock: lock.identity,
      flushReserveBytes: reservedBytes,
      compactionReserveBytes: reservedBytes + headroomBytes(options.memtableBytes),
    };
    engine.background.start(environment.createRunner(settings, engine.background));
  };
  let started = false;
  const source = {
    ...logChainSource(fileSystem, directory, found),
    memtableBytes: options.memtableBytes,
    nextSequence: found.state.lastSequence + 1,
    catalog,
    clock: environment.clock,
  };
  const recovered = await recoverLogs(source, async ({ memtable, logs, lastSequence, nextBucketId }) => {
    memtables.oldestUnreadLog = logs[logs.length - 1]?.number;
    memtables.adopt(new MemtableSlot(memtable, 0, logs, lastSequence), nextBucketId);
    if (options.readOnly || memtables.sealed.length < 2) return;
    if (!started) startRunner();
    started = true;
    try {
      await engine.background.flushes.flushSealed();
    } catch (error) {
      // A full disk keeps nobody from opening what a writer left that met it. The flush is tried again later.
      if (engine.parts.health.isPoisoned || memtables.sealed.length > unflushedMax) throw error;
    }
  });
  memtables.oldestUnreadLog = undefined;
  // The next new log names the newest one that a memtable needs. One between them without a record is needed by nobody, and no snapshot has it.
  engine.begin(recovered.nextSequence, memtables.sealed.at(-1)?.recoveredLogs.at(-1) ?? { number: 0, bytes: 0 });
  if (options.readOnly) return;
  await letGoOfLogs(engine, found.logNumbers);
  syncLogs(engine);
  noteNewestLog(engine);
  if (!started) startRunner();
  else engine.background.schedule();
  await engine.background.workOffLeftovers();
  // A manifest that failed meanwhile is told to whoever opens, and not only to the first commit.
  if (health.isPoisoned) throw health.poisonError().cause;
}
