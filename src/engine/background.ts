/**
 * Background work: when to flush and compact, what becomes of the results, and how writers are held back when it is behind.
 *
 *   slot sealed and logged ─▶ flush job ─▶ install ─▶ slot gone ─▶ compaction due? ─▶ compaction job ─▶ install ─▶ …
 *
 * One flush and one compaction run at a time; flushes in the order of their slots. A job that fails removes its output, is counted,
 * and is tried again after a pause that doubles; it poisons nothing.
 *
 * Back-pressure has two steps. Acknowledgements are held back a little as soon as work gathers (`holdBack`). At the hard limit
 * the calling thread blocks in short slices, taking results as they come (`makeRoom`), and every such stall is counted.
 *
 * Invariants:
 * 1. At most `sealedMax` memtables wait for their flush while another one takes writes.
 * 2. Inputs of a running job are neither changed nor deleted; its result is applied only while all of them are still live.
 */
import { compactionTuning } from '../compaction/tuning.js';
import type { CompactionJob, Job, JobFailure, JobResult, JobRunner, JobSuccess, Retention } from '../compaction/job.js';
import { type CompactionPlan, pickCompaction, planFullCompaction } from '../compaction/picker.js';
import { VarveError, type VarveErrorCode } from '../errors.js';
import type { Clock, Timer } from '../env/clock.js';
import { compareKeys } from '../format/bytes.js';
import { tableFileName } from '../format/file-names.js';
import { readBucketId } from '../format/internal-key.js';
import type { ResolvedOptions } from '../options.js';
import type { FinishedTable } from '../sstable/table-writer.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import type { LiveFiles } from '../version/live-files.js';
import type { Health } from './health.js';
import type { MemtableSet } from './memtable-set.js';
import type { MemtableSlot } from './memtable-slot.js';
import type { VersionStore } from './version-store.js';

/** Sealed memtables that may wait; with the active one and one that is used again that is four times memtableBytes. */
const sealedMax = 2;
/** Runs in level 0 from which acknowledgements are held back, and at which writers stop. */
const runsSlow = 16;
const runsStop = 32;
/** Longest time that an acknowledgement is held back. */
const holdBackMsMax = 20;
/** A blocked thread looks around this often. */
const stallSliceMs = 5;
/** Failures in a row of one kind of job, after which a blocked writer is told instead of waiting on. */
const failuresTolerated = 3;
const retryMsFirst = 100;
const retryMsMax = 10_000;
const filterBitsUpper = 14;
const filterBitsLast = 10;

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

export interface BackgroundSurroundings {
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly health: Health;
  readonly memtables: MemtableSet;
  readonly versions: VersionStore;
  readonly liveFiles: LiveFiles;
  readonly targetTableBytes: number;
  retention(): Retention;
  /** Commits everything unlocked, in place. */
  commitNow(): void;
  /** Removes what a job that came to nothing may have left. */
  removeOutputs(job: Job): void;
}

interface RunningCompaction {
  readonly job: CompactionJob;
  readonly plan: CompactionPlan;
  readonly inputs: readonly string[];
  readonly inputBytes: number;
}

/** One kind of job that failed: how often in a row, and when it may be tried again. */
class Retry {
  failures = 0;
  last: JobFailure | undefined;
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly again: () => void,
  ) {}

  get isWaiting(): boolean {
    return this.timer !== undefined;
  }

  succeeded(): void {
    this.failures = 0;
    this.last = undefined;
    this.cancel();
  }

  failed(failure: JobFailure): void {
    this.failures++;
    this.last = failure;
    this.cancel();
    const delayMs = Math.min(retryMsMax, retryMsFirst * 2 ** (this.failures - 1));
    this.timer = this.clock.startTimer(
      delayMs,
      () => {
        this.timer = undefined;
        this.again();
      },
      false,
    );
  }

  cancel(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}

export class Background {
  readonly counters: BackgroundCounters = {
    flushes: 0,
    compactions: 0,
    failures: 0,
    flushBytesWritten: 0,
    compactionBytesWritten: 0,
    blocksCopied: 0,
    tablesMoved: 0,
    stallCount: 0,
    stallMs: 0,
  };
  private runner: JobRunner | undefined;
  private nextJob = 1;
  private flushing: { readonly job: Job; readonly slot: MemtableSlot } | undefined;
  private installingFlush = false;
  private compacting: RunningCompaction | undefined;
  private installingCompaction = false;
  private readonly flushRetry: Retry;
  private readonly compactionRetry: Retry;
  private stopped = false;
  /** Small memtables that recovery left wait for company, unless somebody needs them gone. */
  private flushAll = false;
  private suspended = 0;
  private awaiting = 0;
  private listeners: (() => void)[] = [];
  private progressListener: ((bytesRead: number) => void) | undefined;

