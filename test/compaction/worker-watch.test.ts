/** Silence of a worker: waits in which it had work to do and gave no sign of life, one after the other. */
import { expect, test } from 'vitest';
import { WorkerWatch } from '../../src/compaction/worker-watch.js';

test('a worker is silent after waits of the limit in all, without a heartbeat between them', () => {
  const watch = new WorkerWatch(100);
  expect([watch.isSilent(7, true, 60), watch.isSilent(7, true, 60), watch.isSilent(7, true, 39)]).toEqual([false, false, false]);
  expect(watch.isSilent(7, true, 1)).toBe(true);
});

test('any heartbeat, and having nothing to do, ends the silence', () => {
  const watch = new WorkerWatch(100);
  for (let heartbeat = 0; heartbeat < 10; heartbeat++) expect(watch.isSilent(heartbeat, true, 90)).toBe(false);
  for (let look = 0; look < 10; look++) expect(watch.isSilent(9, look % 2 === 0, 90)).toBe(false);
});

test('another worker begins with no silence', () => {
  const watch = new WorkerWatch(100);
  watch.isSilent(0, true, 60);
  watch.isSilent(0, true, 60);
  watch.reset();
  expect(watch.isSilent(0, true, 60)).toBe(false);
  expect(watch.isSilent(0, true, 60)).toBe(false);
});
