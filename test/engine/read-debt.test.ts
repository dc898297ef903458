/** Reads ask for a merge when what they paid for several runs is what a merge costs: read-debt.ts. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Backend, ReadTx } from 'varve';
import { describe, expect, test, vi } from 'vitest';
import { ReadDebt } from '../../src/engine/read-debt.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import type { Version } from '../../src/version/version.js';
import { freshPath, open } from '../contract/support/harness.js';

/** Versions of which only the runs and their entries matter, one number a run. */
class Versions {
  generation = 0;
  version: Version = { levels: [] };

  /** Entries of the runs in level 0, and of the one in the last level, if there is one. */
  set(upper: readonly number[], last?: number): void {
    this.generation++;
    const runOf = (entryCount: number, id: number) => ({ id, tables: [{ entryCount } as TableMetadata] });
    const lastRuns = last === undefined ? [] : [runOf(last, 99)];
    this.version = { levels: [{ runs: upper.map(runOf) }, { runs: [] }, { runs: lastRuns }] };
  }
}

const unitsOfMerge = 256 * 1024;

describe('the debt', () => {
  function debtOf(...entries: number[]) {
    const versions = new Versions();
    versions.set(entries);
    const onDue = vi.fn();
    return { versions, onDue, debt: new ReadDebt(versions, 10, onDue) };
  }

  test('is due when all entries and the merge itself are paid, and is told once', () => {
    const { debt, onDue } = debtOf(1000, 500);
    debt.pay(unitsOfMerge + 14_999);
    expect([debt.isDue, onDue.mock.calls.length]).toEqual([false, 0]);
    debt.pay(1);
    debt.pay(1);
    expect([debt.isDue, onDue.mock.calls.length]).toEqual([true, 1]);
  });

  test('is never due for one run, and what was paid before is forgotten with the runs', () => {
    const { debt, versions, onDue } = debtOf(1000, 500);
    debt.pay(unitsOfMerge);
    versions.set([], 1500);
    debt.pay(1e9);
    expect([debt.isDue, onDue.mock.calls.length]).toEqual([false, 0]);
    versions.set([300], 1500);
    debt.pay(unitsOfMerge);
    expect(debt.isDue).toBe(false);
  });

  test('stays with runs that another one joins', () => {
    const { debt, versions, onDue } = debtOf(1000, 500);
    debt.pay(unitsOfMerge + 10_000);
    versions.set([1000, 500, 100]);
    debt.pay(6000);
    expect([debt.isDue, onDue.mock.calls.length]).toEqual([true, 1]);
  });

  test('is for the upper runs alone where they are small beside the last level, and never for one of them', () => {
    const { debt, versions } = debtOf(1000, 500);
    versions.set([100, 50], 10_000);
    debt.pay(unitsOfMerge + 1499);
    expect(debt.isDue).toBe(false);
    debt.pay(1);
    expect(debt.isDue).toBe(true);
    versions.set([150], 10_000);
    debt.pay(1e9);
    expect(debt.isDue).toBe(false);
  });

  test('is nothing after a merge was begun, and can become due again', () => {
    const { debt, onDue } = debtOf(1000, 500);
    debt.pay(1e9);
    debt.settle();
    expect(debt.isDue).toBe(false);
    debt.pay(1e9);
    expect([debt.isDue, onDue.mock.calls.length]).toEqual([true, 2]);
  });
});

