/**
 * What must hold of a disk on which power was lost, whatever it left.
 *
 * ```
 *   look (readOnly) ─▶ copies whole or absent ─▶ open ─▶ C1–C4 ─▶ C6 ─▶ write, commit, close ─▶ every byte verified ─▶ open again
 *                                                  └──power lost again──▶ the same from the beginning, deeper
 * ```
 *
 * **Invariant:** the judgement changes the disk that it is given; callers give away a copy.
 */
import { expect } from 'vitest';
import type { Backend } from '../../src/api.js';
import { verifyDirectory } from '../../src/engine/verify.js';
import { currentFileName, logFileName, manifestFileName, parseFileName, tableFileName } from '../../src/format/file-names.js';
import { VarveError } from '../../src/errors.js';
import { versionTables } from '../../src/version/version.js';
import { readCurrent } from '../../src/version/current-file.js';
import { readManifest } from '../../src/version/manifest-reader.js';
import { type CrashMode, crashModes, randomBelow } from '../support/crash-persona.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem, seededRandom } from '../support/memory-file-system.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { fingerprint, type Journal, type Restoration, shownBy } from './journal.js';
import { config, openDatabase, path } from './workload.js';

/** How much was looked at. */
export class Tally {
  /** Disks as a loss of power left them. */
  states = 0;
  /** Databases that were opened. */
  recoveries = 0;
  private readonly beganMs = performance.now();

  toString(): string {
    const seconds = (performance.now() - this.beganMs) / 1000;
    const rate = Math.round((this.states / seconds) * 60);
    return `${this.states} states, ${this.recoveries} recoveries, ${seconds.toFixed(0)} s, ${rate} states a minute`;
  }
}

/** How a state is judged. */
export interface Judging {
  readonly journal: Journal;
  /** For what fails: how to come here again. */
  readonly where: string;
  /** What is looked at beyond the promises themselves differs from seed to seed. */
  readonly seed: number;
  readonly tally: Tally;
  /** Losses of power that may still come, one within the recovery of the other. */
  readonly depth: number;
  /** Whether the promises are all that is looked at: for the many states that losses within a recovery leave. */
  readonly isBrief?: boolean;
  /** Whether power is lost again at an operation of the recovery, the first of which is 0. */
  chooses(operation: number): boolean;
}

async function opened(disk: MemoryFileSystem, { where, tally }: Judging): Promise<Backend> {
  tally.recoveries++;
  return openDatabase(disk).catch((error: unknown) => expect.fail(`${where}: the open failed: ${String(error)}`));
}

/** What a read-only opening shows, which changes nothing; undefined where there is no database yet. */
async function seenReadOnly(disk: MemoryFileSystem, { where, tally }: Judging): Promise<string | undefined> {
  const before = disk.operationCount;
  tally.recoveries++;
  try {
    const backend = await openOn(disk, { ...config, readOnly: true }, smallSizes);
    const shown = fingerprint(shownBy(backend.readTx()));
    await backend.close();
    return shown;
  } catch (error) {
    if (error instanceof VarveError && error.code === 'VARVE_NOT_FOUND') return undefined;
    return expect.fail(`${where}: the read-only open failed: ${String(error)}`);
  } finally {
    expect(disk.operationCount, `${where}: what a read-only open changes`).toBe(before);
  }
}

/** A copy that was being restored is whole or not there; one that was done is whole. */
async function expectRestored(disk: MemoryFileSystem, restoration: Restoration, { where, tally }: Judging): Promise<void> {
  tally.recoveries++;
  try {
    const backend = await openOn(disk, { ...config, path: restoration.path, createIfMissing: false }, smallSizes);
    const shown = fingerprint(shownBy(backend.readTx()));
    await backend.close();
    expect(shown, `${where}: the copy at ${restoration.path}`).toBe(fingerprint(restoration.state));
  } catch (error) {
    // In a directory that was there the files come before CURRENT, which makes them a database.
    const isAbsent =
      error instanceof VarveError &&
      (error.code === 'VARVE_NOT_FOUND' || (error.code === 'VARVE_CORRUPTION' && error.file === currentFileName));
    if (!isAbsent || restoration.isDone) throw error;
  }
}

