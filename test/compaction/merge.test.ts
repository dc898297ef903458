import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Retention } from '../../src/compaction/job.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { internalKey, put as putInto } from '../memtable/memtable-fixture.js';
import {
  type Entry,
  everybody,
  everything,
  liveBuckets,
  metadataOf,
  naiveMerge,
  readRuns,
  Workshop,
} from './compaction-fixture.js';

beforeAll(initializeChecksum);

const userKeys = ['a', 'b', 'ba', 'bb', 'c', 'c\0', 'd', 'e'];
const keyArbitrary = fc
  .tuple(fc.constantFrom(1, 2, 300), fc.constantFrom(...userKeys))
  .map(([bucketId, key]) => internalKey(bucketId, key).toString('latin1'));
const allKeys = [1, 2, 300].flatMap((bucketId) => userKeys.map((key) => internalKey(bucketId, key).toString('latin1')));

type Operation =
  | { readonly kind: 'write'; readonly key: string; readonly valueBytes: number | undefined }
  | { readonly kind: 'undone'; readonly keys: readonly string[] }
  | { readonly kind: 'view' };

const operationArbitrary: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write'),
      key: keyArbitrary,
      valueBytes: fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined, freq: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('undone'), keys: fc.array(keyArbitrary, { minLength: 1, maxLength: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('view') }) },
);

/** What happens: operations, then a flush or a compaction of some neighbouring runs, views that close, a bucket that goes. */
const stepArbitrary = fc.record({
  operations: fc.array(operationArbitrary, { maxLength: 40 }),
  closedViews: fc.nat(),
  deadBucket: fc.option(fc.constantFrom(1, 2, 300), { nil: undefined, freq: 8 }),
  compactFrom: fc.nat(),
  compactCount: fc.nat({ max: 5 }),
});

interface Run {
  readonly tables: readonly TableMetadata[];
  readonly entries: readonly Entry[];
}

/** A database of runs beside the list of all that was ever written. */
class World {
  readonly shop: Workshop;
  readonly history: Entry[] = [];
  /** Newest first. */
  runs: Run[] = [];
  views: number[] = [];
  readonly live = new Set([1, 2, 300]);
  private nextSequence = 1;

  constructor(compress: boolean) {
    this.shop = new Workshop({ compress });
  }

  get retention(): Retention {
    return { views: this.views, liveBuckets: liveBuckets(...[...this.live].sort((a, b) => a - b)) };
  }

  /** Fills a memtable and flushes it. */
  write(operations: readonly Operation[]): void {
    const memtable = new Memtable(this.nextSequence, 1 << 14);
    const written: Entry[] = [];
    for (const operation of operations) this.apply(operation, memtable, written);
    this.history.push(...written);
    const job = this.shop.flushJob(memtable, this.retention);
    const result = this.shop.run(job);
    const tables = metadataOf(result)[0] as TableMetadata[];
    const entries = this.shop.scan(tables);
    expect(entries).toEqual(naiveMerge([written.toReversed()], this.retention, false));
    expect(result.counts).toMatchObject({ entriesRead: written.length, entriesWritten: entries.length, blocksCopied: 0 });
    if (tables.length > 0) this.runs.unshift({ tables, entries });
    this.nextSequence = memtable.nextSequence;
  }

  /** Merges `count` neighbouring runs into one. */
  compact(from: number, count: number): void {
    const inputs = this.runs.slice(from, from + count);
    if (inputs.length === 0) return;
    const isLast = from + inputs.length === this.runs.length;
    const result = this.shop.run(this.shop.compactionJob([inputs.map(({ tables }) => tables)], this.retention, isLast));
    const tables = metadataOf(result)[0] as TableMetadata[];
    const entries = this.shop.scan(tables);
    const read = inputs.map((run) => run.entries);
    expect(entries).toEqual(naiveMerge(read, this.retention, isLast));
    expect(result.counts).toMatchObject({ entriesRead: read.flat().length, entriesWritten: entries.length });
    this.runs.splice(from, inputs.length, ...(tables.length > 0 ? [{ tables, entries }] : []));
  }

  /** Every live view, and everybody who comes later, reads of the live buckets what was written. */
  check(): void {
    for (const view of [...this.views, everything]) {
      for (const key of allKeys) {
        if (![...this.live].some((bucketId) => key.startsWith(internalKey(bucketId, '').toString('latin1')))) continue;
        const expected = this.history.findLast((entry) => entry.key === key && entry.sequence <= view)?.value;
        expect(
          readRuns(
            this.runs.map(({ entries }) => entries),
            key,
            view,
          ),
        ).toBe(expected);
      }
    }
  }

  private apply(operation: Operation, memtable: Memtable, written: Entry[]): void {
    const sequence = memtable.nextSequence;
    if (operation.kind === 'view') {
      if (sequence > 1 && this.views.at(-1) !== sequence - 1) this.views.push(sequence - 1);
    } else if (operation.kind === 'undone') {
      for (const key of operation.keys) putInto(memtable, Buffer.from(key, 'latin1'), 'undone');
      memtable.rollBack(sequence);
    } else {
      const { key, valueBytes } = operation;
      const value = valueBytes === undefined ? undefined : `${sequence}`.padEnd(valueBytes, '.');
      putInto(memtable, Buffer.from(key, 'latin1'), value);
      written.push({ key, sequence, value });
    }
  }
}

