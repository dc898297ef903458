/**
 * Power is lost at every operation of a fixed workload, in every way that the file system allows; what is found afterwards must be
 * what a commit acknowledged, and no more than what was unlocked.
 *
 * VARVE_CRASH=all takes every operation as a crash point, instead of every so many; VARVE_CRASH=<n> that one alone.
 */
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/api.js';
import { VarveError } from '../../src/errors.js';
import { type CrashMode, MemoryFileSystem, PowerLoss } from '../support/memory-file-system.js';
import { Journal, shownBy } from './journal.js';
import { lives, openDatabase } from './workload.js';

const { VARVE_CRASH } = process.env;

/** Crash points in a quick run; each of them is recovered in several ways. */
const pointsSampled = 60;

/** Lives of the database until the power is lost, or to their end. What was open is closed, and must have let go of its files. */
async function liveUntil(fileSystem: MemoryFileSystem, lossAt: number): Promise<Journal> {
  const journal = new Journal();
  let operations = 0;
  fileSystem.onOperation = () => {
    if (operations++ === lossAt) throw new PowerLoss();
  };
  for (const steps of lives) {
    let backend: Backend | undefined;
    try {
      const opened = await openDatabase(fileSystem);
      backend = opened;
      for (const step of steps) await step.run(opened, journal);
      await journal.durable(() => opened.close());
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      await backend?.close().catch(() => {});
      expect(fileSystem.openHandles, 'handles after a close without power').toBe(0);
      return journal;
    }
  }
  return journal;
}

/** Opens what must open. */
async function reopened(image: MemoryFileSystem, where: string): Promise<Backend> {
  return openDatabase(image).catch((error: unknown) => expect.fail(`${where}: the open failed: ${String(error)}`));
}

/** Opens what a crash left and judges it; then the database must work, be closed, and open with the same content. */
async function judge(image: MemoryFileSystem, journal: Journal, where: string): Promise<void> {
  let backend = await reopened(image, where);
  const recovered = shownBy(backend.readTx());
  const complaint = journal.complaintAbout(recovered);
  if (complaint !== undefined) expect.fail(`${where}: ${complaint}`);
  const after = journal.reducedTo(recovered);
  after.update(backend, (section) => {
    section.create('c');
    section.put('c', 'after the crash', 40);
  });
  await after.durable(() => backend.batchTx().commit());
  await backend.close();
  expect(image.openHandles, `${where}: handles after close`).toBe(0);
  backend = await reopened(image, where);
  const again = after.complaintAbout(shownBy(backend.readTx()));
  if (again !== undefined) expect.fail(`${where}, reopened: ${again}`);
  await backend.close();
}

/** The process is killed and the machine goes on; what the next opening shows must survive a loss of power that follows (C6). */
async function expectSettled(image: MemoryFileSystem, journal: Journal, where: string): Promise<void> {
  const backend = await reopened(image, where);
  const shown = shownBy(backend.readTx());
  const complaint = journal.complaintAbout(shown);
  if (complaint !== undefined) expect.fail(`${where}: ${complaint}`);
  const survivor = await reopened(image.crash(1, 'dropUnsynced'), where);
  const lost = journal.reducedTo(shown).complaintAbout(shownBy(survivor.readTx()));
  if (lost !== undefined) expect.fail(`${where}, then power lost after opening: ${lost}`);
  await survivor.close();
  await backend.close();
}

/** Loses power again in the middle of the recovery; gives what is left then. */
async function crashInRecovery(image: MemoryFileSystem, lossAt: number, seed: number): Promise<MemoryFileSystem> {
  let operations = 0;
  image.onOperation = () => {
    if (operations++ === lossAt) throw new PowerLoss();
  };
  const backend = await openDatabase(image).catch((error: unknown) => {
    if (!(error instanceof VarveError)) throw error;
    return undefined;
  });
  if (backend === undefined) expect(image.openHandles, 'handles after an open that failed').toBe(0);
  const survivor = image.crash(seed, 'keepRandom');
  image.onOperation = () => {
    throw new PowerLoss();
  };
  await backend?.close().catch(() => {});
  return survivor;
}

async function countOperations(): Promise<number> {
  const fileSystem = new MemoryFileSystem();
  await liveUntil(fileSystem, -1);
  return fileSystem.operationCount;
}

/** The crash points of this run. */
async function chosenPoints(): Promise<number[]> {
  const count = await countOperations();
  if (VARVE_CRASH !== undefined && VARVE_CRASH !== 'all') return [Number(VARVE_CRASH)];
  const step = VARVE_CRASH === 'all' ? 1 : Math.max(1, count / pointsSampled);
  return Array.from({ length: Math.ceil(count / step) }, (_, index) => Math.floor(index * step));
}

const ways: readonly (readonly [mode: CrashMode, seed: number])[] = [
  ['dropUnsynced', 0],
  ['keepRandom', 1],
  ['keepRandom', 2],
  ['keepRandom', 3],
];

describe('a loss of power at any operation', () => {
  test('the workload without one ends, and does the same operations each time', async () => {
    const count = await countOperations();
    expect(count).toBeGreaterThan(300);
    expect(await countOperations()).toBe(count);
  });

  test('leaves a prefix of the sections that holds all that was acknowledged, and a database that works', async () => {
    for (const point of await chosenPoints()) {
      const fileSystem = new MemoryFileSystem();
      const journal = await liveUntil(fileSystem, point);
      for (const [mode, seed] of ways) {
        const where = `power lost at operation ${point}, ${mode}, seed ${seed}`;
        await judge(fileSystem.crash(seed * 7919 + point, mode), journal, where);
      }
      await expectSettled(fileSystem.clone(), journal, `process killed at operation ${point}`);
      const image = fileSystem.crash(point, 'keepRandom');
      const second = await crashInRecovery(image, (point * 31) % 40, point + 1);
      await judge(
        second,
        journal,
        `power lost at operation ${point}, and again at operation ${(point * 31) % 40} of the recovery`,
      );
    }
  }, 900_000);
});
