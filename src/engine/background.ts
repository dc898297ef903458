/**
 * Background work, wired: the schedulers of flush and compaction, back-pressure, and the runner of their jobs.
 *
 *   slot sealed and committed ─▶ flush ─▶ install ─▶ slot gone ─▶ compaction due? ─▶ compaction ─▶ install ─▶ …
 *
 * A job that fails removes its output, is counted, and is tried again after a pause that doubles; it poisons nothing.
 *
 * Invariants:
 * 1. After `stop` nothing is scheduled, no result is taken, and what was under way has left no file.
 * 2. Everybody who waits here is woken by every change, by poison, and by `stop`.
 */
import type { Job, JobFailure, JobHandler, JobResult, JobRunner } from '../compaction/job.js';
import { keepAlive, type Timer } from '../env/clock.js';
import { isOutOfDescriptors, VarveError } from '../errors.js';
import { BackPressure } from './back-pressure.js';
import { CompactionScheduler } from './compaction-scheduler.js';
import { FlushScheduler } from './flush-scheduler.js';
import type { BackgroundCounters, BackgroundSurroundings, JobBase, JobDesk } from './job-desk.js';
import type { StallKind } from './observer.js';

/** Share of a full memtable from which a flush will come soon. */
const preparedShare = 0.25;

export class Background implements JobDesk, JobHandler {
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
  readonly flushes: FlushScheduler;
  readonly compactions: CompactionScheduler;
  readonly pressure: BackPressure;
  private runner: JobRunner | undefined;
  private runnerIsPrepared = false;
  private nextJob = 1;
  private stopped = false;
  /** Set when `stop` has done all that it does: the directory may be somebody else's from then on. */
  private isOver = false;
  private awaiting = 0;
  private aliveTimer: Timer | undefined;
  private listeners: (() => void)[] = [];

  constructor(readonly surroundings: BackgroundSurroundings) {
    this.flushes = new FlushScheduler(this);
    this.compactions = new CompactionScheduler(this, this.flushes);
    this.pressure = new BackPressure(surroundings, this.flushes, this.compactions, {
      schedule: () => this.schedule(),
      waitForResult: (timeoutMs) => this.runner?.waitForResult(timeoutMs),
      until: (condition) => this.until(condition),
      noteStall: (kind, durationMs) => this.noteStall(kind, durationMs),
    });
  }

  start(runner: JobRunner): void {
    this.runner = runner;
    runner.setKeepsProcessAlive(this.awaiting > 0);
    this.schedule();
  }

  get isIdle(): boolean {
    return !this.flushes.isRunning && !this.compactions.isRunning && !this.surroundings.versions.hasPendingInstalls;
  }

  get lastFailure(): JobFailure | undefined {
    return this.flushes.retry.last ?? this.compactions.retry.last;
  }

  /** Starts whatever is due. Called after each seal, commit and install. */
  schedule(): void {
    if (this.runner === undefined || this.stopped || this.surroundings.health.isPoisoned) return;
    if (!this.runnerIsPrepared) this.prepareRunner(this.runner);
    this.flushes.schedule();
    this.compactions.schedule();
  }

  /** Flushes and compacts everything that is sealed: the work of defrag. */
  async compactAll(onProgress: (done: number, total: number) => void, checkGoesOn: () => void): Promise<void> {
    await this.flushes.flushSealed();
    await this.compactions.compactAll(onProgress, checkGoesOn);
  }

  /**
   * Resolves when the logs and runs that earlier sessions left are few, or cannot be made fewer now. A session that is shorter than a
   * flush leaves a log, and one shorter than a merge a run: without somebody who stays they would gather for ever.
   */
  workOffLeftovers(): Promise<void> {
    const { health } = this.surroundings;
    return this.until(() => health.isPoisoned || !(this.flushes.hasTooManyLeftovers || this.pressure.hasTooManyRuns));
  }

  /** Ends all work; what ran is dropped and its output removed. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.flushes.stop();
    this.compactions.stop();
    this.notify();
    await this.runner?.close();
    this.flushes.dropOutputs();
    this.compactions.dropOutputs();
    this.isOver = true;
  }

  // ---- what the runner calls

  onResult(result: JobResult): void {
    if (this.stopped) return;
    // Tables that are open for reading stood in the way of those to be written.
    if (!result.ok && isOutOfDescriptors(result.systemCode)) this.surroundings.versions.freeDescriptors();
    if (!this.flushes.take(result)) this.compactions.take(result);
  }

  onProgress(id: number, bytesRead: number): void {
    this.compactions.progress(id, bytesRead);
  }

  /** A worker that was given up may have made a file after its outputs were removed. Their numbers belong to no other job. */
  onWorkerGone(jobs: readonly Job[]): void {
    if (this.isOver) return;
    for (const job of jobs) this.surroundings.removeOutputs(job);
  }

  // ---- what the schedulers call

  newJob(outputs: number, retention = this.surroundings.retention()): JobBase {
    const { versions } = this.surroundings;
    return { id: this.nextJob++, retention, fileNumbers: versions.allocateFileNumbers(outputs) };
  }

  get threads(): number {
    return this.runner?.threads ?? 1;
  }

  submit(job: Job): void {
    this.runner?.submit(job);
  }

  cancel(id: number): void {
    this.runner?.cancel(id);
  }

  changed(): void {
    this.notify();
    this.schedule();
  }

  /** While somebody waits, background work keeps the process alive. */
  async until(condition: () => boolean): Promise<void> {
    this.keepProcessAlive(1);
    try {
      while (!this.stopped && !condition()) {
        await new Promise<void>((resolve) => {
          this.listeners.push(resolve);
        });
      }
    } finally {
      this.keepProcessAlive(-1);
    }
    if (this.stopped) throw new VarveError('VARVE_CLOSED', 'the backend was closed');
  }

  /** Counts those who await background work: while there are some, it keeps the process alive. */
  keepProcessAlive(change: 1 | -1): void {
    this.awaiting += change;
    // A worker that is alive is not enough: a job whose worker died waits without one until it is tried again.
    if (this.awaiting > 0) this.aliveTimer ??= keepAlive(this.surroundings.clock);
    else {
      this.aliveTimer?.cancel();
      this.aliveTimer = undefined;
    }
    this.runner?.setKeepsProcessAlive(this.awaiting > 0);
  }

  /** Wakes everybody who waits for a change. */
  notify(): void {
    const { listeners } = this;
    this.listeners = [];
    for (const listener of listeners) listener();
  }

  /** A thread takes a tenth of a second to start: before the first memtable is full, and not where next to nothing is written. */
  private prepareRunner(runner: JobRunner): void {
    const { usedBytes, fullBytes } = this.surroundings.memtables.active.memtable;
    if (usedBytes < fullBytes * preparedShare) return;
    this.runnerIsPrepared = true;
    runner.prepare();
  }

  private noteStall(kind: StallKind, durationMs: number): void {
    this.counters.stallCount++;
    this.counters.stallMs += durationMs;
    const { observer, directory: database } = this.surroundings;
    if (observer.stall.hasSubscribers) observer.stall.publish({ database, kind, durationMs });
  }
}
