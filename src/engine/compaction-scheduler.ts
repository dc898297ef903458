/**
 * Compactions: one at a time, the most urgent first; and the full one that defrag asks for.
 *
 *   version changed ─▶ plan ─▶ jobs, a part each (or nothing but moves) ─▶ tables ─▶ edit installed ─▶ inputs deleted
 *                                └─ one failed: the others end, output removed, tried again after a pause
 *
 * Invariants:
 * 1. Inputs are held while the job runs, and nobody else plans with them.
 * 2. While a full compaction is wanted or under way no other one is planned; it needs nobody's turn of the event loop to end.
 */
import { divideMerges, type MergePart } from '../compaction/divide.js';
import { estimateGarbage } from '../compaction/garbage.js';
import type { CompactionJob, JobFailure, JobResult, JobSuccess } from '../compaction/job.js';
import { type CompactionPlan, pickCompaction, planForReads, planFullCompaction, planRemoval } from '../compaction/picker.js';
import { compactionTuning } from '../compaction/tuning.js';
import { compareKeys } from '../format/bytes.js';
import { readBucketId } from '../format/internal-key.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import { filterBitsUpper, type FlushScheduler } from './flush-scheduler.js';
import type { JobDesk } from './job-desk.js';
import { failureMessage } from './observer.js';
import { jobError, Retry } from './retry.js';
import { RunningCompaction } from './running-compaction.js';

/** Nearly every key is in the last run, and its filter is asked last. */
const filterBitsLast = 10;
/** Parts of one compaction at most: each opens every run that it touches. */
const partsMax = 64;

/** The full compaction that somebody waits for. */
interface FullCompaction {
  phase: 'wanted' | 'running' | 'ended';
  compaction: RunningCompaction | undefined;
  /** Bytes of the tables to be merged. */
  total: number;
  failure: { readonly error: unknown } | undefined;
  readonly onProgress: (done: number, total: number) => void;
  readonly checkGoesOn: () => void;
}

export class CompactionScheduler {
  readonly retry: Retry;
  private running: RunningCompaction | undefined;
  private installing = false;
  private full: FullCompaction | undefined;
  /** The version in which writes have made nothing due. */
  private quietGeneration = -1;