/** Every byte is sound, and nothing is there that nobody needs. */
async function expectSound(disk: MemoryFileSystem, where: string): Promise<void> {
  const { problems } = await verifyDirectory(disk, path);
  expect(problems, `${where}: verified`).toEqual([]);
  const current = readCurrent(disk, path) ?? 0;
  const { version, oldestLogNumber } = readManifest(disk, path, current);
  const names = disk.list(path);
  const logs = names.filter((name) => parseFileName(name)?.kind === 'log').sort();
  expect(logs[0] ?? '~', `${where}: logs that nobody needs`).satisfy((first: string) => first >= logFileName(oldestLogNumber));
  const tables = [...versionTables(version)].map((table) => tableFileName(table.fileNumber));
  const expected = [currentFileName, 'LOCK', manifestFileName(current), ...logs, ...tables].sort();
  expect(names.sort(), `${where}: files`).toEqual(expected);
}

/** More writes; sometimes so many that they are flushed and merged. */
async function goOn(backend: Backend, journal: Journal, isLong: boolean): Promise<void> {
  journal.update(backend, (section) => {
    section.create('c');
    section.put('c', 'after the crash', 40);
  });
  if (isLong) {
    for (let round = 0; round < 3; round++) journal.update(backend, (section) => section.puts('c', round * 30, 60, 180));
    await turnsOfTheLoop(4);
    await journal.durable(() => backend.defrag());
    journal.update(backend, (section) => section.delete('c', 'key0010'));
  }
  await journal.durable(() => backend.batchTx().commit());
}

/** Opens a disk, losing power on the way where that is chosen; gives what is open, and judges what each loss left. */
async function openedThroughLosses(disk: MemoryFileSystem, judging: Judging): Promise<Backend> {
  const { where, seed, depth } = judging;
  if (depth === 0) return opened(disk, judging);
  const left: { disk: MemoryFileSystem; operation: number; mode: CrashMode }[] = [];
  const random = seededRandom(seed);
  let operation = 0;
  disk.onOperation = () => {
    if (judging.chooses(operation)) {
      const mode = crashModes[randomBelow(random, crashModes.length)] ?? 'keepRandom';
      left.push({ disk: disk.crash(random, mode), operation, mode });
    }
    operation++;
  };
  const backend = await opened(disk, judging);
  disk.onOperation = undefined;
  for (const each of left) {
    const again = randomBelow(random, 30);
    await judge(each.disk, {
      ...judging,
      where: `${where}, again at operation ${each.operation} of the recovery (${each.mode})`,
      seed: seed + each.operation + 1,
      depth: depth - 1,
      isBrief: true,
      chooses: (later) => later === again,
    });
  }
  return backend;
}

/** Fails where something does not hold. */
export async function judge(disk: MemoryFileSystem, judging: Judging): Promise<void> {
  const { journal, where, seed, tally, isBrief = false } = judging;
  tally.states++;
  const isFirstSeenReadOnly = !isBrief && seed % 2 === 0;
  const seenFirst = isFirstSeenReadOnly ? await seenReadOnly(disk, judging) : undefined;
  if (!isBrief) for (const restoration of journal.restorations) await expectRestored(disk, restoration, judging);
  const backend = await openedThroughLosses(disk, judging);
  const recovered = shownBy(backend.readTx());
  const complaint = journal.complaintAbout(recovered);
  if (complaint !== undefined) expect.fail(`${where}: ${complaint}`);
  if (seenFirst !== undefined) expect(fingerprint(recovered), `${where}: as the read-only open showed it`).toBe(seenFirst);
  const after = journal.reducedTo(recovered);
  if (!isBrief && seed % 3 === 0) await expectSettled(disk, after, judging);
  await goOn(backend, after, !isBrief && seed % 5 === 0);
  await after.durable(() => backend.close());
  expect(disk.openHandles, `${where}: handles after close`).toBe(0);
  await expectSound(disk, where);
  if (!isBrief || seed % 4 === 0) await expectReopened(disk, after, judging);
}

/** Opens once more what was closed. */
async function expectReopened(disk: MemoryFileSystem, after: Journal, judging: Judging): Promise<void> {
  const backend = await opened(disk, judging);
  const complaint = after.complaintAbout(shownBy(backend.readTx()));
  if (complaint !== undefined) expect.fail(`${judging.where}, reopened: ${complaint}`);
  await backend.close();
}

/** What an opening has shown survives a loss of power right after it (C6). */
async function expectSettled(disk: MemoryFileSystem, shown: Journal, judging: Judging): Promise<void> {
  const survivor = disk.crash(judging.seed, 'dropUnsynced');
  const backend = await opened(survivor, judging);
  const lost = shown.complaintAbout(shownBy(backend.readTx()));
  if (lost !== undefined) expect.fail(`${judging.where}, then again right after the opening: ${lost}`);
  await backend.close();
}
