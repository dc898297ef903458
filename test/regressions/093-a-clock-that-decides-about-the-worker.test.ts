/**
 * A blocked main thread took the time between two looks at the clock for silence of its worker: a clock that stood still kept it
 * blocked for ever by a worker that was gone, and one that jumped ended a worker that was at work.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/env/clock.js';
import type { FlushJob, JobResult } from '../../src/compaction/job.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { everybody, plainSettings } from '../compaction/compaction-fixture.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';

/** A worker cannot be started from a .ts file, so the runner is that of the built package. */
const built = new URL('../../dist/compaction/worker-runner.js', import.meta.url).href;
const { WorkerRunner } = (await import(/* @vite-ignore */ built)) as typeof import('../../src/compaction/worker-runner.js');

const yearMs = 365 * 24 * 3_600_000;
let directory = '';
let results: JobResult[] = [];
let runner: InstanceType<typeof WorkerRunner>;
let worker: Worker | undefined;
const onWorker = (started: Worker): void => {
  worker = started;
};

beforeAll(initializeChecksum);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-clock-'));
  results = [];
  process.on('worker', onWorker);
  runner = new WorkerRunner(
    plainSettings(directory),
    { onResult: (result) => results.push(result), onProgress: () => {}, onWorkerGone: () => {} },
    systemClock,
  );
});
afterEach(async () => {
  vi.restoreAllMocks();
  process.off('worker', onWorker);
  await runner.close();
  rmSync(directory, { recursive: true });
});

function flushJob(): FlushJob {
  const memtable = new Memtable(1, 1 << 20);
  for (let i = 0; i < 100; i++) put(memtable, internalKey(1, `key${100 + i}`), 'value');
  const fileNumbers = { first: 1, end: 100 };
  return { id: 1, kind: 'flush', retention: everybody, fileNumbers, filterBitsPerKey: 10, records: memtable.freeze() };
}

test('with a clock that stands still, a worker that is gone is given up all the same', async () => {
  runner.submit(flushJob());
  await worker?.terminate();
  results = [];
  vi.spyOn(performance, 'now').mockReturnValue(1000);
  // The event of its end came by the loop: a second one is not heard of, since this thread does not turn to the loop any more.
  runner.submit(flushJob());
  const gone = worker?.terminate();
  vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out');
  for (let wait = 0; wait < 40 && results.length === 0; wait++) runner.waitForResult(5000);
  expect(results).toMatchObject([{ ok: false, code: 'VARVE_IO' }]);
  await gone;
});

test('with a clock that jumps by a year at each look, a worker at work is waited for', () => {
  let nowMs = 0;
  runner.submit(flushJob());
  vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += yearMs));
  for (let wait = 0; wait < 20_000 && results.length === 0; wait++) runner.waitForResult(1);
  expect(results).toMatchObject([{ ok: true }]);
});
