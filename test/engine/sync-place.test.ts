/** Where logs are synced (engine/sync-place.ts): in place only where that is short and nobody else waits. */
import { describe, expect, it, test } from 'vitest';
import type { Backend, BackendConfig } from '../../src/api.js';
import { SyncPlace } from '../../src/engine/sync-place.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { openOn, shortSyncMs } from '../support/memory-database.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

/** A loop that does other work for a part of the time between syncs. */
class Loop {
  nowMs = 0;
  active = 0;
  readonly place = new SyncPlace({
    now: () => this.nowMs,
    activeMs: () => this.active,
    startTimer: () => ({ cancel: () => {} }),
  });

  /** So many syncs, each after `workMs` of work; returns how many were in place. */
  run(syncs: number, syncMs: number, workMs = 0.1): number {
    let inPlace = 0;
    for (let i = 0; i < syncs; i++) {
      this.pass(workMs, true);
      const { isInPlace } = this.place;
      this.pass(syncMs, isInPlace);
      this.place.noteSync(syncMs, isInPlace);
      if (isInPlace) inPlace++;
    }
    return inPlace;
  }

  pass(durationMs: number, isActive: boolean): void {
    this.nowMs += durationMs;
    if (isActive) this.active += durationMs;
  }
}

describe('syncs are made', () => {
  it('off the loop at first, and in place once some tens were short', () => {
    const loop = new Loop();
    loop.pass(100, false);
    expect(loop.run(10, 0.1)).toBe(0);
    loop.run(150, 0.1);
    expect(loop.run(1000, 0.1)).toBe(1000);
  });

  it('off the loop where they are not short', () => {
    const loop = new Loop();
    expect(loop.run(1000, 0.6)).toBe(0);
  });

  it('off the loop as soon as a long one was met, and in place again when they have been short for a while', () => {
    const loop = new Loop();
    loop.run(200, 0.1);
    expect(loop.run(1, 100)).toBe(1);
    expect(loop.run(20, 0.1)).toBe(0);
    loop.pass(10_000, false);
    loop.run(200, 0.1);
    expect(loop.run(100, 0.1)).toBe(100);
  });

  it('off the loop where stalls come back, for all but a hundredth of the time', () => {
    const loop = new Loop();
    loop.run(200, 0.1);
    let stalledMs = 0;
    const began = loop.nowMs;
    for (let i = 0; i < 1000; i++) {
      stalledMs += 100 * loop.run(1, 100);
      loop.run(199, 0.1);
    }
    expect(stalledMs).toBeGreaterThan(0);
    expect(stalledMs).toBeLessThan((loop.nowMs - began) / 90);
  });

  it('in place although one of them now and then takes some milliseconds', () => {
    const loop = new Loop();
    loop.run(200, 0.1);
    expect(loop.run(1, 5)).toBe(1);
    // 25 ms.
    loop.run(125, 0.1);
    expect(loop.run(100, 0.1)).toBe(100);
  });

  it('off the loop where the loop has other work, and in place again when it has less', () => {
    const loop = new Loop();
    loop.run(200, 0.1);
    loop.run(100, 0.1, 1);
    expect(loop.run(1000, 0.1, 1)).toBe(0);
    loop.run(300, 0.1, 0.1);
    expect(loop.run(1000, 0.1, 0.1)).toBe(1000);
  });

  it('off the loop where the clock stands still', () => {
    const loop = new Loop();
    expect(loop.run(1000, 0, 0)).toBe(0);
  });

  it('off the loop on a slow disk, also after the clock went back', () => {
    const loop = new Loop();
    loop.run(200, 5);
    loop.place.noteSync(-1e6, false);
    expect(loop.run(100, 5)).toBe(0);
  });

  it('in place where the loop is active only because of them', () => {
    const loop = new Loop();
    loop.run(200, 0.4, 0.1);
    expect(loop.run(1000, 0.4, 0.1)).toBe(1000);
  });
});