  constructor(private readonly surroundings: BackgroundSurroundings) {
    this.flushRetry = new Retry(surroundings.clock, () => this.schedule());
    this.compactionRetry = new Retry(surroundings.clock, () => this.schedule());
  }

  start(runner: JobRunner): void {
    this.runner = runner;
    runner.setKeepsProcessAlive(this.awaiting > 0);
    this.schedule();
  }

  get isIdle(): boolean {
    return this.flushing === undefined && this.compacting === undefined && !this.surroundings.versions.hasPendingInstalls;
  }

  get lastFailure(): JobFailure | undefined {
    return this.flushRetry.last ?? this.compactionRetry.last;
  }

  /** Starts whatever is due. Called after each seal, commit and install. */
  schedule(): void {
    if (this.runner === undefined || this.stopped || this.surroundings.health.isPoisoned) return;
    this.maybeFlush();
    this.maybeCompact();
  }

  onResult(result: JobResult): void {
    if (this.stopped) return;
    if (this.flushing?.job.id === result.id) {
      if (result.ok) this.installFlush(this.flushing.slot, result);
      else this.flushFailed(result);
    } else if (this.compacting?.job.id === result.id) {
      if (result.ok) this.installCompaction(this.compacting, result);
      else this.compactionFailed(result);
    }
  }

  onProgress(id: number, bytesRead: number): void {
    if (this.compacting?.job.id === id) this.progressListener?.(bytesRead);
  }

  /** A promise for the time that acknowledgements are held back, or undefined where nothing is behind. */
  holdBack(): Promise<void> | undefined {
    const runs = this.surroundings.versions.version.levels[0]?.runs.length ?? 0;
    const debt = Math.max((runs - runsSlow) / (runsStop - runsSlow), (this.surroundings.memtables.sealed.length - 1) / sealedMax);
    if (debt <= 0 || this.stopped) return undefined;
    const delayMs = Math.min(1, debt) * holdBackMsMax;
    return new Promise((resolve) => this.surroundings.clock.startTimer(delayMs, resolve, true));
  }

  /** Whether so much is behind that no other memtable may be sealed now. */
  get mustWait(): boolean {
    return this.surroundings.memtables.sealed.length >= sealedMax || this.hasTooManyRuns();
  }

  /**
   * Blocks until another memtable may be sealed. Throws VARVE_POISONED, or the error of the background work where that fails again
   * and again: nothing was written then.
   */
  makeRoom(): void {
    const { clock } = this.surroundings;
    if (!this.mustWait) return;
    const began = clock.now();
    this.flushAll = true;
    try {
      this.surroundings.commitNow();
      while (this.mustWait) this.stallOnce();
    } finally {
      this.counters.stallCount++;
      this.counters.stallMs += clock.now() - began;
    }
  }

  /** Resolves when all memtables that are sealed now are flushed. Rejects where flushing fails again and again. */
  async flushSealed(): Promise<void> {
    const { memtables, health } = this.surroundings;
    const last = memtables.sealed[memtables.sealed.length - 1];
    if (last === undefined) return;
    this.flushAll = true;
    this.schedule();
    await this.until(() => {
      health.checkNotPoisoned();
      this.giveUpAfter(this.flushRetry);
      return !memtables.sealed.includes(last);
    });
  }

  /** Compacts everything into one run without garbage. `onProgress` is told the bytes read and their total. */
  async compactAll(isLive: (bucketId: number) => boolean, onProgress: (done: number, total: number) => void): Promise<void> {
    this.suspended++;
    try {
      await this.until(() => this.compacting === undefined && !this.installingCompaction);
      const { versions, targetTableBytes } = this.surroundings;
      const plan = planFullCompaction(versions.version, targetTableBytes, (table) => isClean(table, isLive));
      if (plan === undefined) return;
      const total = plan.merges.flat(2).reduce((sum, table) => sum + table.fileBytes, 0);
      this.progressListener = (bytesRead) => onProgress(Math.min(bytesRead, total), total);
      onProgress(0, total);
      this.compactionRetry.cancel();
      const failuresBefore = this.compactionRetry.failures;
      this.startCompaction(plan);
      await this.until(() => {
        this.surroundings.health.checkNotPoisoned();
        if (this.compactionRetry.failures > failuresBefore) throw jobError(this.compactionRetry.last);
        return this.compacting === undefined && !this.installingCompaction;
      });
      onProgress(total, total);
    } finally {
      this.progressListener = undefined;
      this.suspended--;
      this.schedule();
    }
  }

