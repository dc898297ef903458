/** Background work that failed is tried again, later each time, until it succeeds. */
import { expect, test } from 'vitest';
import type { JobFailure } from '../../src/compaction/job.js';
import { Retry } from '../../src/engine/retry.js';

const failure: JobFailure = {
  id: 1,
  ok: false,
  code: 'VARVE_IO',
  message: 'no',
  file: undefined,
  offset: undefined,
  systemCode: 'EIO',
};

function retryWithTimers(): { retry: Retry; delaysMs: number[]; fire: () => void; attempts: () => number } {
  const delaysMs: number[] = [];
  let pending: (() => void) | undefined;
  let attempts = 0;
  const clock = {
    now: () => 0,
    activeMs: () => 0,
    startTimer: (delayMs: number, callback: () => void) => {
      delaysMs.push(delayMs);
      pending = callback;
      return { cancel: () => (pending = undefined) };
    },
  };
  const fire = (): void => {
    const due = pending;
    pending = undefined;
    due?.();
  };
  return { retry: new Retry(clock, () => attempts++), delaysMs, fire, attempts: () => attempts };
}

test('work that failed waits, and is tried again when it is due, after twice as long each time and ten seconds at most', () => {
  const { retry, delaysMs, fire, attempts } = retryWithTimers();
  for (let failures = 1; failures <= 9; failures++) {
    retry.failed(failure);
    expect(retry.isWaiting).toBe(true);
    fire();
    expect(retry.isWaiting).toBe(false);
    expect(attempts()).toBe(failures);
  }
  expect(delaysMs).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
});

test('work that succeeded is not waited for, and the next failure begins anew', () => {
  const { retry, delaysMs, fire, attempts } = retryWithTimers();
  retry.failed(failure);
  retry.failed(failure);
  retry.succeeded();
  fire();
  expect([retry.isWaiting, attempts(), retry.last]).toEqual([false, 0, undefined]);
  retry.failed(failure);
  expect(delaysMs).toEqual([100, 200, 100]);
});

test('who waits is told after three failures, but of none that were before the waiting', () => {
  const { retry } = retryWithTimers();
  for (let failures = 0; failures < 3; failures++) retry.failed(failure);
  expect(() => retry.giveUp(3)).not.toThrow();
  expect(() => retry.giveUp(0)).toThrow('background work failed: no');
});
