/**
 * One worker thread that runs jobs: the main thread's side.
 *
 * The worker is started with the first job, or by `prepare` before it, and serves until `close`. A worker that dies loses nothing: its
 * jobs fail, their outputs are orphans that whoever submitted them removes, once more when the thread has ended, and the next job starts
 * a new worker. One that hangs is ended (see worker-watch.ts), and then the same holds.
 *
 *   no worker ── submit ──▶ starting ── ready ──▶ working ── exit, error or silence ──▶ no worker (all outstanding jobs fail)
 *
 * | how it ends                                  | known at once            | known to a thread that is blocked |
 * | its program ends: an exit, an uncaught throw | by its event             | by a word of shared memory        |
 * | out of memory, terminated, never begun       | by its event             | by silence                        |
 * | hangs                                        | by silence               | by silence                        |
 *
 * Invariants:
 * 1. Every submitted job gets exactly one result, unless `close` comes first.
 * 2. The handler runs on the main thread: from the event loop, or from within `takeResults` and `waited`.
 * 3. A worker does not keep the process alive, except while a caller awaits what it does.
 * 4. `close` waits for the thread to end, for some seconds at most: one that is held by a call of the system runs no more of our
 *    program when that returns.
 * 5. `close` does not end a worker while it starts: it loads its modules through the pool of libuv, and a file that is opened there for a
 *    thread which is gone stays open for as long as the process runs. Afterwards it opens files by synchronous calls alone,
 *    which Node closes with the thread.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../env/clock.js';
import { VarveError } from '../errors.js';
import type { Job, JobFailure, JobHandler, JobResult, JobSettings } from './job.js';
import { jobFailure } from './job-execution.js';
import {
  controlBytes,
  endedAt,
  heartbeatAt,
  type MessageFromWorker,
  type MessageToWorker,
  type WorkerStart,
} from './worker-protocol.js';
import { WorkerWatch } from './worker-watch.js';

/** Longest time that `close` waits for threads to start and to end. */
const endingMsMax = 10_000;

interface Connection {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly words: Int32Array;
  /** Resolves when the worker has started, or is gone. */
  readonly started: Promise<void>;
  readonly markStarted: () => void;
}

/** A thread, and another one where it was lost. */
export class WorkerThread {
  private connection: Connection | undefined;
  private readonly outstanding = new Map<number, Job>();
  private keepsAlive = false;
  private closed = false;
  private readonly watch: WorkerWatch;
  private watchTimer: Timer | undefined;
  /** Failures of jobs that no worker got, not told yet. */
  private unsent: JobFailure[] = [];
  /** Threads that were told to end and have not yet. */
  private readonly ending = new Set<Promise<unknown>>();

  /**
   * `resultCount` is one word of shared memory that is raised and notified with each result. `silenceMsMax`: how long a worker that has work
   * to do may give no sign of life. `youngObjectsMb`: what V8 may take for its young objects; absent: what it thinks right.
   */
  constructor(
    private readonly settings: JobSettings,
    private readonly handler: JobHandler,
    private readonly clock: Clock,
    private readonly resultCount: Int32Array,
    private readonly silenceMsMax: number,
    private readonly youngObjectsMb?: number,
  ) {
    this.watch = new WorkerWatch(silenceMsMax);
  }

  /** Whether there is a thread. */
  get isRunning(): boolean {
    return this.connection !== undefined;
  }

  /** Compactions that it has and has not told the end of. */
  get compactionCount(): number {
    let count = 0;
    for (const { kind } of this.outstanding.values()) if (kind === 'compaction') count++;
    return count;
  }

  /** Starts the thread where there is none; whether there is one then. */
  prepare(): boolean {
    try {
      this.connection ??= this.connect();
    } catch {
      // The first job tries again, and its failure is told.
    }
    return this.isRunning;
  }

  submit(job: Job): void {
    this.outstanding.set(job.id, job);
    this.keepWatching();
    try {
      this.connection ??= this.connect();
      this.send({ kind: 'job', job });
    } catch (cause) {
      // No thread to be had, or no memory for the message: the job failed like any other, and is tried again.
      this.unsent.push(jobFailure(job.id, new VarveError('VARVE_IO', 'the worker thread could not be started', { cause })));
      setImmediate(() => this.tellUnsent());
    }
  }

  cancel(id: number): void {
    if (this.outstanding.has(id)) this.send({ kind: 'cancel', id });
  }

  /** Hands over what has arrived, without the event loop; true if a result was among it. */
  takeResults(): boolean {
    const toldUnsent = this.tellUnsent();
    return (this.connection !== undefined && this.takeMessages(this.connection)) || toldUnsent;
  }

  /** After this thread was blocked and no result came: `silentMs` is how long if the wait was over, else 0. True if the worker was lost. */
  waited(silentMs: number): boolean {
    const { connection } = this;
    if (connection === undefined) return false;
    // No event says that the worker died while this thread is blocked.
    if (Atomics.load(connection.words, endedAt) !== 0) this.lose(connection, new Error('the worker ended'));
    else if (silentMs > 0) this.look(connection, silentMs);
    return this.connection !== connection;
  }

