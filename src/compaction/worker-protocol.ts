/**
 * What main thread and worker say to each other, and the words of shared memory beside the messages.
 *
 *   main → worker    { kind: 'job', job } | { kind: 'cancel', id }
 *   worker → main    { kind: 'ready' } once | { kind: 'result', result } | { kind: 'progress', id, bytesRead }, then the result count is
 *                    raised and notified
 *
 * | heartbeat i32 | ended i32 |    each in a cache line of its own
 * 0               64
 *
 * A main thread that blocks waits on the result count, one word for all workers, and takes the message from the port without the event
 * loop. The heartbeat is raised with every slice of work, so that a worker that hangs can be told from one that works. `ended` is 1 when
 * the worker's program has ended, and the result count is raised and notified then, too.
 */
import type { Job, JobResult, JobSettings } from './job.js';
import type { MessagePort } from 'node:worker_threads';

export interface WorkerStart {
  readonly settings: JobSettings;
  readonly port: MessagePort;
  readonly control: SharedArrayBuffer;
  /** The result count, over shared memory of its own. */
  readonly resultCount: Int32Array;
}

export type MessageToWorker = { readonly kind: 'job'; readonly job: Job } | { readonly kind: 'cancel'; readonly id: number };
export type MessageFromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly result: JobResult }
  | { readonly kind: 'progress'; readonly id: number; readonly bytesRead: number };

export const controlBytes = 128;
/** Indexes into an Int32Array over the control memory. */
export const heartbeatAt = 0;
export const endedAt = 16;
