/**
 * Where the system had no second thread to give, the part of a compaction that was meant for it failed, and so did the compaction, each time that it
 * was tried: with one thread it had succeeded.
 */
import { expect, test } from 'vitest';
import type { CompactionJob, JobResult, JobSettings } from '../../src/compaction/job.js';
import { systemClock } from '../../src/env/clock.js';
import { everybody, plainSettings } from '../compaction/compaction-fixture.js';

/** A worker cannot be started from a .ts file, so the runner is that of the built package. */
const built = new URL('../../dist/compaction/worker-runner.js', import.meta.url).href;
const { WorkerRunner } = (await import(/* @vite-ignore */ built)) as typeof import('../../src/compaction/worker-runner.js');

test('parts wait in the first thread where no second one can be started', async () => {
  let threads = 0;
  const settings = {
    ...plainSettings('/nowhere'),
    /** Read for each thread that is to be started: what cannot be sent to a thread stands for a system that has none left to give. */
    get perThread() {
      return threads++ === 0 ? undefined : () => {};
    },
  } satisfies JobSettings & { readonly perThread: unknown };
  const job = (id: number): CompactionJob => ({
    id,
    kind: 'compaction',
    retention: everybody,
    fileNumbers: { first: id, end: id + 1 },
    filterBitsPerKey: 10,
    merges: [],
    dropTombstones: true,
  });
  const results: JobResult[] = [];
  let runner: InstanceType<typeof WorkerRunner> | undefined;
  await new Promise<void>((resolve) => {
    const onResult = (result: JobResult): void => {
      if (results.push(result) === 2) resolve();
    };
    runner = new WorkerRunner(settings, { onResult, onProgress: () => {}, onWorkerGone: () => {} }, systemClock, { threads: 2 });
    runner.setKeepsProcessAlive(true);
    runner.submit(job(1));
    runner.submit(job(2));
  });
  await runner?.close();
  expect(results).toMatchObject([
    { id: 1, ok: true },
    { id: 2, ok: true },
  ]);
  expect(threads).toBe(2);
});
