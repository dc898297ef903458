/**
 * Opening: from a directory to an engine that is ready, with everything that it shows durable.
 *
 *   look ─▶ lock ─▶ CURRENT ─▶ manifest ─▶ tables, logs there? ─▶ fresh manifest ─▶ catalogue ─▶ logs into memtables ─▶
 *   logs synced ─▶ orphans removed ─▶ background work started
 *
 * A read-only open leaves out every step that writes. A failure at any step gives back what was taken.
 *
 * Invariants:
 * 1. Nothing is deleted before a manifest that does not name it is durable, and only files with names of ours.
 * 2. Numbers go on above every number that stands in a file name of the directory.
 * 3. What recovery read is synced before `openEngine` resolves: a second crash cannot take back what a reader saw.
 */
import { corruption, VarveError } from '../errors.js';
import { acquireDirectoryLock, releaseAfterFailure } from '../env/directory-lock.js';
import type { FileSystem } from '../env/file-system.js';
import { whileLocked } from '../env/locked-files.js';
import { withoutSyncs } from '../env/no-sync-file-system.js';
import { joinPath } from '../env/path.js';
import { initializeChecksum } from '../format/checksum.js';
import { type Codec, loadCodec } from '../format/compression.js';
import { logFileName, parseFileName, tableFileName } from '../format/file-names.js';
import { blockBytesDefault, reservedBytes, storedNumberMax } from '../limits.js';
import type { ResolvedOptions } from '../options.js';
import { BlockCache } from '../sstable/block-cache.js';
import { OpenTables } from '../sstable/open-tables.js';
import { readCurrent } from '../version/current-file.js';
import { LiveFiles } from '../version/live-files.js';
import { readManifest } from '../version/manifest-reader.js';
import { initialState, type ManifestState } from '../version/manifest-state.js';
import { versionTables } from '../version/version.js';
import { BucketCatalog } from './bucket-catalog.js';
import { loadCatalog } from './catalog-loading.js';
import { checkDirectory, makeDurableDirectory } from './database-directory.js';
import { headroomBytes } from './disk-room.js';
import { Engine } from './engine.js';
import type { Environment } from './environment.js';
import { Health } from './health.js';
import { chainLogs, type LogChainSource } from './log-chain.js';
import { MemtableSlot } from './memtable-slot.js';
import { MemtableSet } from './memtable-set.js';
import { poisonMessage, processObserver } from './observer.js';
import { recoverLogs } from './recovery.js';
import { VersionStore } from './version-store.js';
import { ViewRegistry } from './views.js';

/** Memtables that a writer may leave in logs at most, if it cannot flush: two that wait, and the active one. Memory has room for one more. */
const unflushedMax = 3;

interface FoundDatabase {
  readonly state: ManifestState;
  readonly manifestNumber: number;
  /** Above every number in a file name. */
  readonly nextFileNumber: number;
  readonly logNumbers: readonly number[];
}

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

/** Reads CURRENT and the manifest, and looks whether all that they name is there. */
export function readDatabase(
  fileSystem: FileSystem,
  directory: string,
): Omit<FoundDatabase, 'state'> & { state: ManifestState | undefined } {
  const names = fileSystem.list(directory);
  let nextFileNumber = 1;
  const logNumbers: number[] = [];
  const tables = new Set<number>();
  for (const name of names) {
    const parsed = parseFileName(name);
    if (parsed === undefined) continue;
    // New files get numbers above it.
    if (parsed.number > storedNumberMax) throw corruption(name, undefined, 'the number in the name is out of range');
    nextFileNumber = Math.max(nextFileNumber, parsed.number + 1);
    if (parsed.kind === 'log') logNumbers.push(parsed.number);
    if (parsed.kind === 'table') tables.add(parsed.number);
  }
  const manifestNumber = readCurrent(fileSystem, directory);
  if (manifestNumber === undefined) return { state: undefined, manifestNumber: 0, nextFileNumber, logNumbers };
  const state = readManifest(fileSystem, directory, manifestNumber);
  for (const table of versionTables(state.version)) {
    const name = tableFileName(table.fileNumber);
    if (!tables.has(table.fileNumber)) throw corruption(name, undefined, 'the table is missing');
    const status = fileSystem.status(joinPath(directory, name));
    if (status?.kind !== 'file' || status.sizeBytes !== table.fileBytes) {
      throw corruption(
        name,
        undefined,
        `the table is ${describeStatus(status)}, the manifest says a file of ${table.fileBytes} bytes`,
      );
    }
  }
  return { state, manifestNumber, nextFileNumber, logNumbers };
}

