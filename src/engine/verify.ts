/**
 * Reading every byte of a database that nobody has open, and reporting every problem.
 *
 *   CURRENT ─▶ manifest ─▶ every table: footer, sections, blocks, order, filter ─▶ every log: frames, records, chain
 *      └ missing or damaged: the newest manifest that is sound
 *
 * Invariants:
 * 1. Nothing is written.
 * 2. Damage in one file does not keep the others from being read, where they can still be found.
 * 3. Memory: one window, one block or group, and one memtable.
 * 4. The event loop goes on: between blocks of a table, and between memtables of a log, others go first once a slice is over.
 */
import { type Clock, systemClock } from '../env/clock.js';
import { Slices } from '../env/slices.js';
import type { FileSystem } from '../env/file-system.js';
import { joinPath } from '../env/path.js';
import { loadCodec } from '../format/compression.js';
import { currentFileName, manifestFileName, parseFileName, tableFileName } from '../format/file-names.js';
import { memtableBytesMin } from '../limits.js';
import { BlockCache } from '../sstable/block-cache.js';
import { OpenTables } from '../sstable/open-tables.js';
import { readTableMetadata } from '../sstable/table-file.js';
import { verifyTableInSteps } from '../sstable/table-verifier.js';
import { TableReader } from '../sstable/table-reader.js';
import { readCurrent } from '../version/current-file.js';
import { readManifest } from '../version/manifest-reader.js';
import type { ManifestState } from '../version/manifest-state.js';
import { versionTables } from '../version/version.js';
import { BucketCatalog } from './bucket-catalog.js';
import { loadCatalog } from './catalog-loading.js';
import { type Problem, problemOf } from './problem.js';
import { type RecoveredMemtable, recoverLogs } from './recovery.js';

/** Cache for reading the catalogue. */
const cacheBytes = 1024 * 1024;

/** What was read, and what is wrong with it. */
export interface DirectoryReport {
  problems: Problem[];
  files: number;
  bytes: number;
  entries: number;
}

/** Told bytes of files that were read and of all files, after each file and once in some milliseconds. May throw VARVE_ABORTED. */
export type VerifyListener = (done: number, total: number) => void;

class DirectoryVerifier {
  readonly report: DirectoryReport = { problems: [], files: 0, bytes: 0, entries: 0 };
  private readonly slices: Slices;
  private totalBytes = 0;
  /** That of the manifest that CURRENT names. */
  private liveNumber: number | undefined;

  constructor(
    private readonly fileSystem: FileSystem,
    private readonly directory: string,
    private readonly clock: Clock,
    private readonly onProgress: VerifyListener | undefined,
  ) {
    this.slices = new Slices(clock);
  }

  /** Tables and logs that will be read come to those files that were. */
  measure({ version }: ManifestState): void {
    this.totalBytes = this.report.bytes;
    for (const { fileBytes } of versionTables(version)) this.totalBytes += fileBytes;
    for (const name of this.logNames()) this.totalBytes += this.fileSystem.status(joinPath(this.directory, name))?.sizeBytes ?? 0;
  }

  /** The state of the live manifest; where CURRENT does not say which that is, of the newest manifest that is sound. */
  readState(): ManifestState | undefined {
    this.liveNumber = this.readLiveNumber();
    if (this.liveNumber !== undefined) return this.readManifest(this.liveNumber);
    const names = this.fileSystem.list(this.directory).map((name) => parseFileName(name));
    const numbers = names.filter((parsed) => parsed?.kind === 'manifest').map((parsed) => parsed?.number ?? 0);
    for (const number of numbers.sort((a, b) => b - a)) {
      const state = this.readManifest(number);
      if (state !== undefined) return state;
    }
    return undefined;
  }

  async verifyTables({ version, databaseId }: ManifestState): Promise<void> {
    const { fileSystem, directory, report } = this;
    const openTables = new OpenTables(fileSystem, directory);
    const context = { fileSystem, directory, databaseId, codec: loadCodec(), openTables };
    for (const table of versionTables(version)) {
      const file = tableFileName(table.fileNumber);
      try {
        const steps = verifyTableInSteps(context, table);
        let step = steps.next();
        for (; step.done !== true; step = steps.next()) if (this.slices.isOver) await this.rest(step.value);
        const { entries, problems } = step.value;
        report.entries += entries;
        for (const problem of problems) report.problems.push({ file, ...problem });
        this.count(file);
      } catch (error) {
        report.problems.push(problemOf(error, file));
      } finally {
        openTables.close(table.fileNumber);
      }
    }
    openTables.closeAll();
  }

  /** The buckets of the tables; none where some table is damaged: then it is not known which there are. */
  loadCatalog({ version, databaseId, nextBucketId }: ManifestState): BucketCatalog {
    const { fileSystem, directory, report } = this;
    const catalog = new BucketCatalog(nextBucketId);
    if (report.problems.length > 0) return catalog;
    const openTables = new OpenTables(fileSystem, directory);
    const context = { fileSystem, directory, databaseId, codec: loadCodec(), openTables, cache: new BlockCache(cacheBytes) };
    const runs = version.levels.flatMap(({ runs }, level) =>
      runs.map(({ tables }) => ({ level, tables, readers: tables.map((table) => new TableReader(context, table)) })),
    );
    try {
      loadCatalog(catalog, runs);
      return catalog;
    } catch (error) {
      report.problems.push(problemOf(error, 'the tables'));
      return new BucketCatalog(nextBucketId);
    } finally {
      openTables.closeAll();
    }
  }

