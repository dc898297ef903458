/**
 * No clock decides anything but when a batch interval is over, and in which thread a log is synced: one that stands still, goes back or jumps changes nothing.
 *
 * In memory the same program makes the same operations on the disk under every clock, byte for byte. In a process of its own the
 * clocks of the system are replaced before the package is loaded.
 */
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../src/env/clock.js';
import { EngineBackend } from '../../src/backend/backend.js';
import { openEngine } from '../../src/engine/open.js';
import { verifyDirectory } from '../../src/engine/verify.js';
import { resolveOptions } from '../../src/options.js';
import { freshPath } from '../contract/support/harness.js';
import { EagerClock } from '../support/eager-clock.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { byTier, report } from '../support/tier.js';
import { runSteady } from './process.js';

const yearMs = 365 * 24 * 3_600_000;

type Way = readonly [name: string, at: (look: number) => number];

/** Ways in which time may pass, by the number of the look at the clock. */
const ways: readonly [Way, ...Way[]] = [
  ['as it should', (look) => look],
  ['not at all', () => 1_000_000],
  ['backwards', (look) => 1_000_000_000 - look * 10],
  ['forward by a year at each look', (look) => look * yearMs],
  ['a year forward and a year back', (look) => (look % 2) * yearMs],
];

/** Timers fire after some turns of the loop; `now` goes the given way. */
class OddClock implements Clock {
  private readonly timers = new EagerClock();
  private looks = 0;

  constructor(private readonly at: (look: number) => number) {}

  now(): number {
    return this.at(this.looks++);
  }

  activeMs(): number {
    return this.at(this.looks++);
  }

  startTimer(delayMs: number, callback: () => void): ReturnType<Clock['startTimer']> {
    return this.timers.startTimer(delayMs, callback);
  }
}

async function openUnder(files: MemoryFileSystem, clock: Clock, batchIntervalMs: number): Promise<EngineBackend> {
  const options = resolveOptions({ path: '/db', memtableBytes: 16_384, batchIntervalMs, batchLimit: 50 });
  return new EngineBackend(await openEngine(options, { ...inlineEnvironment(files, smallSizes), clock }));
}

/** Commits by limit, by interval and by call, back-pressure with and without awaiting, merges, a snapshot's pin, hash, defrag, recovery. */
async function program(files: MemoryFileSystem, clock: Clock): Promise<number> {
  const backend = await openUnder(files, clock, 30);
  backend.update((tx) => tx.unsafeCreateBucket('b'));
  const put = (key: number): void =>
    backend.update((tx) => tx.unsafePut('b', `key${(key * 7919) % 700}`, `${key}`.padEnd(90, '.')));
  for (let key = 0; key < 700; key++) put(key);
  for (let key = 700; key < 800; key++) {
    put(key);
    if (key % 10 === 0) await backend.forceCommit();
  }
  const snapshot = await backend.snapshot();
  put(1800);
  const { commits } = backend.stats();
  while (backend.stats().commits === commits) await new Promise((resolve) => setImmediate(resolve));
  await snapshot.close();
  await backend.defrag();
  put(1801);
  await backend.close();
  const again = await openUnder(files, clock, 30);
  const hash = await again.hash();
  await again.close();
  expect((await verifyDirectory(files, '/db', clock)).problems).toEqual([]);
  return hash;
}

describe('a clock that goes', () => {
  /** What the program does to the disk, and the hash that it ends with. */
  async function runUnder(at: (look: number) => number): Promise<{ hash: number; operations: string[] }> {
    const files = new MemoryFileSystem();
    const operations: string[] = [];
    files.onOperation = (operation) => void operations.push(JSON.stringify(operation));
    return { hash: await program(files, new OddClock(at)), operations };
  }

  test('not at all, backwards or in jumps changes no operation on the disk', async () => {
    const [asItShould, ...odd] = ways;
    const wanted = await runUnder(asItShould[1]);
    expect(wanted.operations.length).toBeGreaterThan(200);
    for (const [name, at] of odd) expect(await runUnder(at), name).toEqual(wanted);
  });
});

interface Said {
  readonly hash: number;
  readonly commits: number;
  readonly stalls: { readonly count: number; readonly totalMs: number };
}

describe('in a process whose clocks go', () => {
  test('wrong in any way, everything that is waited for ends, and the content is the same', async () => {
    const kinds = byTier(['steady', 'frozen'], ['steady', 'frozen', 'backward', 'future', 'past', 'jumping']);
    const said = [];
    for (const kind of kinds) said.push(...(await runSteady<Said>('clocks.mjs', [freshPath(), kind, `${byTier(1500, 60_000)}`])));
    report('clocks', said.map((one, at) => `${kinds[at] ?? ''}: ${JSON.stringify(one)}`).join('; '));
    expect(said).toHaveLength(kinds.length);
    for (const { hash, commits, stalls } of said) {
      expect(hash).toBe(said[0]?.hash);
      expect(commits).toBeGreaterThan(2);
      expect(stalls.count).toBeGreaterThan(0);
    }
  }, 600_000);
});
