/** What is rewritten for space: nothing of a store that gets new keys, and what is overwritten of others. */
import { setImmediate as turn } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import type { Engine } from '../../src/engine/engine.js';
import { openEngine } from '../../src/engine/open.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { resolveOptions } from '../../src/options.js';
import { inlineEnvironment } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

beforeAll(initializeChecksum);

const bucket = Buffer.from('b');
/** Keys of one run: with a dozen runs, enough are sampled. */
const runKeys = 2500;

/** A key for each number, far from that of the next. */
const spread = (number: number): string => String((number * 577) % 1_000_003).padStart(7, '0');
/** Keys in the order of numbers, each between two that `spread` may give. */
const inOrder = (number: number): string => `${String(number * 27).padStart(7, '0')}+`;

/** A database in memory that makes a run of every batch of puts. */
class Store {
  private constructor(
    readonly engine: Engine,
    readonly backend: EngineBackend,
  ) {}

  static async open(files: MemoryFileSystem, targetTableBytes = 64 * 1024): Promise<Store> {
    const options = resolveOptions({ path: '/db', memtableBytes: 1 << 20, compression: 'none', batchIntervalMs: 3_600_000 });
    const engine = await openEngine(options, inlineEnvironment(files, { blockBytes: 4096, targetTableBytes }));
    const store = new Store(engine, new EngineBackend(engine));
    store.backend.update((section) => section.unsafeCreateBucket(bucket));
    return store;
  }

  /** Puts keys, so spread that each run overlaps all others, and waits until nothing is under way any more. */
  async addRun(keys: Iterable<number>, name = bucket, keyOf = spread): Promise<void> {
    this.backend.update((section) => {
      section.unsafeCreateBucket(name);
      for (const key of keys) section.unsafePut(name, Buffer.from(keyOf(key)), Buffer.from('v'));
    });
    this.engine.sealActive();
    await this.backend.forceCommit();
    await this.engine.background.flushes.flushSealed();
    while (!this.engine.background.isIdle) await turn();
  }

  /** Runs of keys that were not there before. */
  async addNew(first: number, end: number): Promise<void> {
    for (let run = first; run < end; run++) await this.addRun(range(run * runKeys, (run + 1) * runKeys));
  }

  /** Runs in level 0, in the levels between, and in the last one. */
  get runs(): [number, number, number] {
    const counts = this.backend.stats().levels.map(({ runs }) => runs);
    return [counts[0] as number, counts.slice(1, -1).reduce((a, b) => a + b, 0), counts.at(-1) as number];
  }
}

function* range(first: number, end: number): Iterable<number> {
  for (let i = first; i < end; i++) yield i;
}

describe('a store that gets new keys', () => {
  it('rewrites nothing for space: its runs gather until there are enough to be merged among themselves', async () => {
    const store = await Store.open(new MemoryFileSystem());
    await store.addNew(0, 12);
    expect([store.runs, store.backend.stats().compactions]).toEqual([[0, 0, 1], 1]);
    await store.addNew(12, 23);
    expect([store.runs, store.backend.stats().compactions]).toEqual([[11, 0, 1], 1]);
    await store.addNew(23, 24);
    expect([store.runs, store.backend.stats().compactions]).toEqual([[0, 1, 1], 2]);
    await store.backend.close();
  });

  it('knows of tables that were moved what it knew before', async () => {
    const store = await Store.open(new MemoryFileSystem());
    for (let run = 0; run < 12; run++) await store.addRun(range(run * runKeys, (run + 1) * runKeys), bucket, inOrder);
    const { tablesMoved, compactionBytesWritten } = store.engine.background.counters;
    expect(store.runs).toEqual([0, 0, 1]);
    expect([tablesMoved, compactionBytesWritten]).toEqual([12, 0]);
    await store.addNew(0, 11);
    expect([store.runs, store.backend.stats().compactions]).toEqual([[11, 0, 1], 1]);
    await store.backend.close();
  });

  it('is merged for space once after it was opened anew, as nobody knows then what its tables have', async () => {
    const files = new MemoryFileSystem();
    const before = await Store.open(files);
    await before.addNew(0, 16);
    expect(before.runs).toEqual([4, 0, 1]);
    await before.backend.close();
    const store = await Store.open(files);
    expect(store.runs).toEqual([4, 0, 1]);
    await store.addNew(16, 18);
    expect(store.runs).toEqual([0, 0, 1]);
    await store.addNew(18, 29);
    expect([store.runs, store.backend.stats().compactions]).toEqual([[11, 0, 1], 1]);
    await store.backend.close();
  });
});

describe('a store whose keys are overwritten', () => {
  it('is merged when half as much is superseded as is live, and has no garbage then', async () => {
    const store = await Store.open(new MemoryFileSystem());
    await store.addNew(0, 12);
    const { diskBytes } = sizes(store);
    // The sample of some hundred keys is right to a tenth or so: surely not after four runs of twelve, surely after eight.
    await store.addNew(0, 4);
    expect(store.runs).toEqual([4, 0, 1]);
    for (let run = 4; run < 8 && store.runs[0] > 0; run++) await store.addNew(run, run + 1);
    expect([store.runs, store.backend.stats().compactions]).toEqual([[0, 0, 1], 2]);
    expect(sizes(store).diskBytes).toBeLessThan(1.02 * diskBytes);
    await store.backend.close();
  });

  it('is merged later where only some are: until as much is superseded', async () => {
    const store = await Store.open(new MemoryFileSystem());
    await store.addNew(0, 12);
    // Half of each run are new keys: after eleven there are five and a half runs superseded, and seventeen and a half live.
    for (let run = 0; run < 11; run++) {
      const overwritten = [...range(run * runKeys, (run + 0.5) * runKeys)];
      const fresh = range((20 + run) * runKeys, (20.5 + run) * runKeys);
      await store.addRun([...overwritten, ...fresh]);
    }
    expect([store.runs, store.backend.stats().compactions]).toEqual([[11, 0, 1], 1]);
    await store.backend.close();
  });
});

describe('a store whose buckets are dropped', () => {
  it('is merged when they make up more than half as much as is live, although no key was overwritten', async () => {
    const store = await Store.open(new MemoryFileSystem(), 1 << 24);
    const dropped = Buffer.from('c');
    // Each table of the last level has keys of both buckets, so that none can go as a whole.
    for (let run = 0; run < 7; run++) {
      await store.addRun(range(run * runKeys, (run + 1) * runKeys), dropped);
      if (run < 5) await store.addNew(run, run + 1);
    }
    expect(store.runs).toEqual([0, 0, 1]);
    const { diskBytes } = sizes(store);
    store.backend.update((section) => section.unsafeDeleteBucket(dropped));
    await store.addNew(5, 9);
    expect(store.runs).toEqual([4, 0, 1]);
    await store.addNew(9, 11);
    expect([store.runs, store.backend.stats().compactions]).toEqual([[0, 0, 1], 2]);
    expect(sizes(store).diskBytes).toBeLessThan(diskBytes);
    await store.backend.close();
  });
});

function sizes({ backend }: Store): { readonly diskBytes: number } {
  return { diskBytes: backend.stats().levels.reduce((sum, { bytes }) => sum + bytes, 0) };
}