  constructor(
    private readonly desk: JobDesk,
    private readonly flushes: FlushScheduler,
  ) {
    this.retry = new Retry(desk.surroundings.clock, () => desk.changed());
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** Whether a full compaction is wanted or runs: no other one is planned meanwhile. */
  get isFull(): boolean {
    return this.full !== undefined;
  }

  /** Starts a compaction if one is due. */
  schedule(): void {
    if (this.running !== undefined) return;
    if (this.full?.phase === 'wanted') this.startFull(this.full);
    if (this.running !== undefined || this.full !== undefined || this.retry.isWaiting) return;
    const plan = this.removalPlan() ?? this.planForVersion() ?? this.planForReads();
    if (plan !== undefined) this.start(plan);
  }

  /** Takes a result if it is of the running compaction. */
  take(result: JobResult): boolean {
    const { running } = this;
    if (running?.has(result.id) !== true) return false;
    const whole = running.take(result);
    // What the other parts would still do is of no use.
    if (!result.ok && whole === undefined) this.cancel(running);
    else if (whole === undefined) this.beginParts(running);
    else if (whole.ok) this.install(running, whole);
    else this.fail(running, whole);
    return true;
  }

  progress(id: number, bytesRead: number): void {
    const { running, full } = this;
    if (running?.has(id) !== true) return;
    const done = running.progress(id, bytesRead);
    if (full?.compaction === running) full.onProgress(Math.min(done, full.total), full.total);
  }

  /**
   * Compacts everything into one run without garbage. `onProgress` is told the bytes read and their total and must not throw;
   * `checkGoesOn` is asked before the work starts. The work is a state of this scheduler: it goes on while its caller's thread is blocked.
   */
  async compactAll(onProgress: (done: number, total: number) => void, checkGoesOn: () => void): Promise<void> {
    await this.desk.until(() => this.full === undefined);
    const full: FullCompaction = {
      phase: 'wanted',
      compaction: undefined,
      total: 0,
      failure: undefined,
      onProgress,
      checkGoesOn,
    };
    this.full = full;
    this.desk.changed();
    try {
      await this.desk.until(() => {
        this.desk.surroundings.health.checkNotPoisoned();
        return full.phase === 'ended';
      });
    } finally {
      this.endFull(full, undefined);
    }
    if (full.failure !== undefined) throw full.failure.error;
  }

  /** Asks the full compaction to end, if it runs. */
  cancelFull(): void {
    if (this.full?.compaction !== undefined) this.cancel(this.full.compaction);
  }

  stop(): void {
    this.retry.cancel();
  }

  /** After the runner was closed: removes what the running compaction wrote. */
  dropOutputs(): void {
    if (this.running !== undefined && !this.installing) this.removeOutputs(this.running);
  }

  private removeOutputs({ jobs }: RunningCompaction): void {
    for (const job of jobs) this.desk.surroundings.removeOutputs(job);
  }

  private cancel(running: RunningCompaction): void {
    // A job that has just ended does not hear of it.
    running.callOff();
    for (const { id } of running.jobs) this.desk.cancel(id);
  }

  private startFull(full: FullCompaction): void {
    const { catalog, versions, targetTableBytes, retireBuckets } = this.desk.surroundings;
    try {
      full.checkGoesOn();
    } catch (error) {
      this.endFull(full, { error });
      return;
    }
    retireBuckets();
    const isLive = (bucketId: number): boolean => catalog.isLive(bucketId);
    const plan = planFullCompaction(versions.version, targetTableBytes, (table) => isClean(table, isLive));
    if (plan === undefined) {
      this.endFull(full, undefined);
      return;
    }
    this.retry.cancel();
    full.phase = 'running';
    full.total = plan.merges.flat(2).reduce((sum, table) => sum + table.fileBytes, 0);
    full.onProgress(0, full.total);
    this.start(plan);
  }

  private endFull(full: FullCompaction, failure: { readonly error: unknown } | undefined): void {
    if (this.full !== full) return;
    this.full = undefined;
    full.phase = 'ended';
    full.failure = failure;
    this.desk.changed();
  }

  /** What writes have made due. Looked for once in each version: commits ask, too. */
  private planForVersion(): CompactionPlan | undefined {
    const { catalog, versions, options, targetTableBytes, isRoomShort } = this.desk.surroundings;
    if (versions.generation === this.quietGeneration) return undefined;
    const tuning = compactionTuning(options.compaction);
    const plan = pickCompaction(versions.version, tuning, targetTableBytes, {
      garbageIn: (merges) =>
        estimateGarbage(
          merges,
          ({ fileNumber }) => versions.readerOf(fileNumber).keySample,
          (id) => catalog.isLive(id),
        ),
      isRoomShort,
    });
    if (plan === undefined) this.quietGeneration = versions.generation;
    return plan;
  }

  /** Tables of buckets that are gone. Looked for only when a bucket went, or a flush that began before may have written of it. */
  private removalPlan(): CompactionPlan | undefined {
    const { catalog, versions, retireBuckets } = this.desk.surroundings;
    retireBuckets();
    if (!catalog.mayHaveRetired) return undefined;
    catalog.mayHaveRetired = false;
    return planRemoval(versions.version, (bucketId) => catalog.isLive(bucketId));
  }

  /** The merge that spares reads most, where they have paid for it. */
  private planForReads(): CompactionPlan | undefined {
    const { readDebt, versions, targetTableBytes } = this.desk.surroundings;
    if (!readDebt.isDue) return undefined;
    // What recovery left in memory goes along, or it would lie beside the merged run and cost reads as much as a run.
    if (this.flushes.releaseLeftovers()) return undefined;
    readDebt.settle();
    return planForReads(versions.version, targetTableBytes);
  }

  private start(plan: CompactionPlan): void {
    const { liveFiles, clock } = this.desk.surroundings;
    const running = new RunningCompaction(plan, this.jobsOf(plan), clock.now());
    this.running = running;
    liveFiles.retain(running.inputs);
    if (this.full?.phase === 'running') this.full.compaction = running;
    this.beginParts(running);
    if (running.jobs.length > 0) return;
    const nothing = running.result();
    if (nothing.ok) this.install(running, nothing);
  }

  /** Begins as many jobs as can run now. One at least is under way where there are any. */
  private beginParts(running: RunningCompaction): void {
    const { threads } = this.desk;
    while (running.underWay < threads) {
      const job = running.takeNext();
      if (job === undefined) return;
      this.desk.submit(job);
    }
  }

  /** The merges of a plan as jobs: one, or several where there is much to do. None for moves alone. */
  private jobsOf(plan: CompactionPlan): CompactionJob[] {
    const { versions, targetTableBytes } = this.desk.surroundings;
    if (plan.merges.length === 0) return [];
    const filterBitsPerKey = plan.targetLevel === versions.version.levels.length - 1 ? filterBitsLast : filterBitsUpper;
    // Once for all parts: with many buckets that takes a while.
    const retention = this.desk.surroundings.retention();
    return this.partsOf(plan).map(({ range, merges }) => {
      const rawBytes = merges.flat(2).reduce((sum, table) => sum + table.rawBytes + table.fileBytes, 0);
      return {
        ...this.desk.newJob(Math.ceil((2 * rawBytes) / targetTableBytes) + merges.length + 2, retention),
        kind: 'compaction',
        merges,
        dropTombstones: plan.dropTombstones,
        filterBitsPerKey,
        ...(range === undefined ? {} : { range }),
      };
    });
  }

  private partsOf({ merges }: CompactionPlan): readonly MergePart[] {
    const { versions, mergePartBytesMin } = this.desk.surroundings;
    const bytes = merges.flat(2).reduce((sum, table) => sum + table.fileBytes, 0);
    const count = Math.min(partsMax, Math.floor(bytes / mergePartBytesMin));
    const whole = [{ range: undefined, merges }];
    if (count < 2) return whole;
    try {
      return divideMerges(merges, count, (table) => versions.readerOf(table.fileNumber).index());
    } catch {
      // An index that cannot be read is met by the job, too, whose failure is told.
      return whole;
    }
  }

  private install(running: RunningCompaction, result: JobSuccess): void {
    const { versions, liveFiles } = this.desk.surroundings;
    const { counters } = this.desk;
    const { plan } = running;
    const outputs = result.outputs.flat();
    const tables = [...plan.movedTables, ...outputs.map((table) => table.metadata)];
    tables.sort((a, b) => compareKeys(a.smallestKey, b.smallestKey));
    const addedRuns = tables.length === 0 ? [] : [{ level: plan.targetLevel, runId: versions.allocateFileNumber(), tables }];
    this.installing = true;
    versions.install({ removedTables: plan.removedTables, addedRuns }, outputs, [], () => {
      counters.compactions++;
      counters.compactionBytesWritten += result.counts.bytesWritten;
      counters.blocksCopied += result.counts.blocksCopied;
      counters.tablesMoved += plan.movedTables.length;
      liveFiles.release(running.inputs);
      this.running = undefined;
      this.installing = false;
      // What was paid while a merge of that size ran was for runs that are gone.
      if (plan.targetLevel >= versions.version.levels.length - 2) this.desk.surroundings.readDebt.settle();
      this.retry.succeeded();
      const { full } = this;
      this.tell(running, result, full?.compaction === running);
      if (full?.compaction === running) {
        full.onProgress(full.total, full.total);
        this.endFull(full, undefined);
      }
      this.desk.changed();
    });
  }

  private tell({ plan, began }: RunningCompaction, result: JobSuccess, isFull: boolean): void {
    const { observer, clock, directory: database } = this.desk.surroundings;
    if (!observer.compaction.hasSubscribers) return;
    observer.compaction.publish({
      database,
      durationMs: clock.now() - began,
      targetLevel: plan.targetLevel,
      isFull,
      ...result.counts,
      tablesRemoved: plan.removedTables.length - plan.movedTables.length,
      tablesWritten: result.outputs.flat().length,
      tablesMoved: plan.movedTables.length,
    });
  }

  private fail(running: RunningCompaction, failure: JobFailure): void {
    this.removeOutputs(running);
    this.desk.surroundings.liveFiles.release(running.inputs);
    this.running = undefined;
    // Who called it off does not want it tried again, and nothing is wrong with the next one.
    if (failure.code !== 'VARVE_ABORTED') {
      this.desk.counters.failures++;
      this.retry.failed(failure);
      const { observer, directory } = this.desk.surroundings;
      if (observer.error.hasSubscribers) observer.error.publish(failureMessage(directory, 'compaction', failure));
    }
    if (this.full?.compaction === running) this.endFull(this.full, { error: jobError(failure) });
    this.desk.changed();
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