function describeStatus(status: { kind: string; sizeBytes: number } | undefined): string {
  return status === undefined ? 'missing' : status.kind === 'file' ? `a file of ${status.sizeBytes} bytes` : 'no file';
}

/** Throws VARVE_CORRUPTION where a log is missing, or the logs know more than the manifest. */
function checkLogChain(fileSystem: FileSystem, directory: string, found: FoundDatabase): void {
  chainLogs(logChainSource(fileSystem, directory, found), (error) => {
    throw error;
  });
}

function logChainSource(fileSystem: FileSystem, directory: string, found: FoundDatabase): LogChainSource {
  const { state, manifestNumber, logNumbers } = found;
  const { databaseId, oldestLogNumber, newestLogNumber, newestLogBytes, nextFileNumber } = state;
  const known = { manifestNumber, oldestLogNumber, newestLogNumber, newestLogBytes, nextFileNumber };
  return { fileSystem, directory, databaseId, logNumbers, ...known };
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

/** From a version to a running engine: fresh manifest, catalogue, logs, orphans, background work. */
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

/**
 * Logs that were flushed while they or others were still to be read, and logs without records, are needed no more. Some of them the manifest
 * may have passed already: a flush lets go of the logs of its own memtable alone.
 */
async function letGoOfLogs(
  { parts: { fileSystem, directory, versions, memtables } }: Engine,
  logNumbers: readonly number[],
): Promise<void> {
  const { oldestLogNumber } = memtables;
  const needed = neededLogs(memtables);
  const isThere = (number: number): boolean => fileSystem.status(joinPath(directory, logFileName(number)))?.kind === 'file';
  const unneeded = logNumbers.filter((number) => !needed.has(number) && isThere(number));
  if (unneeded.length === 0) return;
  versions.install({ removedTables: [], addedRuns: [], oldestLogNumber }, [], unneeded, () => {});
  await versions.settled();
}

/** Numbers of the logs that hold what recovery put into memory. */
function neededLogs({ sealed }: MemtableSet): Set<number> {
  return new Set(sealed.flatMap((slot) => slot.recoveredLogs.map((log) => log.number)));
}

/** The logs may have been read from memory of the system: now they are on the disk. */
function syncLogs({ parts: { fileSystem, directory, memtables } }: Engine): void {
  const numbers = neededLogs(memtables);
  for (const number of numbers) {
    const file = fileSystem.open(joinPath(directory, logFileName(number)), 'modify');
    try {
      file.sync();
    } finally {
      file.close();
    }
  }
  if (numbers.size > 0) fileSystem.syncDirectory(directory);
}

/**
 * A crash may come between the sync of a log and that of the manifest, which then does not know the log, or how long it is. From now on
 * somebody may rely on it, so its loss must be told.
 */
function noteNewestLog({ parts: { versions, memtables } }: Engine): void {
  const newest = memtables.sealed.at(-1)?.recoveredLogs.at(-1);
  if (newest === undefined) return;
  const { newestLogNumber, newestLogBytes } = versions.state;
  const isNoted = newest.number < newestLogNumber || (newest.number === newestLogNumber && newest.bytes <= newestLogBytes);
  if (isNoted) return;
  versions.noteLog(newest.number, newest.bytes);
  versions.syncManifest();
}

/**
 * Removes files of ours that nothing names: outputs of jobs that did not end, old manifests and logs, temporary files. One that
 * cannot be removed is in nobody's way.
 */
function removeOrphans({ parts: { fileSystem, directory, versions, liveFiles } }: Engine): void {
  const { state } = versions;
  const tables = new Set<number>();
  for (const table of versionTables(state.version)) tables.add(table.fileNumber);
  for (const name of fileSystem.list(directory)) {
    const parsed = parseFileName(name);
    if (parsed === undefined) continue;
    const isOrphan =
      parsed.kind === 'temporary' ||
      (parsed.kind === 'table' && !tables.has(parsed.number)) ||
      (parsed.kind === 'log' && parsed.number < state.oldestLogNumber) ||
      (parsed.kind === 'manifest' && parsed.number !== versions.currentManifestNumber);
    if (isOrphan && fileSystem.status(joinPath(directory, name))?.kind === 'file') liveFiles.markObsolete(name);
  }
}
