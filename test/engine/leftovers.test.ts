/** What recovery left in memory goes along with a merge that reads have paid for, and does not stand in its way: flush-scheduler.ts. */
import { expect, test } from 'vitest';
import { FlushScheduler } from '../../src/engine/flush-scheduler.js';
import type { JobDesk } from '../../src/engine/job-desk.js';

/** A scheduler over one sealed memtable that came from so many logs, and that is not to be flushed yet. */
function schedulerOf(recoveredLogs: readonly number[]): FlushScheduler {
  const clock = { now: () => 0, startTimer: () => ({ cancel: () => {} }) };
  const sealed = [{ recoveredLogs, isFlushable: false }];
  return new FlushScheduler({ surroundings: { clock, memtables: { sealed } }, changed: () => {} } as unknown as JobDesk);
}

test('a merge waits for what recovery left, and for nothing else', () => {
  expect(schedulerOf([7]).releaseLeftovers()).toBe(true);
  expect(schedulerOf([]).releaseLeftovers()).toBe(false);
});

test('a merge does not wait for a flush that fails', () => {
  const flushes = schedulerOf([7]);
  const failure = {
    ok: false,
    code: 'VARVE_IO',
    message: 'no',
    file: undefined,
    offset: undefined,
    systemCode: 'ENOSPC',
  } as const;
  flushes.retry.failed({ id: 1, ...failure });
  expect([flushes.releaseLeftovers(), flushes.flushLeftovers]).toEqual([false, false]);
  flushes.retry.succeeded();
  expect([flushes.releaseLeftovers(), flushes.flushLeftovers]).toEqual([true, true]);
});