interface SyncCounts {
  inPlace: number;
  offLoop: number;
}

/** Counts the syncs of logs. */
function countSyncs(files: FailingFileSystem): SyncCounts {
  const counts: SyncCounts = { inPlace: 0, offLoop: 0 };
  files.onCall = ({ kind, path, isAsync }) => {
    if (kind !== 'sync' || !path.endsWith('.log')) return;
    if (isAsync === true) counts.offLoop++;
    else counts.inPlace++;
  };
  return counts;
}

interface Opened {
  readonly memory: MemoryFileSystem;
  readonly files: FailingFileSystem;
  readonly backend: Backend;
  readonly counts: SyncCounts;
}

async function open(config: Partial<BackendConfig> = {}): Promise<Opened> {
  const memory = new MemoryFileSystem();
  const files = new FailingFileSystem(memory);
  const counts = countSyncs(files);
  const backend = await openOn(files, { path: '/db', ...config }, {}, shortSyncMs);
  backend.update((tx) => tx.unsafeCreateBucket('a'));
  await backend.forceCommit();
  return { memory, files, backend, counts };
}

async function commits(backend: Backend, count: number, valueBytes: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    backend.update((tx) => tx.unsafePut('a', 'key', Buffer.alloc(valueBytes, i)));
    await backend.forceCommit();
  }
}

test('commits of little are synced in place in the end, on a fast disk', async () => {
  const { backend, counts } = await open();
  await commits(backend, 300, 100);
  expect(counts.inPlace).toBeGreaterThan(100);
  expect(counts.inPlace + counts.offLoop).toBe(301);
  await backend.close();
});

test('commits of much are synced off the loop', async () => {
  const { backend, counts } = await open();
  await commits(backend, 100, 100_000);
  expect(counts.inPlace).toBe(0);
  await backend.close();
});

test('between commits that are awaited one after the other everybody else gets a turn', async () => {
  const { backend, counts } = await open();
  await commits(backend, 200, 100);
  const { inPlace } = counts;
  let turns = 0;
  let goesOn = true;
  const turn = (): void => {
    turns++;
    if (goesOn) setImmediate(turn);
  };
  setImmediate(turn);
  await commits(backend, 50, 100);
  goesOn = false;
  expect(counts.inPlace - inPlace).toBeGreaterThan(40);
  expect(turns).toBeGreaterThanOrEqual(40);
  await backend.close();
});

test('what was acknowledged after a sync in place is there when power was lost', async () => {
  const { memory, backend, counts } = await open();
  for (let i = 0; i < 300; i++) {
    const { inPlace } = counts;
    backend.update((tx) => tx.unsafePut('a', 'key', `value ${String(i)}`));
    await backend.forceCommit();
    if (counts.inPlace === inPlace || i % 10 !== 0) continue;
    const after = await openOn(memory.crash(i, 'dropUnsynced'), { path: '/db' }, {});
    expect(after.readTx().unsafeGet('a', 'key')?.toString()).toBe(`value ${String(i)}`);
    await after.close();
  }
  expect(counts.inPlace).toBeGreaterThan(100);
  await backend.close();
});

test('a failed sync in place is told to its commit, and poisons', async () => {
  const { files, backend } = await open();
  await commits(backend, 300, 100);
  let failedInPlace = 0;
  files.onCall = ({ kind, path, isAsync }) => {
    if (kind !== 'sync' || !path.endsWith('.log')) return;
    if (isAsync !== true) failedInPlace++;
    throw systemFailure('EIO', path);
  };
  await expect(commits(backend, 1, 100)).rejects.toMatchObject({ code: 'VARVE_IO' });
  expect(failedInPlace).toBe(1);
  files.onCall = undefined;
  await expect(commits(backend, 1, 100)).rejects.toMatchObject({ code: 'VARVE_POISONED' });
  await backend.close().catch(() => undefined);
});
