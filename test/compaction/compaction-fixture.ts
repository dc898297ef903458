/**
 * What the tests of compaction share: jobs over files in memory, entries as plain values, and the naive merge.
 */
import { expect } from 'vitest';
import type {
  CompactionJob,
  FlushJob,
  Job,
  JobResult,
  JobSettings,
  JobSuccess,
  MergeInput,
  Retention,
} from '../../src/compaction/job.js';
import { JobExecutor } from '../../src/compaction/job-execution.js';
import { compareKeys } from '../../src/format/bytes.js';
import { loadCodec } from '../../src/format/compression.js';
import { tableFileName } from '../../src/format/file-names.js';
import { readBucketId } from '../../src/format/internal-key.js';
import type { Memtable } from '../../src/memtable/memtable.js';
import { OpenTables } from '../../src/sstable/open-tables.js';
import type { TableFileContext } from '../../src/sstable/table-context.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { TableScanner } from '../../src/sstable/table-scanner.js';
import { verifyTable } from '../../src/sstable/table-verifier.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

export const directory = '/db';
export const databaseId = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
/** What jobs share, where what they write is of no matter. */
export const plainSettings = (path: string): JobSettings => ({
  directory: path,
  databaseId,
  compress: false,
  blockBytes: 4096,
  targetTableBytes: 1 << 20,
  unsafeNoFsync: true,
  flushReserveBytes: 0,
  compactionReserveBytes: 0,
});
export const everything = Number.MAX_SAFE_INTEGER;

/** One stored entry as text; value undefined: a tombstone. */
export interface Entry {
  readonly key: string;
  readonly sequence: number;
  readonly value: string | undefined;
}

export const liveBuckets = (...ids: number[]): Uint32Array => Uint32Array.from(ids);
export const everybody: Retention = { views: [], liveBuckets: liveBuckets(0, 1, 2, 3) };

/** A directory of tables, and the jobs that work in it. */
export class Workshop {
  readonly files = new MemoryFileSystem();
  readonly settings: JobSettings;
  readonly reading: TableFileContext;
  readonly executor: JobExecutor;
  /** Bytes that the last job said it had read, slice by slice. */
  slices: number[] = [];
  private nextNumber = 1;

  constructor(settings: Partial<JobSettings> = {}) {
    this.files.makeDirectory(directory);
    this.settings = {
      directory,
      databaseId,
      compress: false,
      blockBytes: 120,
      targetTableBytes: 900,
      unsafeNoFsync: false,
      flushReserveBytes: 0,
      compactionReserveBytes: 0,
      ...settings,
    };
    this.executor = new JobExecutor(this.files, this.settings);
    this.reading = {
      fileSystem: this.files,
      directory,
      databaseId,
      codec: loadCodec(),
      openTables: new OpenTables(this.files, directory),
    };
  }

  flushJob(memtable: Memtable, retention = everybody): FlushJob {
    return { ...this.jobBase(retention), kind: 'flush', records: memtable.freeze() };
  }

  compactionJob(merges: readonly MergeInput[], retention = everybody, dropTombstones = true): CompactionJob {
    return { ...this.jobBase(retention), kind: 'compaction', merges, dropTombstones };
  }

  /** Runs a job to its end, whatever that is. */
  execute(job: Job): JobResult {
    this.slices = [];
    const slices = this.executor.run(job);
    for (;;) {
      const slice = slices.next();
      if (slice.done === true) return slice.value;
      this.slices.push(slice.value);
    }
  }

  /** Runs a job that succeeds; every table of its result is sound, in the job's range of numbers, and nothing else was left. */
  run(job: Job): JobSuccess {
    const before = new Set(this.files.list(directory));
    const result = this.execute(job);
    if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
    const tables = result.outputs.flat().map((table) => table.metadata);
    const added = this.files.list(directory).filter((name) => !before.has(name));
    expect(added.sort()).toEqual(tables.map((table) => tableFileName(table.fileNumber)).sort());
    expect(this.files.openHandles).toBe(0);
    for (const table of tables) {
      expect(table.fileNumber).toBeGreaterThanOrEqual(job.fileNumbers.first);
      expect(table.fileNumber).toBeLessThan(job.fileNumbers.end);
      expect(verifyTable(this.reading, table).problems).toEqual([]);
    }
    this.reading.openTables.closeAll();
    for (const run of result.outputs) expectRun(run.map((table) => table.metadata));
    return result;
  }

  /** Writes a run from a memtable. */
  flush(memtable: Memtable, retention = everybody): TableMetadata[] {
    return metadataOf(this.run(this.flushJob(memtable, retention)))[0] as TableMetadata[];
  }

