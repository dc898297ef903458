/**
 * What the main thread asks of the worker and what comes back: plain values that can cross a thread.
 *
 *   main thread                                worker (or the same thread, in tests)
 *   FlushJob { frozen records }      ──────▶   sort, drop, write tables, sync
 *   CompactionJob { tables to merge} ──────▶   merge, drop, write tables, sync
 *   JobResult                        ◀──────   finished tables with index, filter and sample, or an error
 *
 * Invariants:
 * 1. A job writes only files of its own range of numbers; whoever drops a job may delete every file of that range.
 * 2. A result names only files that are complete and synced, with their names synced in the directory.
 * 3. A job reads nothing that changes: frozen records and immutable tables that are held for it.
 */
import type { LockIdentity } from '../env/locked-files.js';
import type { FrozenRecords } from '../memtable/record-table.js';
import type { FinishedTable } from '../sstable/table-writer.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import type { ScanRange } from '../sstable/table-scanner.js';

/** What every job of one database shares. */
export interface JobSettings {
  readonly directory: string;
  readonly databaseId: Uint8Array;
  readonly compress: boolean;
  readonly blockBytes: number;
  /** Stored size at which an output table is closed, at the next key. */
  readonly targetTableBytes: number;
  readonly unsafeNoFsync: boolean;
  /** The lock of the directory: without it in its place no job makes or removes a file. */
  readonly lock?: LockIdentity | undefined;
  /** Bytes that flushes leave free on the disk: commits have left room for them. */
  readonly flushReserveBytes: number;
  /** Bytes that compactions leave free. */
  readonly compactionReserveBytes: number;
}

/** Who may still need an old version: see drop-policy.ts. */
export interface Retention {
  /** Sequences of the live views, ascending. */
  readonly views: readonly number[];
  /** Ids of the buckets that somebody may still read, ascending. What other buckets own is dropped. */
  readonly liveBuckets: Uint32Array;
}

/** Numbers from `first` up to, not including, `end`. */
export interface FileNumberRange {
  readonly first: number;
  readonly end: number;
}

interface JobBase {
  readonly id: number;
  readonly retention: Retention;
  readonly fileNumbers: FileNumberRange;
  readonly filterBitsPerKey: number;
}

export interface FlushJob extends JobBase {
  readonly kind: 'flush';
  readonly records: FrozenRecords;
}

/** Runs to be merged into one: newest first, each a list of disjoint tables in key order. */
export type MergeInput = readonly (readonly TableMetadata[])[];

export interface CompactionJob extends JobBase {
  readonly kind: 'compaction';
  /** Merges whose key ranges do not touch each other, in key order. */
  readonly merges: readonly MergeInput[];
  /** Absent: all keys. Else the job is a part of a compaction: only what the inputs have there is merged. */
  readonly range?: ScanRange;
  /** Whether no older run outside the job can hold a key of it, so that tombstones have nothing left to hide. */
  readonly dropTombstones: boolean;
}

export type Job = FlushJob | CompactionJob;

export interface JobCounts {
  readonly entriesRead: number;
  readonly entriesWritten: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Blocks that were copied as they are. */
  readonly blocksCopied: number;
}

export interface JobSuccess {
  readonly id: number;
  readonly ok: true;
  /** One list of tables for a flush; one list a merge for a compaction. */
  readonly outputs: readonly (readonly FinishedTable[])[];
  readonly counts: JobCounts;
}

/** An error as plain data. */
export interface JobFailure {
  readonly id: number;
  readonly ok: false;
  readonly code: string;
  readonly message: string;
  readonly file: string | undefined;
  readonly offset: number | undefined;
  /** The system's error code beneath, such as ENOSPC. */
  readonly systemCode: string | undefined;
}

export type JobResult = JobSuccess | JobFailure;

/** Where jobs run. Results come to the handler in any order, one a job, never from within `submit`. */
export interface JobRunner {
  /** Jobs that should run at once now. It may be another number the next time. */
  readonly threads: number;
  /** Jobs will come soon: what they need is started, so that the first one does not wait for it. */
  prepare(): void;
  submit(job: Job): void;
  /** Asks a job to end soon; its result (mostly a failure with VARVE_ABORTED) still comes. */
  cancel(id: number): void;
  /** Blocks this thread until some result was handed to the handler, `timeoutMs` at most. True where one was. */
  waitForResult(timeoutMs: number): boolean;
  /** Whether results that are awaited keep the process alive. */
  setKeepsProcessAlive(keeps: boolean): void;
  /** Ends everything that runs; no result comes any more. */
  close(): Promise<void>;
}

/** Who gets what jobs report. */
export interface JobHandler {
  onResult(result: JobResult): void;
  /** Bytes of inputs that a compaction has read so far. */
  onProgress(id: number, bytesRead: number): void;
  /**
   * The thread has ended that had these jobs, whose failure was told before, when it was given up. Until now it may have been in the
   * middle of making a file; from now on nothing of theirs appears any more.
   */
  onWorkerGone(jobs: readonly Job[]): void;
}