  cancelCompaction(): void {
    if (this.compacting !== undefined) this.runner?.cancel(this.compacting.job.id);
  }

  /** Counts those who await background work: while there are some, it keeps the process alive. */
  setKeepsProcessAlive(keeps: boolean): void {
    this.awaiting += keeps ? 1 : -1;
    this.runner?.setKeepsProcessAlive(this.awaiting > 0);
  }

  /** Ends all work; what ran is dropped and its output removed. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.flushRetry.cancel();
    this.compactionRetry.cancel();
    await this.runner?.close();
    if (this.flushing !== undefined && !this.installingFlush) this.surroundings.removeOutputs(this.flushing.job);
    if (this.compacting !== undefined && !this.installingCompaction) this.surroundings.removeOutputs(this.compacting.job);
    this.notify();
  }

  private hasTooManyRuns(): boolean {
    const runs = this.surroundings.versions.version.levels[0]?.runs.length ?? 0;
    return runs >= runsStop && this.compactionRetry.failures === 0;
  }

  private stallOnce(): void {
    const { versions, health } = this.surroundings;
    health.checkNotPoisoned();
    if (versions.hasPendingInstalls) {
      versions.installNow();
      return;
    }
    this.giveUpAfter(this.flushRetry);
    this.flushRetry.cancel();
    this.schedule();
    if (this.flushing === undefined && this.compacting === undefined) return;
    this.runner?.waitForResult(stallSliceMs);
  }

  private giveUpAfter(retry: Retry): void {
    if (retry.failures >= failuresTolerated) throw jobError(retry.last);
  }

  private maybeFlush(): void {
    const { memtables, options } = this.surroundings;
    const slot = memtables.sealed[0];
    if (slot === undefined || this.flushing !== undefined || this.flushRetry.isWaiting || !slot.isFlushable) return;
    const isSmallLeftover =
      memtables.sealed.length === 1 && slot.recoveredLogs.length > 0 && slot.recoveredLogs.length < 4 && slot.memtable.usedBytes * 4 < options.memtableBytes;
    if (isSmallLeftover && !this.flushAll) return;
    const records = slot.memtable.freeze();
    const outputs = Math.ceil((2 * slot.memtable.usedBytes) / this.surroundings.targetTableBytes) + 2;
    const job: Job = { ...this.jobBase(outputs), kind: 'flush', records, filterBitsPerKey: filterBitsUpper };
    this.flushing = { job, slot };
    this.runner?.submit(job);
  }

  private maybeCompact(): void {
    const { versions, options, targetTableBytes } = this.surroundings;
    if (this.compacting !== undefined || this.installingCompaction || this.suspended > 0 || this.compactionRetry.isWaiting) return;
    const plan = pickCompaction(versions.version, compactionTuning(options.compaction), targetTableBytes);
    if (plan !== undefined) this.startCompaction(plan);
  }

  private startCompaction(plan: CompactionPlan): void {
    const { versions, liveFiles, targetTableBytes } = this.surroundings;
    const tables = plan.merges.flat(2);
    const rawBytes = tables.reduce((sum, table) => sum + table.rawBytes + table.fileBytes, 0);
    const job: CompactionJob = {
      ...this.jobBase(Math.ceil((2 * rawBytes) / targetTableBytes) + plan.merges.length + 2),
      kind: 'compaction',
      merges: plan.merges,
      dropTombstones: plan.dropTombstones,
      filterBitsPerKey: plan.targetLevel === versions.version.levels.length - 1 ? filterBitsLast : filterBitsUpper,
    };
    const inputs = plan.removedTables.map(tableFileName);
    const inputBytes = tables.reduce((sum, table) => sum + table.fileBytes, 0);
    this.compacting = { job, plan, inputs, inputBytes };
    liveFiles.retain(inputs);
    if (plan.merges.length > 0) {
      this.runner?.submit(job);
      return;
    }
    const counts = { entriesRead: 0, entriesWritten: 0, bytesRead: 0, bytesWritten: 0, blocksCopied: 0 };
    this.installCompaction(this.compacting, { id: job.id, ok: true, outputs: [], counts });
  }

  private jobBase(outputs: number): { id: number; retention: Retention; fileNumbers: Job['fileNumbers'] } {
    return {
      id: this.nextJob++,
      retention: this.surroundings.retention(),
      fileNumbers: this.surroundings.versions.allocateFileNumbers(outputs),
    };
  }

  private installFlush(slot: MemtableSlot, result: JobSuccess): void {
    const { memtables, versions } = this.surroundings;
    const tables = result.outputs.flat();
    const next = memtables.sealed[1] ?? memtables.active;
    const oldestLogNumber = Math.min(next.oldestLogNumber, memtables.oldestUnreadLog ?? next.oldestLogNumber);
    // A log that recovery divided between two memtables stays until the second one is flushed.
    const obsoleteLogs = slot.logExtents().map((log) => log.number).filter((number) => number < oldestLogNumber);
    this.installingFlush = true;
    const edit = {
      removedTables: [],
      addedRuns: tables.length === 0 ? [] : [{ level: 0, runId: versions.allocateFileNumber(), tables: tables.map((table) => table.metadata) }],
      oldestLogNumber,
      lastSequence: slot.lastSequence,
      nextBucketId: slot.nextBucketId,
    };
    versions.install(edit, tables, obsoleteLogs, () => {
      this.counters.flushes++;
      this.counters.flushBytesWritten += result.counts.bytesWritten;
      memtables.removeOldest();
      if (memtables.sealed.length === 0) this.flushAll = false;
      this.flushing = undefined;
      this.installingFlush = false;
      this.flushRetry.succeeded();
      this.afterChange();
    });
  }

  private installCompaction(running: RunningCompaction, result: JobSuccess): void {
    const { versions, liveFiles } = this.surroundings;
    const { plan } = running;
    const outputs: FinishedTable[] = result.outputs.flat();
    const tables = [...plan.movedTables, ...outputs.map((table) => table.metadata)].sort((a, b) => compareKeys(a.smallestKey, b.smallestKey));
    this.installingCompaction = true;
    const edit = {
      removedTables: plan.removedTables,
      addedRuns: tables.length === 0 ? [] : [{ level: plan.targetLevel, runId: versions.allocateFileNumber(), tables }],
    };
    versions.install(edit, outputs, [], () => {
      this.counters.compactions++;
      this.counters.compactionBytesWritten += result.counts.bytesWritten;
      this.counters.blocksCopied += result.counts.blocksCopied;
      this.counters.tablesMoved += plan.movedTables.length;
      liveFiles.release(running.inputs);
      this.compacting = undefined;
      this.installingCompaction = false;
      this.compactionRetry.succeeded();
      this.afterChange();
    });
  }

  private flushFailed(failure: JobFailure): void {
    if (this.flushing !== undefined) this.surroundings.removeOutputs(this.flushing.job);
    this.flushing = undefined;
    this.counters.failures++;
    this.flushRetry.failed(failure);
    this.notify();
  }

  private compactionFailed(failure: JobFailure): void {
    if (this.compacting !== undefined) {
      this.surroundings.removeOutputs(this.compacting.job);
      this.surroundings.liveFiles.release(this.compacting.inputs);
    }
    this.compacting = undefined;
    if (failure.code !== 'VARVE_ABORTED') this.counters.failures++;
    this.compactionRetry.failed(failure);
    this.notify();
  }

  private afterChange(): void {
    this.notify();
    this.schedule();
  }

  /** Resolves when the condition holds; it is looked at after each change. What it throws rejects. */
  async until(condition: () => boolean): Promise<void> {
    this.setKeepsProcessAlive(true);
    try {
      while (!this.stopped && !condition()) {
        await new Promise<void>((resolve) => {
          this.listeners.push(resolve);
        });
      }
    } finally {
      this.setKeepsProcessAlive(false);
    }
    if (this.stopped) throw new VarveError('VARVE_CLOSED', 'the backend was closed');
  }

  /** Wakes everybody who waits for a change. */
  notify(): void {
    const { listeners } = this;
    this.listeners = [];
    for (const listener of listeners) listener();
  }
}

/** A table of the last run that full compaction need not touch. */
function isClean(table: TableMetadata, isLive: (bucketId: number) => boolean): boolean {
  if (table.tombstoneCount > 0 || table.hasSequences) return false;
  const first = readBucketId(table.smallestKey, 0, table.smallestKey.length);
  const last = readBucketId(table.largestKey, 0, table.largestKey.length);
  for (let id = first; id <= last; id++) if (!isLive(id)) return false;
  return true;
}

function jobError(failure: JobFailure | undefined): VarveError {
  if (failure === undefined) return new VarveError('VARVE_ASSERTION', 'background work failed without a reason');
  const code = failure.systemCode === 'ENOSPC' ? 'VARVE_NO_SPACE' : (failure.code as VarveErrorCode);
  return new VarveError(code, `background work failed: ${failure.message}`, { file: failure.file, offset: failure.offset });
}
