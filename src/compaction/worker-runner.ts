/**
 * Runs jobs in a worker thread: the main thread's side.
 *
 * The worker is started with the first job and serves until `close`. A worker that dies loses nothing: its jobs fail, their
 * outputs are orphans that whoever submitted them removes, and the next job starts a new worker.
 *
 *   no worker ── submit ──▶ starting ── ready ──▶ working ── exit or error ──▶ no worker (all outstanding jobs fail)
 *
 * Invariants:
 * 1. Every submitted job gets exactly one result, unless `close` comes first.
 * 2. The handler runs on the main thread: from the event loop, or from within `waitForResult`.
 * 3. A worker does not keep the process alive, except while a caller awaits what it does.
 * 4. A worker is not ended while it starts: it loads its modules through the pool of libuv, and a file that is opened there for a
 *    thread which is gone stays open for as long as the process runs. Afterwards it opens files by synchronous calls alone,
 *    which Node closes with the thread.
 * 5. No clock decides that a worker is lost: only waits that ran to their end count.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { systemClock } from '../env/clock.js';
import { VarveError } from '../errors.js';
import type { Job, JobHandler, JobRunner, JobSettings } from './job.js';
import { jobFailure } from './job-execution.js';
import {
  controlBytes,
  heartbeatAt,
  type MessageFromWorker,
  type MessageToWorker,
  resultCountAt,
  type WorkerStart,
} from './worker-protocol.js';

/** A blocked main thread gives up on a worker that showed no sign of life for this long: longer than any one sync of a table takes. */
const silenceMsMax = 120_000;

/** A worker that is not ready after this long never will be, and is ended as it is. */
const startMsMax = 10_000;

interface Connection {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly words: Int32Array;
  /** Resolves when the worker has started, or is gone. */
  readonly started: Promise<void>;
  readonly markStarted: () => void;
}

export class WorkerRunner implements JobRunner {
  private connection: Connection | undefined;
  private readonly outstanding = new Set<number>();
  private keepsAlive = false;
  private closed = false;
  private lastHeartbeat = -1;
  private silentMs = 0;

  constructor(
    private readonly settings: JobSettings,
    private readonly handler: JobHandler,
  ) {}

  submit(job: Job): void {
    this.outstanding.add(job.id);
    try {
      this.connection ??= this.connect();
      this.send({ kind: 'job', job });
    } catch (cause) {
      // No thread to be had, or no memory for the message: the job failed like any other, and is tried again.
      setImmediate(() => {
        if (this.closed || !this.outstanding.delete(job.id)) return;
        this.handler.onResult(
          jobFailure(job.id, new VarveError('VARVE_IO', 'the worker thread could not be started', { cause })),
        );
      });
    }
  }

  cancel(id: number): void {
    if (this.outstanding.has(id)) this.send({ kind: 'cancel', id });
  }

  waitForResult(timeoutMs: number): boolean {
    const { connection } = this;
    if (connection === undefined) return false;
    const seen = Atomics.load(connection.words, resultCountAt);
    if (this.takeMessages(connection)) return true;
    const outcome = Atomics.wait(connection.words, resultCountAt, seen, timeoutMs);
    const took = this.takeMessages(connection);
    this.watch(connection, outcome === 'timed-out' ? timeoutMs : 0);
    return took;
  }

  setKeepsProcessAlive(keeps: boolean): void {
    this.keepsAlive = keeps;
    this.applyKeepsAlive();
  }

  async close(): Promise<void> {
    this.closed = true;
    const { connection } = this;
    this.connection = undefined;
    if (connection === undefined) return;
    connection.worker.ref();
    const tooLate = systemClock.startTimer(startMsMax, connection.markStarted, false);
    await connection.started;
    tooLate.cancel();
    connection.port.close();
    await connection.worker.terminate();
  }

  private connect(): Connection {
    const { port1, port2 } = new MessageChannel();
    const control = new SharedArrayBuffer(controlBytes);
    const start: WorkerStart = { settings: this.settings, port: port2, control };
    const worker = new Worker(new URL('./worker-entry.js', import.meta.url), {
      workerData: start,
      transferList: [port2],
      name: 'varve',
      // What the program was started with is not for the worker: a flag that it refuses would stop every flush.
      execArgv: [],
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
    } else if (this.outstanding.delete(message.result.id)) {
      this.handler.onResult(message.result);
    }
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

  /** While the main thread is blocked no event says that the worker died: its silence does. */
  private watch(connection: Connection, waitedMs: number): void {
    const heartbeat = Atomics.load(connection.words, heartbeatAt);
    if (heartbeat !== this.lastHeartbeat || this.outstanding.size === 0) {
      this.lastHeartbeat = heartbeat;
      this.silentMs = 0;
      return;
    }
    this.silentMs += waitedMs;
    if (this.silentMs < silenceMsMax) return;
    void connection.worker.terminate();
    this.lose(connection, new Error(`the worker gave no sign of life for ${silenceMsMax} ms`));
  }

  private lose(connection: Connection, cause: unknown): void {
    connection.markStarted();
    if (this.connection !== connection) return;
    this.connection = undefined;
    this.silentMs = 0;
    connection.port.close();
    const lost = [...this.outstanding];
    this.outstanding.clear();
    for (const id of lost) {
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