  setKeepsProcessAlive(keeps: boolean): void {
    this.keepsAlive = keeps;
    this.applyKeepsAlive();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.watchTimer?.cancel();
    const { connection } = this;
    this.connection = undefined;
    if (connection === undefined && this.ending.size === 0) return;
    let patience: Timer | undefined;
    const isLate = new Promise<void>((resolve) => {
      patience = this.clock.startTimer(endingMsMax, resolve, true);
    });
    if (connection !== undefined) {
      await Promise.race([connection.started, isLate]);
      this.end(connection, []);
    }
    await Promise.race([Promise.all(this.ending), isLate]);
    patience?.cancel();
  }

  private connect(): Connection {
    const { port1, port2 } = new MessageChannel();
    const control = new SharedArrayBuffer(controlBytes);
    const { settings, resultCount, youngObjectsMb } = this;
    const start: WorkerStart = { settings, port: port2, control, resultCount };
    const worker = new Worker(new URL('./worker-entry.js', import.meta.url), {
      workerData: start,
      transferList: [port2],
      name: 'varve',
      // What the program was started with is not for the worker: a flag that it refuses would stop every flush.
      execArgv: [],
      ...(youngObjectsMb === undefined ? {} : { resourceLimits: { maxYoungGenerationSizeMb: youngObjectsMb } }),
    });
    let markStarted = (): void => {};
    const started = new Promise<void>((resolve) => {
      markStarted = resolve;
    });
    const connection = { worker, port: port1, words: new Int32Array(control), started, markStarted };
    port1.on('message', (message: MessageFromWorker) => this.dispatch(connection, message));
    worker.on('error', (cause) => this.lose(connection, cause));
    worker.on('exit', (code) => this.lose(connection, new Error(`the worker exited with code ${code}`)));
    this.connection = connection;
    this.applyKeepsAlive();
    return connection;
  }

  private send(message: MessageToWorker): void {
    this.connection?.port.postMessage(message);
  }

  private dispatch(connection: Connection, message: MessageFromWorker): void {
    if (message.kind === 'ready') connection.markStarted();
    else if (this.closed) return;
    else if (message.kind === 'progress') {
      this.handler.onProgress(message.id, message.bytesRead);
    } else {
      this.tell(message.result);
    }
  }

  private tell(result: JobResult): void {
    if (!this.closed && this.outstanding.delete(result.id)) this.handler.onResult(result);
  }

  /** Hands over what has arrived; true if a result was among it. */
  private takeMessages(connection: Connection): boolean {
    let took = false;
    for (;;) {
      const received: { message: MessageFromWorker } | undefined = receiveMessageOnPort(connection.port);
      if (received === undefined) return took;
      took ||= received.message.kind === 'result';
      this.dispatch(connection, received.message);
    }
  }

  /** Tells of the jobs that no worker got; true if there were some. */
  private tellUnsent(): boolean {
    const { unsent } = this;
    this.unsent = [];
    for (const failure of unsent) this.tell(failure);
    return unsent.length > 0;
  }

  /** While there are jobs, a timer looks after the worker; it does not keep the process alive. */
  private keepWatching(): void {
    const { waitMs } = this.watch;
    this.watchTimer ??= this.clock.startTimer(
      waitMs,
      () => {
        this.watchTimer = undefined;
        if (this.connection !== undefined) this.look(this.connection, waitMs);
        if (this.outstanding.size > 0 && !this.closed) this.keepWatching();
      },
      false,
    );
  }

  private look(connection: Connection, waitedMs: number): void {
    const heartbeat = Atomics.load(connection.words, heartbeatAt);
    if (!this.watch.isSilent(heartbeat, this.outstanding.size > 0, waitedMs)) return;
    this.lose(connection, new Error(`the worker gave no sign of life for ${this.silenceMsMax} ms`));
  }

  /** Ends the thread: its program stops at once, unless it is in a call of the system, after which it stops. `lost` are its jobs. */
  private end({ worker, port }: Connection, lost: readonly Job[]): void {
    port.close();
    const ended = worker.terminate().finally(() => {
      this.ending.delete(ended);
      if (lost.length > 0) this.handler.onWorkerGone(lost);
    });
    this.ending.add(ended);
    // `terminate` keeps the process alive until the thread has ended; invariant 3 does not want that.
    worker.unref();
  }

  private lose(connection: Connection, cause: unknown): void {
    connection.markStarted();
    if (this.connection !== connection) return;
    this.connection = undefined;
    this.watch.reset();
    const lost = [...this.outstanding.values()];
    this.outstanding.clear();
    this.end(connection, lost);
    for (const { id } of lost) {
      this.handler.onResult(jobFailure(id, new VarveError('VARVE_IO', 'the worker thread was lost', { cause })));
    }
  }

  private applyKeepsAlive(): void {
    const { connection } = this;
    if (connection === undefined) return;
    if (this.keepsAlive) {
      connection.worker.ref();
      connection.port.ref();
    } else {
      connection.worker.unref();
      connection.port.unref();
    }
  }
}
