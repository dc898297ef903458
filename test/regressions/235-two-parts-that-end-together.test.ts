/**
 * How busy the event loop was is asked when a part ends. Between two parts that ended together it had not been idle, so the second thread was left
 * without work until the next part ended, on a machine that had nothing else to do.
 */
import { availableParallelism } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import type { JobSettings } from '../../src/compaction/job.js';
import { WorkerRunner } from '../../src/compaction/worker-runner.js';
import { systemClock } from '../../src/env/clock.js';

afterEach(() => vi.restoreAllMocks());

test('a moment without idle time does not make a thread less', () => {
  const loop = { idle: 0, active: 0 };
  vi.spyOn(performance, 'eventLoopUtilization').mockImplementation((now, before) => {
    const idle = (now?.idle ?? loop.idle) - (before?.idle ?? 0);
    const active = (now?.active ?? loop.active) - (before?.active ?? 0);
    return { idle, active, utilization: active / (idle + active) };
  });
  const handler = { onResult: () => {}, onProgress: () => {}, onWorkerGone: () => {} };
  const runner = new WorkerRunner({} as JobSettings, handler, systemClock, { threads: 2 });
  const whenIdle = Math.min(2, availableParallelism());
  const whenBusy = Math.max(1, Math.min(2, availableParallelism() - 1));
  loop.idle += 200;
  expect(runner.threads).toBe(whenIdle);
  loop.active += 2;
  expect(runner.threads).toBe(whenIdle);
  loop.active += 200;
  expect(runner.threads).toBe(whenBusy);
  loop.idle += 2;
  expect(runner.threads).toBe(whenBusy);
});
