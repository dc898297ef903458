/**
 * Runs jobs in worker threads: the main thread's side of all of them.
 *
 *   flush                     ─▶ thread 0, whose code for flushes is compiled; a merge there lets it go first
 *   compaction, or a part     ─▶ the thread with the fewest of them, thread 0 where all have as many
 *
 * A thread is started when it first gets a job (worker-thread.ts), so the second one is there only where a compaction was large enough to be
 * divided. Its work must not cost those who wait for the main thread: where there are no more processors than threads, `threads` says one less while
 * the event loop has much to do.
 *
 * Invariants:
 * 1. Every submitted job gets exactly one result, unless `close` comes first.
 * 2. The handler runs on the main thread: from the event loop, or from within `waitForResult`.
 * 3. A blocked main thread waits on one word, which every worker raises, so it sees whichever result comes first.
 */
import { availableParallelism } from 'node:os';
import type { Clock } from '../env/clock.js';
import { workerThreadsMax } from '../limits.js';
import type { Job, JobHandler, JobRunner, JobSettings } from './job.js';
import { WorkerThread } from './worker-thread.js';
import { silenceMsDefault } from './worker-watch.js';

/** Share of the time in which the main thread worked from which on it is left a processor to itself. */
const busyUtilization = 0.5;
/** A shorter time says nothing: two results that come in the same turn of the event loop have no idle time between them. */
const measuredMsMin = 10;

/** A merge makes few objects: memory that V8 would fill with dead ones before it looks is saved where it costs nothing. */
const youngObjectsMb = 16;

export interface WorkerRunnerOptions {
  /** Threads at most; 1 where absent. */
  readonly threads?: number;
  /** How long a worker that has work to do may give no sign of life. */
  readonly silenceMsMax?: number;
}

/** Threads that a database gets on this machine. */
export function workerThreads(): number {
  return Math.min(workerThreadsMax, availableParallelism());
}

export class WorkerRunner implements JobRunner {
  private readonly workers: readonly WorkerThread[];
  private measured = performance.eventLoopUtilization();
  private isBusy = true;
  private readonly resultCount = new Int32Array(new SharedArrayBuffer(4));

  constructor(settings: JobSettings, handler: JobHandler, clock: Clock, options: WorkerRunnerOptions = {}) {
    const { threads = 1, silenceMsMax = silenceMsDefault } = options;
    this.workers = Array.from({ length: threads }, (_, place) => {
      const limit = place === 0 ? undefined : youngObjectsMb;
      return new WorkerThread(settings, handler, clock, this.resultCount, silenceMsMax, limit);
    });
  }

  get threads(): number {
    const now = performance.eventLoopUtilization();
    const { idle, active, utilization } = performance.eventLoopUtilization(now, this.measured);
    if (idle + active >= measuredMsMin) {
      this.measured = now;
      this.isBusy = utilization > busyUtilization;
    }
    const left = availableParallelism() - (this.isBusy ? 1 : 0);
    return Math.max(1, Math.min(this.workers.length, left));
  }

  prepare(): void {
    this.workers[0]?.prepare();
  }

  submit(job: Job): void {
    let chosen = this.workers[0] as WorkerThread;
    if (job.kind === 'compaction') {
      // Where the system has no other thread to give, the parts wait for each other in the first.
      for (const worker of this.workers) if (worker.compactionCount < chosen.compactionCount && worker.prepare()) chosen = worker;
    }
    chosen.submit(job);
  }

  cancel(id: number): void {
    for (const worker of this.workers) worker.cancel(id);
  }

  waitForResult(timeoutMs: number): boolean {
    // Read before the messages are: a result that comes between ends the wait at once.
    const seen = Atomics.load(this.resultCount, 0);
    if (this.takeResults()) return true;
    if (!this.workers.some((worker) => worker.isRunning)) return false;
    const isOver = Atomics.wait(this.resultCount, 0, seen, timeoutMs) === 'timed-out';
    if (this.takeResults()) return true;
    let wasLost = false;
    for (const worker of this.workers) wasLost = worker.waited(isOver ? timeoutMs : 0) || wasLost;
    return wasLost;
  }

  setKeepsProcessAlive(keeps: boolean): void {
    for (const worker of this.workers) worker.setKeepsProcessAlive(keeps);
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
  }

  private takeResults(): boolean {
    let took = false;
    for (const worker of this.workers) took = worker.takeResults() || took;
    return took;
  }
}
