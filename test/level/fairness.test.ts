/**
 * Calls that are done at once, awaited one after the other, let the event loop turn now and then; a single long one does so, too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VarveLevel } from 'varve/level';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EagerClock } from '../support/eager-clock.js';
import { Turn } from '../../src/level/turn.js';

const count = 40_000;
const key = (number: number): string => String(number).padStart(6, '0');
let directory: string;
let db: VarveLevel;

/** Turns of the event loop while the call goes on. */
async function turnsDuring(call: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let goesOn = true;
  const next = (): void => {
    turns++;
    if (goesOn) setImmediate(next);
  };
  setImmediate(next);
  await call();
  goesOn = false;
  return turns;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'varve-level-'));
  db = new VarveLevel(directory, { unsafeNoFsync: true, batchIntervalMs: 3_600_000, batchLimit: 1_000_000_000 });
  await db.open();
  await db.batch(Array.from({ length: count }, (_, number) => ({ type: 'put' as const, key: key(number), value: 'v' })));
});

afterAll(async () => {
  await db.close();
  rmSync(directory, { recursive: true, force: true });
});

test.each<[string, () => Promise<unknown>]>([
  ['all', () => db.iterator().all()],
  ['nextv', () => db.iterator().nextv(count)],
  [
    'for await',
    async () => {
      let read = 0;
      for await (const entry of db.iterator()) read += entry.length;
      expect(read).toBe(2 * count);
    },
  ],
  [
    'get',
    async () => {
      for (let number = 0; number < count; number++) await db.get(key(number));
    },
  ],
  [
    'put',
    async () => {
      for (let number = 0; number < count; number++) await db.put(key(number), 'w');
    },
  ],
  ['clear of a range', () => db.clear({ gte: '0' })],
])('%s lets others go first', async (_name, call) => {
  expect(await turnsDuring(call)).toBeGreaterThan(0);
});

test('a turn is given after a share of time, and not before', async () => {
  const clock = new EagerClock();
  let now = 0;
  clock.now = () => now;
  const turn = new Turn(clock);
  now = 100;
  expect(turn.after(63)).toBe(undefined);
  expect(turn.after(1)).toBeInstanceOf(Promise);
  expect(await turn.after(64)).toBe(undefined);
  expect(turn.after(1000)).toBe(undefined);
  now = 107;
  expect(turn.after(1000)).toBe(undefined);
  now = 108;
  expect(turn.after(63)).toBe(undefined);
  expect(turn.after(1)).toBeInstanceOf(Promise);
});
