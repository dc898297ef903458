/**
 * When writers are slowed and when they are stopped, by what is behind.
 */
import { expect, test } from 'vitest';
import { BackPressure, type Waiting } from '../../src/engine/back-pressure.js';
import type { CompactionScheduler } from '../../src/engine/compaction-scheduler.js';
import type { FlushScheduler } from '../../src/engine/flush-scheduler.js';
import type { BackgroundSurroundings } from '../../src/engine/job-desk.js';

interface Behind {
  readonly runs?: number;
  readonly sealed?: number;
  readonly isFull?: boolean;
  /** Share of the active memtable that is used. */
  readonly used?: number;
  readonly compactionFailures?: number;
  readonly fullCompaction?: boolean;
}

/** Back-pressure over a database of which only this is known; `delays` takes the times for which acknowledgements are held. */
function pressureOf(behind: Behind, delays: number[] = []): BackPressure {
  const surroundings = {
    memtables: {
      sealed: Array.from({ length: behind.sealed ?? 0 }),
      active: { memtable: { isFull: behind.isFull ?? false, usedBytes: (behind.used ?? 0) * 1e6, fullBytes: 1e6 } },
    },
    versions: { version: { levels: [{ runs: Array.from({ length: behind.runs ?? 0 }) }] } },
    clock: {
      now: () => 0,
      startTimer: (delayMs: number, callback: () => void) => {
        delays.push(delayMs);
        callback();
      },
    },
    health: { isClosed: false, isPoisoned: false },
  } as unknown as BackgroundSurroundings;
  const flushes = { retry: { failures: 0 } } as unknown as FlushScheduler;
  const compactions = {
    retry: { failures: behind.compactionFailures ?? 0 },
    isFull: behind.fullCompaction ?? false,
  } as unknown as CompactionScheduler;
  const waiting = { until: () => Promise.resolve(), noteStall: () => {} } as unknown as Waiting;
  return new BackPressure(surroundings, flushes, compactions, waiting);
}

test('no memtable may be sealed where two wait, or 32 runs are in level 0', () => {
  expect(pressureOf({ sealed: 1, runs: 31 }).mustWait).toBe(false);
  expect(pressureOf({ sealed: 2 }).mustWait).toBe(true);
  expect(pressureOf({ runs: 32 }).mustWait).toBe(true);
});

test('runs stop nobody where no compaction can take them: it fails, or a full one holds the others back', () => {
  expect(pressureOf({ runs: 40, compactionFailures: 1 }).mustWait).toBe(false);
  expect(pressureOf({ runs: 40, fullCompaction: true }).mustWait).toBe(false);
});

test('acknowledgements are held back the longer the more is behind, 20 ms at most, and not at all before that', async () => {
  const delays: number[] = [];
  for (const behind of [{ runs: 16 }, { sealed: 1 }, { runs: 20 }, { runs: 24 }, { runs: 31 }, { runs: 60 }]) {
    await pressureOf(behind, delays).holdBack(1000);
  }
  expect(delays).toEqual([5, 10, 18.75, 20]);
  expect(pressureOf({ sealed: 2, isFull: true }, delays).holdBack(1000)).toBeInstanceOf(Promise);
  expect(delays.length).toBe(4);
});

test('while memtables wait, bytes are acknowledged as fast as they are flushed, and slower the fuller the active one is', async () => {
  const delays: number[] = [];
  for (const used of [0, 0.5, 0.9, 1]) await pressureOf({ sealed: 2, used }, delays).holdBack(128 * 1024);
  expect(delays).toEqual([2, 4, expect.closeTo(20), 20]);
});

test('delays of less than a millisecond are saved up, as long as memtables wait', async () => {
  const delays: number[] = [];
  const behind = { sealed: 2 };
  const pressure = pressureOf(behind, delays);
  for (let i = 0; i < 8; i++) await pressure.holdBack(16 * 1024);
  expect(delays).toEqual([1, 1]);
});