describe('flushes and compactions, in any order', () => {
  it.each([false, true])('leave to every live view what was written, and no version too many (compressed: %s)', (compress) => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { minLength: 1, maxLength: 7 }), (steps) => {
        const world = new World(compress);
        for (const { operations, closedViews, deadBucket, compactFrom, compactCount } of steps) {
          world.write(operations);
          world.views = world.views.filter((_, i) => ((closedViews >> i) & 1) === 0);
          if (deadBucket !== undefined && world.live.size > 1) world.live.delete(deadBucket);
          if (compactCount > 0) world.compact(compactFrom % Math.max(1, world.runs.length), compactCount);
          world.check();
        }
        world.views = [];
        world.compact(0, world.runs.length);
        world.check();
        const newest = world.runs.flatMap(({ entries }) => entries);
        expect(newest.every(({ sequence, value }) => sequence === 0 && value !== undefined)).toBe(true);
        expect(world.runs.flatMap(({ tables }) => tables).every(({ hasSequences }) => !hasSequences)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

/** A run of keys first, first + 1, … with values of that many bytes. */
function runOf(shop: Workshop, firstSequence: number, keys: readonly number[], valueBytes = 20, bucketId = 1): TableMetadata[] {
  const memtable = new Memtable(firstSequence, 1 << 16);
  for (const key of keys)
    putInto(memtable, internalKey(bucketId, String(key).padStart(6, '0')), `${key}`.padEnd(valueBytes, '.'));
  return shop.flush(memtable);
}

const range = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i);

describe('the cut of a run into tables', () => {
  it('comes when a table has its size, and the tables hold all entries in order', () => {
    const shop = new Workshop();
    const tables = runOf(shop, 1, range(0, 200));
    expect(tables.length).toBeGreaterThan(5);
    for (const { fileBytes } of tables.slice(0, -1)) {
      expect(fileBytes).toBeGreaterThanOrEqual(shop.settings.targetTableBytes);
      expect(fileBytes).toBeLessThan(2 * shop.settings.targetTableBytes);
    }
    expect(shop.scan(tables).length).toBe(200);
  });

  it('never comes between the versions of one key, however many there are', () => {
    const shop = new Workshop();
    const views = range(1, 201);
    const memtable = new Memtable(1, 1 << 16);
    for (const sequence of views) putInto(memtable, internalKey(1, sequence === 1 ? 'a' : 'key'), `${sequence}`);
    putInto(memtable, internalKey(1, 'z'), 'z');
    const retention = { ...everybody, views };
    const tables = shop.flush(memtable, retention);
    expect(tables.map(({ entryCount }) => entryCount)).toEqual([200, 1]);
    const merged = metadataOf(shop.run(shop.compactionJob([[tables]], retention)))[0];
    expect(merged?.map(({ entryCount }) => entryCount)).toEqual([200, 1]);
  });

  it('a memtable of nothing but dead records, and one of dead buckets, gives no table', () => {
    const shop = new Workshop();
    const undone = new Memtable(1, 1 << 14);
    putInto(undone, internalKey(1, 'k'), 'v');
    undone.rollBack(1);
    const dropped = new Memtable(2, 1 << 14);
    putInto(dropped, internalKey(1, 'k'), 'v');
    expect(shop.flush(undone)).toEqual([]);
    expect(shop.flush(dropped, { views: [], liveBuckets: liveBuckets(2) })).toEqual([]);
    expect(shop.flush(new Memtable(3, 1 << 14))).toEqual([]);
  });
});

describe('the metadata of what a job writes', () => {
  it('knows the sequences of all that went in, those elided and dropped included, and not those of dead records', () => {
    const shop = new Workshop();
    const memtable = new Memtable(10, 1 << 14);
    for (const key of ['a', 'b', 'a']) putInto(memtable, internalKey(1, key), 'v');
    putInto(memtable, internalKey(1, 'c'), 'undone');
    memtable.rollBack(13);
    const [flushed] = shop.flush(memtable);
    expect(flushed).toMatchObject({ minSequence: 10, maxSequence: 12, entryCount: 2, tombstoneCount: 0, hasSequences: false });
    const newer = runOf(shop, 50, [1]);
    const merged = metadataOf(shop.run(shop.compactionJob([[newer, [flushed as TableMetadata]]])))[0];
    expect(merged?.[0]).toMatchObject({ minSequence: 10, maxSequence: 50, entryCount: 3 });
  });
});

describe('blocks that nothing overlaps', () => {
  const large = { blockBytes: 400, targetTableBytes: 100_000 };

  it('are copied as they are stored, and the entries around them are merged', () => {
    const shop = new Workshop({ ...large, compress: true });
    const older = runOf(shop, 1, range(0, 300), 60);
    const newer = runOf(shop, 1000, range(100, 110), 10);
    const expected = naiveMerge([shop.scan(newer), shop.scan(older)], everybody, true);
    const result = shop.run(shop.compactionJob([[newer, older]]));
    const merged = metadataOf(result)[0] as TableMetadata[];
    expect(shop.scan(merged)).toEqual(expected);
    expect(result.counts.blocksCopied).toBeGreaterThan(30);
    expect(result.counts).toMatchObject({ entriesRead: 310, entriesWritten: 300 });
    // The first blocks of the older run stand in the output byte for byte.
    const head = shop.bytesOf(older[0] as TableMetadata).subarray(0, 1000);
    expect(
      shop
        .bytesOf(merged[0] as TableMetadata)
        .subarray(0, 1000)
        .equals(head),
    ).toBe(true);
  });

  it('of two runs side by side are all copied, and the filter knows their keys', () => {
    const shop = new Workshop(large);
    const left = runOf(shop, 1, range(0, 100));
    const right = runOf(shop, 500, range(100, 200));
    const result = shop.run(shop.compactionJob([[right, left]]));
    expect(result.counts.blocksCopied).toBeGreaterThan(10);
    expect(shop.scan(metadataOf(result)[0] as TableMetadata[]).length).toBe(200);
  });

  it('are not copied where they hold tombstones, old versions, two buckets or a bucket that is gone', () => {
    const shop = new Workshop(large);
    const memtables = Array.from({ length: 4 }, () => new Memtable(1, 1 << 16));
    const [tombstones, versions, buckets, dead] = memtables as [Memtable, Memtable, Memtable, Memtable];
    for (const i of range(0, 60)) {
      putInto(tombstones, internalKey(1, `${100 + i}`), i % 5 === 0 ? undefined : '.'.repeat(30));
      for (const value of ['old', 'new']) putInto(versions, internalKey(1, `${100 + i}`), value.repeat(10));
      putInto(dead, internalKey(3, `${100 + i}`), '.'.repeat(30));
    }
    // Blocks of about ten entries, of which each holds keys of many buckets.
    for (const i of range(0, 200)) putInto(buckets, internalKey(i, 'k'), '.'.repeat(30));
    const all = liveBuckets(...range(0, 200));
    const viewed = { views: range(1, 121), liveBuckets: all };
    const copied = (memtable: Memtable, before: Retention, after: Retention): number => {
      const tables = shop.flush(memtable, before);
      const expected = naiveMerge([shop.scan(tables)], after, true);
      const result = shop.run(shop.compactionJob([[tables]], after));
      expect(shop.scan(metadataOf(result)[0] as TableMetadata[])).toEqual(expected);
      return result.counts.blocksCopied;
    };
    expect(copied(tombstones, everybody, everybody)).toBe(0);
    expect(copied(versions, viewed, everybody)).toBe(0);
    expect(copied(buckets, { views: [], liveBuckets: all }, { views: [], liveBuckets: all })).toBe(0);
    expect(copied(dead, everybody, { views: [], liveBuckets: liveBuckets(1, 2) })).toBe(0);
  });

  it('are not copied where the first or the last key is in another run too', () => {
    const shop = new Workshop(large);
    const older = runOf(shop, 1, range(0, 200));
    const shadowing = runOf(
      shop,
      1000,
      range(0, 200).filter((key) => key % 7 === 0),
      5,
    );
    for (const input of [
      [shadowing, older],
      [older, shadowing],
    ]) {
      const expected = naiveMerge(
        input.map((run) => shop.scan(run)),
        everybody,
        true,
      );
      const result = shop.run(shop.compactionJob([input]));
      expect(shop.scan(metadataOf(result)[0] as TableMetadata[])).toEqual(expected);
      expect(result.counts.entriesWritten).toBe(200);
    }
  });

  it('that are small are merged again, so that blocks do not get smaller from merge to merge', () => {
    const shop = new Workshop(large);
    const runs = range(0, 20).map((i) => runOf(shop, 1 + 10 * i, [3 * i, 3 * i + 1, 3 * i + 2]));
    const result = shop.run(shop.compactionJob([runs.toReversed()]));
    expect(result.counts.blocksCopied).toBe(0);
    expect(shop.scan(metadataOf(result)[0] as TableMetadata[]).length).toBe(60);
  });
});

describe('a compaction of several merges', () => {
  it('gives a run of tables for each, in their order', () => {
    const shop = new Workshop();
    const low = [runOf(shop, 100, [1, 2, 3]), runOf(shop, 1, [1, 2])];
    const high = [runOf(shop, 200, [8, 9]), runOf(shop, 50, [7, 9])];
    const result = shop.run(shop.compactionJob([low, high]));
    const keys = metadataOf(result).map((tables) => shop.scan(tables).map(({ key }) => Number(key.slice(1))));
    expect(keys).toEqual([
      [1, 2, 3],
      [7, 8, 9],
    ]);
  });
});
