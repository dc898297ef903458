/**
 * Verifying, and restoring with it, held the event loop from the first table to the last.
 */
import { beforeAll, expect, test } from 'vitest';
import { verifyDirectory } from '../../src/engine/verify.js';
import type { Clock } from '../../src/env/clock.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { openDatabase, path } from '../crash/workload.js';
import { EagerClock } from '../support/eager-clock.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

beforeAll(initializeChecksum);

/** Time that has gone on by `stepMs` whenever somebody looks. */
class SteppingClock extends EagerClock {
  private timeNowMs = 0;

  constructor(private readonly stepMs: number) {
    super();
  }

  override now(): number {
    this.timeNowMs += this.stepMs;
    return this.timeNowMs;
  }
}

/** Turns of the event loop that others get while the database is verified. */
async function turnsWhile(files: MemoryFileSystem, clock: Clock): Promise<number> {
  let turns = 0;
  let isDone = false;
  const turn = (): void => {
    turns++;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  const { problems } = await verifyDirectory(files, path, clock);
  isDone = true;
  expect(problems).toEqual([]);
  return turns;
}

async function filled(entries: number, isDefragged: boolean): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  const backend = await openDatabase(files);
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    for (let i = 0; i < entries; i++) tx.unsafePut('a', `key${i}`, `${i}`.repeat(100).slice(0, 100));
  });
  if (isDefragged) await backend.defrag();
  await backend.close();
  return files;
}

test('between the blocks of a table, once a slice of time is over', async () => {
  const files = await filled(1000, true);
  const tables = files.list(path).filter((name) => name.endsWith('.sst')).length;
  // Blocks have 512 bytes before compression, tables 4096 bytes after it, so there are many more blocks than tables.
  expect(await turnsWhile(files, new SteppingClock(10))).toBeGreaterThan(4 * tables);
  expect(await turnsWhile(files, new SteppingClock(0))).toBeLessThanOrEqual(1);
});

test('between the memtables of a log', async () => {
  const files = await filled(100, false);
  const logs = files.list(path).filter((name) => name.endsWith('.log'));
  expect(logs.length).toBeGreaterThan(0);
  expect(await turnsWhile(files, new SteppingClock(10))).toBeGreaterThan(0);
});