describe('a store with several runs that overlap', () => {
  const bucket = 'b';
  const end = Buffer.from([0xff]);
  const keyOf = (i: number): string => `k${String(i).padStart(5, '0')}`;

  /** Three runs of a hundred keys each, alternating; fewer than a write would merge. */
  async function threeRuns(path = freshPath()): Promise<Backend> {
    const backend = await open({ path, memtableBytes: 16 * 1024 });
    const tx = backend.batchTx();
    backend.update(() => tx.unsafeCreateBucket(bucket));
    for (let run = 0; run < 3; run++) {
      tx.lock();
      for (let i = run; i < 300; i += 3) tx.unsafePut(bucket, keyOf(i), 'v'.repeat(150));
      tx.unlock();
      await backend.forceCommit();
      while (runsOf(backend) === run) await turn();
    }
    expect(runsOf(backend)).toBe(3);
    return backend;
  }

  const runsOf = (backend: Backend): number => backend.stats().levels.reduce((sum, { runs }) => sum + runs, 0);

  async function readUntilMerged(backend: Backend, read: () => void): Promise<void> {
    while (runsOf(backend) > 1) {
      for (let i = 0; i < 500; i++) read();
      await turn();
    }
    const view = backend.concurrentReadTx();
    expect(view.unsafeRange(bucket, '\0', end).keys.map(String)).toEqual(Array.from({ length: 300 }, (_, i) => keyOf(i)));
    view.runlock();
  }

  test.each([
    ['ranges', (view: ReadTx) => view.unsafeRange(bucket, keyOf(7), end, 5)],
    ['point reads', (view: ReadTx) => view.unsafeGet(bucket, `${keyOf(150)} is not there`)],
    ['walks', (view: ReadTx) => view.unsafeForEach(bucket, () => {})],
  ])('is merged into one by %s, and reads the same', async (_what, read) => {
    const backend = await threeRuns();
    await readUntilMerged(backend, () => {
      const view = backend.concurrentReadTx();
      read(view);
      view.runlock();
    });
  });

  test('of which the last level has by far most is merged above it, and what was deleted stays deleted', async () => {
    const backend = await open({ memtableBytes: 16 * 1024 });
    const tx = backend.batchTx();
    backend.update(() => {
      tx.unsafeCreateBucket(bucket);
      for (let i = 0; i < 5000; i++) tx.unsafePut(bucket, keyOf(i), 'old');
    });
    await backend.defrag();
    for (let run = 0; run < 3; run++) {
      tx.lock();
      tx.unsafeDelete(bucket, keyOf(run));
      for (let i = 1000 + run; i < 1300; i += 3) tx.unsafePut(bucket, keyOf(i), 'new'.repeat(50));
      tx.unlock();
      await backend.forceCommit();
      while (runsOf(backend) === run + 1) await turn();
    }
    expect(backend.stats().levels.map(({ runs }) => runs)).toEqual([3, 0, 0, 0, 0, 0, 1]);
    const view = backend.concurrentReadTx();
    while (runsOf(backend) > 2) {
      for (let i = 0; i < 500; i++) view.unsafeRange(bucket, keyOf(7), end, 5);
      await turn();
    }
    expect(backend.stats().levels.map(({ runs }) => runs)).toEqual([0, 0, 0, 0, 0, 1, 1]);
    const { keys, vals } = view.unsafeRange(bucket, '\0', end);
    view.runlock();
    expect([keys.length, String(keys[0])]).toEqual([4997, keyOf(3)]);
    expect(vals.filter((value) => value.length === 150).length).toBe(300);
  });

  test('is merged together with what recovery left in memory', async () => {
    const path = freshPath();
    const backend = await threeRuns(path);
    backend.update((section) => section.unsafePut(bucket, keyOf(300), 'left in the log'));
    await backend.close();
    const again = await open({ path, memtableBytes: 16 * 1024 });
    expect([runsOf(again), again.stats().memtableBytes > 0]).toEqual([3, true]);
    const view = again.concurrentReadTx();
    while (runsOf(again) > 1 || again.stats().compactions === 0) {
      for (let i = 0; i < 500; i++) view.unsafeRange(bucket, keyOf(7), end, 5);
      await turn();
    }
    const { flushes, compactions, levels } = again.stats();
    expect([flushes, compactions, levels.map(({ runs }) => runs)]).toEqual([1, 1, [0, 0, 0, 0, 0, 0, 1]]);
    expect(view.unsafeRange(bucket, '\0', end).keys.length).toBe(301);
    view.runlock();
  });

  test('is left alone by a few reads', async () => {
    const backend = await threeRuns();
    for (let i = 0; i < 1000; i++) {
      const view = backend.concurrentReadTx();
      view.unsafeRange(bucket, keyOf(7), end, 5);
      view.runlock();
      if (i % 100 === 0) await turn();
    }
    expect([runsOf(backend), backend.stats().compactions]).toEqual([3, 0]);
  });
});
