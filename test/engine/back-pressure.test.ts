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
  readonly compactionFailures?: number;
  readonly fullCompaction?: boolean;
}

/** Back-pressure over a database of which only this is known; `delays` takes the times for which acknowledgements are held. */
function pressureOf(behind: Behind, delays: number[] = []): BackPressure {
  const surroundings = {
    memtables: { sealed: Array.from({ length: behind.sealed ?? 0 }), active: { memtable: { isFull: behind.isFull ?? false } } },
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
  for (const behind of [{ runs: 16 }, { sealed: 1 }, { runs: 20 }, { runs: 24 }, { sealed: 2 }, { runs: 31 }, { runs: 60 }]) {
    await pressureOf(behind, delays).holdBack();
  }
  expect(delays).toEqual([5, 10, 10, 18.75, 20]);
  expect(pressureOf({ sealed: 2, isFull: true }, delays).holdBack()).toBeInstanceOf(Promise);
  expect(delays.length).toBe(5);
});
