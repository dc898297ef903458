/**
 * What the schedulers of flush and compaction share: numbers for jobs and files, the runner, and telling that something changed.
 */
import type { FileNumberRange, Job, Retention } from '../compaction/job.js';
import type { Clock } from '../env/clock.js';
import type { ResolvedOptions } from '../options.js';
import type { LiveFiles } from '../version/live-files.js';
import type { BucketCatalog } from './bucket-catalog.js';
import type { Health } from './health.js';
import type { MemtableSet } from './memtable-set.js';
import type { Observer } from './observer.js';
import type { ReadDebt } from './read-debt.js';
import type { VersionStore } from './version-store.js';

/** The parts of the engine that background work touches. */
export interface BackgroundSurroundings {
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly directory: string;
  readonly health: Health;
  readonly memtables: MemtableSet;
  readonly versions: VersionStore;
  readonly catalog: BucketCatalog;
  readonly liveFiles: LiveFiles;
  readonly readDebt: ReadDebt;
  readonly targetTableBytes: number;
  /** Stored bytes that a part of a divided compaction reads at least, about. */
  readonly mergePartBytesMin: number;
  retention(): Retention;
  /** Whether the disk has hardly room for a merge of tables of so many bytes. */
  isRoomShort(tableBytes: number): boolean;
  /** Lets go of the buckets that nobody can read any more. Called after each commit: nothing where none was deleted. */
  retireBuckets(): void;
  /** Commits everything unlocked, in place. */
  commitNow(): void;
  /** Removes what a job that came to nothing may have left. */
  removeOutputs(job: Job): void;
}

export interface BackgroundCounters {
  flushes: number;
  compactions: number;
  failures: number;
  flushBytesWritten: number;
  compactionBytesWritten: number;
  blocksCopied: number;
  tablesMoved: number;
  stallCount: number;
  stallMs: number;
}

/** What every new job begins with. */
export interface JobBase {
  readonly id: number;
  readonly retention: Retention;
  readonly fileNumbers: FileNumberRange;
}

export interface JobDesk {
  readonly surroundings: BackgroundSurroundings;
  readonly counters: BackgroundCounters;
  /** Number, retention and room for `outputs` tables, for a job that is made now; `retention` where somebody has asked for it already. */
  newJob(outputs: number, retention?: Retention): JobBase;
  /** Jobs that should run at once now. */
  readonly threads: number;
  submit(job: Job): void;
  cancel(id: number): void;
  /** After a job was installed or failed: wakes who waits, and starts what is due. */
  changed(): void;
  /** Resolves when the condition holds; it is looked at after each change. What it throws rejects. */
  until(condition: () => boolean): Promise<void>;
}