  /** All entries of a run, in order. */
  scan(tables: readonly TableMetadata[]): Entry[] {
    const entries: Entry[] = [];
    for (const table of tables) {
      const scanner = new TableScanner(this.reading, table);
      for (; scanner.valid; scanner.next()) {
        const { keyBytes, keyStart, keyEnd, sequence, isTombstone, valueBytes, valueStart, valueEnd } = scanner;
        const value = isTombstone ? undefined : Buffer.from(valueBytes.subarray(valueStart, valueEnd)).toString('latin1');
        entries.push({ key: Buffer.from(keyBytes.subarray(keyStart, keyEnd)).toString('latin1'), sequence, value });
      }
    }
    this.reading.openTables.closeAll();
    return entries;
  }

  bytesOf(table: TableMetadata): Buffer {
    const bytes = Buffer.alloc(table.fileBytes);
    const handle = this.files.open(`${directory}/${tableFileName(table.fileNumber)}`, 'read');
    expect(handle.read(bytes, 0)).toBe(table.fileBytes);
    handle.close();
    return bytes;
  }

  /** Changes one byte of a table. */
  damage(table: TableMetadata, offset: number): void {
    const handle = this.files.open(`${directory}/${tableFileName(table.fileNumber)}`, 'modify');
    const byte = new Uint8Array(1);
    handle.read(byte, offset);
    handle.write([Uint8Array.of((byte[0] as number) ^ 0x55)], offset);
    handle.close();
  }

  private jobBase(retention: Retention) {
    const first = this.nextNumber;
    this.nextNumber += 1000;
    return { id: first, retention, fileNumbers: { first, end: this.nextNumber }, filterBitsPerKey: 10 };
  }
}

export const metadataOf = (result: JobSuccess): TableMetadata[][] =>
  result.outputs.map((run) => run.map((table) => table.metadata));

/** No key, not even another version of it, is in two tables of a run, and the tables ascend. */
function expectRun(tables: readonly TableMetadata[]): void {
  for (let i = 1; i < tables.length; i++) {
    const [previous, next] = [tables[i - 1] as TableMetadata, tables[i] as TableMetadata];
    expect(compareKeys(previous.largestKey, next.smallestKey)).toBeLessThan(0);
  }
}

export const put = (key: string, sequence: number, value = `${key}@${sequence}`): Entry => ({ key, sequence, value });
export const tombstone = (key: string, sequence: number): Entry => ({ key, sequence, value: undefined });

/** What a view reads of a key in runs, newest first: a value, or undefined where there is none or it was deleted. */
export function readRuns(runs: readonly (readonly Entry[])[], key: string, view: number): string | undefined {
  for (const run of runs) {
    const entry = run.find((candidate) => candidate.key === key && candidate.sequence <= view);
    if (entry !== undefined) return entry.value;
  }
  return undefined;
}

/**
 * The versions of one key that remain, newest first, by the definition: a version is needed by the views between it and the next
 * newer one; the newest by all who come; a tombstone that all see and that hides nothing outside goes with what it hides.
 */
export function remaining(versions: readonly Entry[], views: readonly number[], dropTombstones: boolean): Entry[] {
  const kept: Entry[] = [];
  for (const [i, version] of versions.entries()) {
    const newer = versions[i - 1]?.sequence ?? Number.POSITIVE_INFINITY;
    const isNewest = i === 0;
    const isNeeded = isNewest || views.some((view) => version.sequence <= view && view < newer);
    if (!isNeeded) continue;
    const allSee = views.every((view) => version.sequence <= view);
    if (version.value === undefined && allSee && dropTombstones) break;
    kept.push({ ...version, sequence: allSee ? 0 : version.sequence });
  }
  return kept;
}

/** The merge of runs, newest first, by the definition. */
export function naiveMerge(runs: readonly (readonly Entry[])[], retention: Retention, dropTombstones: boolean): Entry[] {
  const byKey = new Map<string, Entry[]>();
  for (const run of runs) for (const entry of run) byKey.set(entry.key, [...(byKey.get(entry.key) ?? []), entry]);
  const latin1Order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  const live = new Set(retention.liveBuckets);
  return [...byKey.entries()]
    .filter(([key]) => live.has(readBucketId(Buffer.from(key, 'latin1'), 0, key.length)))
    .sort(([a], [b]) => latin1Order(a, b))
    .flatMap(([, versions]) => remaining(versions, retention.views, dropTombstones));
}
