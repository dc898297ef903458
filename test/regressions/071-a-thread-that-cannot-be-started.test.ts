import { expect, test } from 'vitest';
import type { FlushJob, JobResult, JobSettings } from '../../src/compaction/job.js';
import { WorkerRunner } from '../../src/compaction/worker-runner.js';
import { systemClock } from '../../src/env/clock.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { everybody, plainSettings } from '../compaction/compaction-fixture.js';

/** What cannot be sent to a thread stands for a system that has none left to give. */
const settings = {
  ...plainSettings('/nowhere'),
  cannotBeSent: () => {},
} as JobSettings;

function job(id: number): FlushJob {
  const records = new Memtable(1, 1 << 14).freeze();
  return { id, kind: 'flush', retention: everybody, fileNumbers: { first: 1, end: 2 }, filterBitsPerKey: 10, records };
}

// The failure was told by the event loop alone: a writer that was blocked turned round and round for ever.
test('a thread that is blocked hears that its job got no worker', () => {
  const results: JobResult[] = [];
  const handler = { onResult: (result: JobResult) => void results.push(result), onProgress: () => {}, onWorkerGone: () => {} };
  const runner = new WorkerRunner(settings, handler, systemClock);
  for (const id of [1, 2]) {
    runner.submit(job(id));
    expect(results.length).toBe(id - 1);
    expect(runner.waitForResult(0)).toBe(true);
    expect(results[id - 1]).toMatchObject({ id, ok: false, code: 'VARVE_IO' });
  }
  expect(runner.waitForResult(0)).toBe(false);
});

test('and so does one that is not', async () => {
  const result = await new Promise<JobResult>((resolve) => {
    const runner = new WorkerRunner(settings, { onResult: resolve, onProgress: () => {}, onWorkerGone: () => {} }, systemClock);
    runner.submit(job(1));
  });
  expect(result).toMatchObject({ id: 1, ok: false, code: 'VARVE_IO' });
});