  async verifyLogs(state: ManifestState, catalog: BucketCatalog): Promise<void> {
    const { fileSystem, directory, report } = this;
    const logs = this.logNames();
    const source = {
      fileSystem,
      directory,
      databaseId: state.databaseId,
      manifestNumber: this.liveNumber,
      oldestLogNumber: state.oldestLogNumber,
      newestLogNumber: state.newestLogNumber,
      newestLogBytes: state.newestLogBytes,
      nextFileNumber: state.nextFileNumber,
      logNumbers: logs.map((name) => parseFileName(name)?.number ?? 0),
      memtableBytes: memtableBytesMin,
      nextSequence: state.lastSequence + 1,
      catalog,
      clock: this.clock,
    };
    let readBytes = 0;
    const countRecords = async ({ memtable }: RecoveredMemtable): Promise<void> => {
      report.entries += memtable.recordCount;
      readBytes += memtable.usedBytes;
      if (this.slices.isOver) await this.rest(readBytes);
    };
    await recoverLogs(source, countRecords, (error) => report.problems.push(problemOf(error, 'the logs')));
    for (const name of logs) this.count(name);
  }

  /** Lets others go first. `readBytes` are of files that are not counted yet. */
  private async rest(readBytes: number): Promise<void> {
    this.tell(readBytes);
    await this.slices.giveWay();
  }

  private tell(readBytes: number): void {
    if (this.totalBytes > 0) this.onProgress?.(Math.min(this.report.bytes + readBytes, this.totalBytes), this.totalBytes);
  }

  private logNames(): string[] {
    return this.fileSystem.list(this.directory).filter((name) => parseFileName(name)?.kind === 'log');
  }

  /**
   * Where files are gone that the manifest names, while a whole table is there that it does not name, one of two things happened, and nothing
   * tells which: somebody removed the files, and the table was left by a crash; or the end of the manifest is gone, which put the table in
   * the place of the files. So the manifest is named beside them.
   */
  doubtManifest({ version, databaseId }: ManifestState): void {
    const { fileSystem, directory, report, liveNumber } = this;
    const isGone = ({ file }: Problem): boolean =>
      ['log', 'table'].includes(parseFileName(file)?.kind ?? '') && fileSystem.status(joinPath(directory, file)) === undefined;
    if (liveNumber === undefined || !report.problems.some(isGone)) return;
    const named = new Set([...versionTables(version)].map((table) => table.fileNumber));
    const openTables = new OpenTables(fileSystem, directory);
    const context = { fileSystem, directory, databaseId, codec: loadCodec(), openTables };
    const isWhole = (fileNumber: number): boolean => {
      try {
        return readTableMetadata(context, fileNumber).entryCount > 0;
      } catch {
        return false;
      }
    };
    const files = fileSystem.list(directory).map((name) => parseFileName(name));
    const unnamed = files.find((file) => file?.kind === 'table' && !named.has(file.number) && isWhole(file.number));
    openTables.closeAll();
    if (unnamed === undefined) return;
    const told = `names files that are gone, and does not name ${tableFileName(unnamed.number)}, which is a whole table`;
    const message = `the manifest may have lost its end: it ${told}`;
    report.problems.push({ file: manifestFileName(liveNumber), message });
  }

  /** The number of the live manifest, or undefined after a problem with CURRENT. */
  private readLiveNumber(): number | undefined {
    try {
      const number = readCurrent(this.fileSystem, this.directory);
      if (number === undefined) this.report.problems.push({ file: currentFileName, message: 'the file is missing' });
      this.count(currentFileName);
      return number;
    } catch (error) {
      this.report.problems.push(problemOf(error, currentFileName));
      return undefined;
    }
  }

  /** The state that a manifest describes, or undefined after a problem with it. */
  private readManifest(number: number): ManifestState | undefined {
    const name = manifestFileName(number);
    try {
      const state = readManifest(this.fileSystem, this.directory, number);
      this.count(name);
      return state;
    } catch (error) {
      this.report.problems.push(problemOf(error, name));
      return undefined;
    }
  }

  private count(name: string): void {
    const status = this.fileSystem.status(joinPath(this.directory, name));
    if (status?.kind !== 'file') return;
    this.report.files++;
    this.report.bytes += status.sizeBytes;
    this.tell(0);
  }
}

/** Verifies the database in a directory. What cannot be read for another reason than damage (VARVE_IO of the system) is a problem too. */
export async function verifyDirectory(
  fileSystem: FileSystem,
  directory: string,
  clock: Clock = systemClock,
  onProgress?: VerifyListener,
): Promise<DirectoryReport> {
  const verifier = new DirectoryVerifier(fileSystem, directory, clock, onProgress);
  const state = verifier.readState();
  if (state !== undefined) {
    verifier.measure(state);
    await verifier.verifyTables(state);
    await verifier.verifyLogs(state, verifier.loadCatalog(state));
    verifier.doubtManifest(state);
  }
  return verifier.report;
}
