/**
 * The worker's own program: takes jobs from a port, runs them, and sends back what came of them.
 *
 * A flush runs whole, as soon as its message is seen. A compaction runs in slices; between two slices messages are taken, so a
 * flush never waits longer than a slice (some milliseconds). Compactions run one after the other.
 *
 * Invariants:
 * 1. Every job that was taken ends in exactly one result.
 * 2. Nothing is transferred: a buffer that is detached costs the thread all its compiled code (see format/checksum.ts), a copy of the
 *    index and the filter of a table next to nothing.
 */
import { workerData } from 'node:worker_threads';
import { VarveError } from '../errors.js';
import { nodeFileSystem } from '../env/node-file-system.js';
import { initializeChecksum } from '../format/checksum.js';
import type { CompactionJob, JobResult } from './job.js';
import { JobExecutor, jobFailure } from './job-execution.js';
import { endedAt, heartbeatAt, type MessageFromWorker, type MessageToWorker, type WorkerStart } from './worker-protocol.js';

const { settings, port, control, resultCount } = workerData as WorkerStart;
const words = new Int32Array(control);
const compactions: CompactionJob[] = [];
const cancelled = new Set<number>();
let executor: JobExecutor | undefined;
let compacting = false;

/** Wakes a main thread that is blocked. */
function wake(): void {
  Atomics.add(resultCount, 0, 1);
  Atomics.notify(resultCount, 0);
}

function send(message: MessageFromWorker): void {
  port.postMessage(message);
  wake();
}

function sendResult(result: JobResult): void {
  send({ kind: 'result', result });
}

function beat(): void {
  Atomics.add(words, heartbeatAt, 1);
}

async function runCompactions(): Promise<void> {
  compacting = true;
  for (let job = compactions.shift(); job !== undefined; job = compactions.shift()) sendResult(await runSlices(job));
  compacting = false;
  cancelled.clear();
}

async function runSlices(job: CompactionJob): Promise<JobResult> {
  const slices = (executor as JobExecutor).run(job);
  for (;;) {
    const slice = slices.next();
    beat();
    if (slice.done === true) return slice.value;
    send({ kind: 'progress', id: job.id, bytesRead: slice.value });
    await new Promise((resolve) => setImmediate(resolve));
    if (cancelled.delete(job.id)) {
      slices.return(jobFailure(job.id, undefined));
      return jobFailure(job.id, new VarveError('VARVE_ABORTED', 'the compaction was cancelled'));
    }
  }
}

function take(message: MessageToWorker): void {
  if (message.kind === 'cancel') {
    // A job that has ended meanwhile is none any more.
    if (compacting) cancelled.add(message.id);
    return;
  }
  const { job } = message;
  beat();
  if (job.kind === 'compaction') {
    compactions.push(job);
    if (!compacting) void runCompactions();
    return;
  }
  const slice = (executor as JobExecutor).run(job).next();
  beat();
  if (slice.done === true) sendResult(slice.value);
}

// Not reached where the thread is terminated or out of memory.
process.on('exit', () => {
  Atomics.store(words, endedAt, 1);
  wake();
});

void initializeChecksum().then(() => {
  executor = new JobExecutor(nodeFileSystem, settings, beat);
  port.on('message', take);
  send({ kind: 'ready' });
});
