/**
 * A small durable job queue: what was enqueued is done at least once, in order of priority, whatever happens to the process.
 *
 *   enqueue ─▶ ready ─ take ─▶ leased ─ done ─▶ gone
 *                ▲               │
 *                └── giveBack ◀──┘   the worker failed, or its lease is over
 *
 *   bucket   key                                  value
 *   jobs     id (8 bytes)                         payload, JSON
 *   ready    priority (1 byte) ‖ id               empty
 *   leased   end of the lease, ms (8 bytes) ‖ id  priority (1 byte)
 *
 * A job is moved between buckets in one section, so that it is in exactly one of them, whenever the process dies.
 *
 * Run it: node examples/job-queue.js [directory]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openBackend } from 'varve';

/** @param {bigint} number @returns {Buffer} big-endian, so that the order of the bytes is that of the numbers */
function eightBytes(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(number);
  return bytes;
}

/** @typedef {{ id: bigint, priority: number, leaseKey: Buffer, payload: unknown }} Job */

export class JobQueue {
  /** @param {string} directory @returns {Promise<JobQueue>} */
  static async open(directory) {
    const backend = await openBackend({ path: directory });
    backend.update((tx) => ['jobs', 'ready', 'leased'].forEach((name) => tx.unsafeCreateBucket(name)));
    return new JobQueue(backend);
  }

  /** @param {import('varve').Backend} backend */
  constructor(backend) {
    this.backend = backend;
    const [last] = backend.view((tx) => [...tx.unsafeIterate('jobs', { reverse: true, limit: 1 })]);
    this.nextId = last === undefined ? 1n : last[0].readBigUInt64BE() + 1n;
  }

  /**
   * Resolves when the job is durable.
   * @param {unknown} payload
   * @param {number} [priority] 0 is taken first, 255 last
   * @returns {Promise<bigint>} its id
   */
  async enqueue(payload, priority = 128) {
    const id = this.nextId++;
    this.backend.update((tx) => {
      tx.unsafePut('jobs', eightBytes(id), JSON.stringify(payload));
      tx.unsafePut('ready', Buffer.concat([Buffer.from([priority]), eightBytes(id)]), '');
    });
    await this.backend.forceCommit();
    return id;
  }

  /**
   * The next job, leased to the caller until `nowMs + leaseMs`.
   * @param {number} nowMs
   * @param {number} leaseMs
   * @returns {Job | undefined}
   */
  take(nowMs, leaseMs) {
    return this.backend.update((tx) => {
      const [first] = tx.unsafeIterate('ready', { limit: 1 });
      if (first === undefined) return undefined;
      const [readyKey] = first;
      const idBytes = readyKey.subarray(1);
      const leaseKey = Buffer.concat([eightBytes(BigInt(nowMs + leaseMs)), idBytes]);
      tx.unsafeDelete('ready', readyKey);
      tx.unsafePut('leased', leaseKey, readyKey.subarray(0, 1));
      const payload = JSON.parse(String(tx.unsafeGet('jobs', idBytes)));
      return { id: idBytes.readBigUInt64BE(), priority: readyKey[0], leaseKey, payload };
    });
  }

  /** Resolves when it is durable that the job is done. @param {Job} job */
  async done(job) {
    this.backend.update((tx) => {
      tx.unsafeDelete('leased', job.leaseKey);
      tx.unsafeDelete('jobs', eightBytes(job.id));
    });
    await this.backend.forceCommit();
  }

  /** Makes the jobs ready again whose lease ended before `nowMs`. @param {number} nowMs @returns {number} how many */
  giveBackExpired(nowMs) {
    return this.backend.update((tx) => {
      const expired = [...tx.unsafeIterate('leased', { lt: eightBytes(BigInt(nowMs)) })];
      for (const [leaseKey, priority] of expired) {
        tx.unsafeDelete('leased', leaseKey);
        tx.unsafePut('ready', Buffer.concat([priority, leaseKey.subarray(8)]), '');
      }
      return expired.length;
    });
  }

  /** Jobs that wait, and jobs that somebody works on. */
  counts() {
    const countOf = (tx, bucket) => [...tx.unsafeIterate(bucket)].length;
    return this.backend.view((tx) => ({ ready: countOf(tx, 'ready'), leased: countOf(tx, 'leased') }));
  }

  close() {
    return this.backend.close();
  }
}

async function main(given) {
  const directory = given ?? mkdtempSync(join(tmpdir(), 'varve-jobs-'));
  let queue = await JobQueue.open(directory);
  await queue.enqueue({ mail: 'ada@example.org' });
  await queue.enqueue({ mail: 'grace@example.org' });
  await queue.enqueue({ page: 'it burns' }, 0);

  const first = queue.take(0, 1000);
  console.log(`first: ${JSON.stringify(first.payload)}`);
  await queue.done(first);
  console.log(`a worker takes ${JSON.stringify(queue.take(0, 1000).payload)}, and is never heard of again`);
  await queue.close();

  queue = await JobQueue.open(directory);
  console.log(`after reopening: ${JSON.stringify(queue.counts())}`);
  console.log(`given back: ${queue.giveBackExpired(5000)}`);
  for (let job = queue.take(5000, 1000); job !== undefined; job = queue.take(5000, 1000)) {
    console.log(`done: ${JSON.stringify(job.payload)}`);
    await queue.done(job);
  }
  console.log(`left: ${JSON.stringify(queue.counts())}`);
  await queue.close();
  if (given === undefined) rmSync(directory, { recursive: true });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv[2]);
