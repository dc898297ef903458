/**
 * Flushes: one at a time, oldest memtable first.
 *
 *   slot sealed and committed ─▶ job ─▶ tables ─▶ edit installed ─▶ slot gone, its logs deleted
 *                                 └─ failed: output removed, tried again after a pause
 *
 * Invariants:
 * 1. Flushes are installed in the order of their slots: level 0 is ordered by age.
 * 2. A log is given up only by the edit that installs the last memtable with records in it.
 */
import type { FlushJob, JobFailure, JobResult, JobSuccess } from '../compaction/job.js';
import type { JobDesk } from './job-desk.js';
import type { MemtableSlot } from './memtable-slot.js';
import { failureMessage } from './observer.js';
import { Retry } from './retry.js';

/** Filters of young runs are larger: each of them is asked by every read that goes on to older ones. */
export const filterBitsUpper = 14;
/** A memtable that recovery left waits for company while it is this small a share of a full one and has few logs. */
const leftoverShare = 4;
const leftoverLogsMax = 4;
/** Logs of recovered memtables at which an open waits for their flush: sessions shorter than a flush leave one each. */
const leftoverLogsStop = 16;

export class FlushScheduler {
  readonly retry: Retry;
  /** Small leftovers of recovery are flushed too, because somebody needs the memory or the logs gone, or reads have paid. */
  flushLeftovers = false;
  private running: { readonly job: FlushJob; readonly slot: MemtableSlot; readonly began: number } | undefined;
  private installing = false;

  constructor(private readonly desk: JobDesk) {
    this.retry = new Retry(desk.surroundings.clock, () => desk.changed());
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** Whether so many logs were left that they must go before more is added. Not where flushing fails: a full disk can be opened. */
  get hasTooManyLeftovers(): boolean {
    const logs = this.desk.surroundings.memtables.sealed.reduce((sum, slot) => sum + slot.recoveredLogs.length, 0);
    return logs >= leftoverLogsStop && this.retry.failures === 0;
  }

  /** Starts a flush if one is due. */
  schedule(): void {
    const { memtables, clock, targetTableBytes } = this.desk.surroundings;
    const slot = memtables.sealed[0];
    if (slot === undefined || this.running !== undefined || this.retry.isWaiting || !slot.isFlushable) return;
    if (this.isLeftover(slot) && !this.flushLeftovers) return;
    const records = slot.memtable.freeze();
    const outputs = Math.ceil((2 * slot.memtable.usedBytes) / targetTableBytes) + 2;
    const job: FlushJob = { ...this.desk.newJob(outputs), kind: 'flush', records, filterBitsPerKey: filterBitsUpper };
    this.running = { job, slot, began: clock.now() };
    this.desk.submit(job);
  }

  /** Takes a result if it is of the running flush. */
  take(result: JobResult): boolean {
    if (this.running?.job.id !== result.id) return false;
    if (result.ok) this.install(this.running.slot, this.running.began, result);
    else this.fail(this.running.job, result);
    return true;
  }

  /** Resolves when all memtables that are sealed now are flushed. Rejects where flushing fails again and again. */
  async flushSealed(): Promise<void> {
    const { memtables, health } = this.desk.surroundings;
    const last = memtables.sealed[memtables.sealed.length - 1];
    if (last === undefined) return;
    const failuresBefore = this.retry.failuresEver;
    this.flushLeftovers = true;
    this.retry.cancel();
    this.desk.changed();
    await this.desk.until(() => {
      health.checkNotPoisoned();
      this.retry.giveUp(failuresBefore);
      return !memtables.sealed.includes(last);
    });
  }

  /** Lets what recovery left in memory be flushed, however small. Whether there is such a thing, and flushing does not fail. */
  releaseLeftovers(): boolean {
    const oldest = this.desk.surroundings.memtables.sealed[0];
    if (oldest === undefined || oldest.recoveredLogs.length === 0 || this.retry.failures > 0) return false;
    this.flushLeftovers = true;
    this.schedule();
    return true;
  }

  stop(): void {
    this.retry.cancel();
  }

  /** After the runner was closed: removes what the running flush wrote. */
  dropOutputs(): void {
    if (this.running !== undefined && !this.installing) this.desk.surroundings.removeOutputs(this.running.job);
  }

  private isLeftover(slot: MemtableSlot): boolean {
    const { memtables, options } = this.desk.surroundings;
    const logs = slot.recoveredLogs.length;
    const isSmall = slot.memtable.usedBytes * leftoverShare < options.memtableBytes;
    return memtables.sealed.length === 1 && logs > 0 && logs < leftoverLogsMax && isSmall;
  }

  private install(slot: MemtableSlot, began: number, result: JobSuccess): void {
    const { memtables, versions } = this.desk.surroundings;
    const { counters } = this.desk;
    const tables = result.outputs.flat();
    const metadata = tables.map((table) => table.metadata);
    const next = memtables.sealed[1] ?? memtables.active;
    const oldestLogNumber = Math.min(next.oldestLogNumber, memtables.oldestUnreadLog ?? next.oldestLogNumber);
    // A log that recovery divided between two memtables stays until the second one is flushed.
    const obsoleteLogs = slot
      .logExtents()
      .map((log) => log.number)
      .filter((number) => number < oldestLogNumber);
    const edit = {
      removedTables: [],
      addedRuns: tables.length === 0 ? [] : [{ level: 0, runId: versions.allocateFileNumber(), tables: metadata }],
      oldestLogNumber,
      lastSequence: slot.lastSequence,
      nextBucketId: slot.nextBucketId,
    };
    this.installing = true;
    versions.install(edit, tables, obsoleteLogs, () => {
      counters.flushes++;
      counters.flushBytesWritten += result.counts.bytesWritten;
      memtables.removeOldest();
      this.desk.surroundings.catalog.mayHaveRetired = true;
      if (memtables.sealed.length === 0) this.flushLeftovers = false;
      this.running = undefined;
      this.installing = false;
      this.retry.succeeded();
      this.tell(began, result);
      this.desk.changed();
    });
  }

  private tell(began: number, result: JobSuccess): void {
    const { observer, clock, directory: database } = this.desk.surroundings;
    if (!observer.flush.hasSubscribers) return;
    const { entriesRead, entriesWritten, bytesWritten } = result.counts;
    const tablesWritten = result.outputs.flat().length;
    observer.flush.publish({
      database,
      durationMs: clock.now() - began,
      entriesRead,
      entriesWritten,
      bytesWritten,
      tablesWritten,
    });
  }

  private fail(job: FlushJob, failure: JobFailure): void {
    this.desk.surroundings.removeOutputs(job);
    this.running = undefined;
    this.desk.counters.failures++;
    this.retry.failed(failure);
    const { observer, directory } = this.desk.surroundings;
    if (observer.error.hasSubscribers) observer.error.publish(failureMessage(directory, 'flush', failure));
    this.desk.changed();
  }
}
