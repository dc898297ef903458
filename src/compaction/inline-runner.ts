/**
 * Runs jobs in the thread of the engine, with the engine's own file system: for tests that fail or lose files, where the order of
 * all operations must be the same from run to run.
 *
 * Invariant: jobs run one after the other in the order of `submit`, each whole, in a later turn of the event loop or inside
 * `waitForResult`.
 */
import type { FileSystem } from '../env/file-system.js';
import type { Job, JobHandler, JobResult, JobRunner, JobSettings } from './job.js';
import { JobExecutor, jobFailure } from './job-execution.js';
import { VarveError } from '../errors.js';

export class InlineRunner implements JobRunner {
  /** Two jobs wait in the queue as they would run side by side. */
  readonly threads = 2;
  private readonly executor: JobExecutor;
  private readonly queue: Job[] = [];
  private readonly cancelled = new Set<number>();
  private closed = false;

  constructor(
    fileSystem: FileSystem,
    settings: JobSettings,
    private readonly handler: JobHandler,
  ) {
    this.executor = new JobExecutor(fileSystem, settings);
  }

  prepare(): void {}

  submit(job: Job): void {
    this.queue.push(job);
    setImmediate(() => this.runNext());
  }

  cancel(id: number): void {
    if (this.queue.some((job) => job.id === id)) this.cancelled.add(id);
  }

  waitForResult(_timeoutMs: number): boolean {
    return this.runNext();
  }

  setKeepsProcessAlive(_keeps: boolean): void {}

  close(): Promise<void> {
    this.closed = true;
    this.queue.length = 0;
    return Promise.resolve();
  }

  private runNext(): boolean {
    const job = this.closed ? undefined : this.queue.shift();
    if (job === undefined) return false;
    this.handler.onResult(this.execute(job));
    return true;
  }

  private execute(job: Job): JobResult {
    if (this.cancelled.delete(job.id)) return jobFailure(job.id, new VarveError('VARVE_ABORTED', 'the job was cancelled'));
    const slices = this.executor.run(job);
    for (;;) {
      const slice = slices.next();
      if (slice.done === true) return slice.value;
      this.handler.onProgress(job.id, slice.value);
    }
  }
}
