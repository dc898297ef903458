/**
 * A walk by stretches against the same walk entry by entry, and both against a list: over random memtables and runs of tables with
 * tombstones and versions, at any view, between any bounds, in both directions, also while sources are exchanged.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { copyStretch } from '../../src/backend/copies.js';
import { RangeCursor } from '../../src/engine/range-cursor.js';
import { MergingCursor } from '../../src/engine/merging-cursor.js';
import { compareKeys } from '../../src/format/bytes.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import type { EntryCursor } from '../../src/format/entry-cursor.js';
import { bucketEnd, bucketPrefix } from '../../src/format/internal-key.js';
import { Stretch, stretchBytesMax } from '../../src/format/stretch.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { RunCursor } from '../../src/sstable/run-cursor.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';
import { compareEntries, contextOf, type Entry, TableFiles, writeTable } from '../sstable/table-fixture.js';
import { byTier, seedOf } from '../support/tier.js';

beforeAll(initializeChecksum);

const bucketId = 300;
const bucket = { id: bucketId, prefix: bucketPrefix(bucketId), end: bucketEnd(bucketId) };

/** One way to write many keys: every `step`-th from one on, so that runs have long stretches to themselves, or alternate. */
const writesArbitrary = fc
  .record({
    bucketId: fc.constantFrom(bucketId, bucketId, bucketId, bucketId - 1, bucketId + 1),
    from: fc.integer({ min: 0, max: 300 }),
    count: fc.integer({ min: 1, max: 150 }),
    step: fc.constantFrom(1, 1, 2, 7),
    /** Of what length the values are; -1 for tombstones. */
    valueBytes: fc.constantFrom(-1, 0, 8, 8, 90, 700, 5000),
    /** Every so many keys a tombstone; 0 for none. */
    deleteEvery: fc.constantFrom(0, 0, 3, 25),
  })
  .map(({ bucketId, from, count, step, valueBytes, deleteEvery }) =>
    Array.from({ length: count }, (_, i) => ({
      // The key 0 is the empty one.
      key: internalKey(bucketId, from + i * step === 0 ? '' : String(from + i * step).padStart(4, '0')),
      value: valueBytes < 0 || (deleteEvery > 0 && i % deleteEvery === deleteEvery - 1) ? undefined : Buffer.alloc(valueBytes, i),
    })),
  );

const boundArbitrary = (min: number, max: number) =>
  fc.option(
    fc.integer({ min, max }).map((n) => internalKey(bucketId, String(n).padStart(4, '0'))),
    { nil: undefined },
  );

const caseArbitrary = fc.record({
  layers: fc.array(fc.array(writesArbitrary, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
  /** What the view sees of all that was written, in percent. */
  view: fc.oneof(fc.constant(100), fc.integer({ min: 0, max: 100 })),
  /** What of that an older view, for which the tables were written, sees, in percent. */
  oldestView: fc.constantFrom<number>(100, 100, 80, 30),
  blockBytes: fc.constantFrom<number>(60, 700, 6000, 16_384),
  hasMemtable: fc.boolean(),
  lower: boundArbitrary(0, 250),
  upper: boundArbitrary(150, 460),
  reverse: fc.boolean(),
  most: fc.constantFrom<number>(1, 3, 16, 1000),
  exchangeEvery: fc.constantFrom<number>(0, 1, 5),
});
type Case = typeof caseArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** The layers as sources of which the last is the newest, and as one list. */
class Layers {
  readonly entries: Entry[] = [];
  readonly view: number;
  private readonly oldestView: number;
  generation = 0;
  private readonly runs: TableReader[] = [];
  private memtable: Memtable | undefined;

  constructor({ layers, view, oldestView, blockBytes, hasMemtable }: Case) {
    const writes = layers.flat(2);
    this.view = Math.round((view * writes.length) / 100);
    this.oldestView = Math.round((oldestView * this.view) / 100);
    const context = contextOf(new TableFiles(), 1 << 22);
    const files = context.fileSystem as TableFiles;
    for (const [n, layer] of layers.entries()) {
      const first = this.entries.length + 1;
      const entries = layer.flat().map(({ key, value }, i): Entry => ({ key, value, sequence: first + i }));
      this.entries.push(...entries);
      if (hasMemtable && n === layers.length - 1) {
        this.memtable = new Memtable(first, 1 << 14);
        for (const { key, value } of entries) put(this.memtable, key, value);
        continue;
      }
      const { metadata } = writeTable(files, this.asFlushed(entries), { fileNumber: n + 1, blockBytes });
      this.runs.unshift(new TableReader(context, metadata));
    }
  }

  cursor(_bucket: unknown, viewSequence: number, reverse: boolean): MergingCursor {
    const newest = this.memtable?.cursor(bucketId, viewSequence);
    const cursors: EntryCursor[] = newest === undefined ? [] : [newest];
    for (const run of this.runs) cursors.push(new RunCursor([run], viewSequence));
    return new MergingCursor(cursors, reverse, this.runs.length);
  }

  paySteps(): void {
    // Nothing is owed here.
  }

  walk({ lower, upper, reverse }: Case): RangeCursor {
    return new RangeCursor(this, bucket, { lower: lower ?? bucket.prefix, upper: upper ?? bucket.end }, reverse, this.view);
  }

  /** What the view sees between the bounds, in the direction of the walk. */
  expected(how: Case): Entry[] {
    const lower = how.lower ?? bucket.prefix;
    const upper = how.upper ?? bucket.end;
    const newest = new Map<string, Entry>();
    for (const entry of this.entries)
      if (entry.sequence <= this.view) newest.set(Buffer.from(entry.key).toString('latin1'), entry);
    const seen = [...newest.values()].filter(
      ({ key, value }) => value !== undefined && compareKeys(key, lower) >= 0 && compareKeys(key, upper) < 0,
    );
    seen.sort(compareEntries);
    return how.reverse ? seen.reverse() : seen;
  }

  /** Of each key the newest version that the oldest view sees, without its sequence, and all newer ones: what a flush beside that view leaves. */
  private asFlushed(entries: readonly Entry[]): Entry[] {
    const sorted = [...entries].sort(compareEntries);
    return sorted
      .filter(({ key, sequence }, i) => {
        const newer = sorted[i - 1];
        return (
          sequence > this.oldestView ||
          newer === undefined ||
          newer.sequence > this.oldestView ||
          compareKeys(newer.key, key) !== 0
        );
      })
      .map((entry) => (entry.sequence <= this.oldestView ? { ...entry, sequence: 0 } : entry));
  }
}

const text = (key: Uint8Array, value: Uint8Array | undefined): string =>
  `${Buffer.from(key).toString('latin1')}=${value?.length}:${value?.[0]}`;

function byEntries(layers: Layers, how: Case): string[] {
  const found: string[] = [];
  const walk = layers.walk(how);
  for (let entry = walk.next(); entry !== undefined; entry = walk.next())
    found.push(
      text(entry.keyBytes.subarray(entry.keyStart, entry.keyEnd), entry.valueBytes.subarray(entry.valueStart, entry.valueEnd)),
    );
  return found;
}

function byStretches(layers: Layers, how: Case) {
  const keys: Buffer[] = [];
  const values: Buffer[] = [];
  const counts: number[] = [];
  const stretch = new Stretch();
  const walk = layers.walk(how);
  for (let last = walk.nextStretch(stretch, how.most); last !== undefined; last = walk.nextStretch(stretch, how.most)) {
    counts.push(stretch.count);
    copyStretch(stretch, bucket.prefix.length, keys, values, keys.length);
    walk.rememberKey(last);
    if (how.exchangeEvery > 0 && counts.length % how.exchangeEvery === 0) layers.generation++;
  }
  return { keys, values, counts };
}

describe('a walk by stretches', () => {
  test(
    'finds what a walk entry by entry finds',
    () => {
      fc.assert(
        fc.property(caseArbitrary, (how) => {
          const layers = new Layers(how);
          const wanted = layers.expected(how).map(({ key, value }) => text(key, value));
          expect(byEntries(layers, how)).toEqual(wanted);
          const { keys, values, counts } = byStretches(layers, how);
          expect(keys.map((key, i) => text(Buffer.concat([bucket.prefix, key]), values[i]))).toEqual(wanted);
          expect(Math.max(0, ...counts)).toBeLessThanOrEqual(how.most);
        }),
        { numRuns: byTier(250, 20_000), seed: seedOf('stretches') },
      );
    },
    byTier(60_000, 900_000),
  );

  test('gives Buffers of which each is the only one with its bytes', () => {
    fc.assert(
      fc.property(caseArbitrary, (how) => {
        const { keys, values } = byStretches(new Layers(how), how);
        const all = [...keys, ...values];
        for (const [n, buffer] of all.entries()) buffer.fill(n);
        for (const [n, buffer] of all.entries()) expect(buffer.every((byte) => byte === n % 256)).toBe(true);
      }),
      { numRuns: byTier(60, 2000), seed: seedOf('stretches of one caller') },
    );
  });

  /** Keys in order, dealt out to so many runs. */
  function dealt(runs: number, reverse: boolean): Case {
    const key = (i: number): Buffer => internalKey(bucketId, String(i).padStart(4, '0'));
    const entries = Array.from({ length: 400 }, (_, i) => ({ key: key(i), value: Buffer.alloc(3) }));
    const layers = Array.from({ length: runs }, (_, run) => [entries.filter((_, i) => i % runs === run)]);
    const sources = { layers, view: 100, oldestView: 100, blockBytes: 16_384, hasMemtable: false };
    return { ...sources, lower: undefined, upper: undefined, reverse, most: 1000, exchangeEvery: 0 };
  }

  test.each([false, true])('takes more and more at once where one run has all to itself (reverse: %s)', (reverse) => {
    const how = dealt(1, reverse);
    expect(byStretches(new Layers(how), how).counts).toEqual([16, 32, 64, 128, 128, 32]);
  });

  test('finds the newer version of a key where a block border lies between its versions', () => {
    const { layers, ...how } = dealt(1, true);
    const [[once = []] = []] = layers;
    const written = once.slice(0, 30);
    const again = written.filter((_, i) => i % 5 === 4).map(({ key }) => ({ key, value: Buffer.alloc(3, 1) }));
    const oldestView = (100 * written.length) / (written.length + again.length);
    for (let blockBytes = 30; blockBytes < 300; blockBytes++) {
      const straddling = { ...how, layers: [[written, again]], oldestView, blockBytes };
      const sources = new Layers(straddling);
      const { keys, values } = byStretches(sources, straddling);
      const wanted = sources.expected(straddling).map(({ key, value }) => text(key, value));
      expect(keys.map((key, i) => text(Buffer.concat([bucket.prefix, key]), values[i]))).toEqual(wanted);
    }
  });

  test('looks no further than it finds, where sources alternate', () => {
    const how = dealt(2, false);
    const walk = new Layers(how).walk(how);
    const stretch = new Stretch();
    for (let i = 0; i < 200; i++) walk.nextStretch(stretch, how.most);
    expect(stretch.most).toBe(2);
  });

  test('takes several entries together only up to the bytes of a small Buffer, and then a key keeps no large value alive', () => {
    fc.assert(
      fc.property(caseArbitrary, (how) => {
        const layers = new Layers(how);
        const stretch = new Stretch();
        const walk = layers.walk(how);
        for (let last = walk.nextStretch(stretch, 1000); last !== undefined; last = walk.nextStretch(stretch, 1000)) {
          const { keyBounds, valueBounds, first, end, count } = stretch;
          const bytes = (bounds: Uint32Array): number => (bounds[end] ?? 0) - (bounds[first] ?? 0);
          if (count > 1) expect(bytes(keyBounds) + bytes(valueBounds)).toBeLessThanOrEqual(stretchBytesMax);
          const keys: Buffer[] = [];
          const values: Buffer[] = [];
          copyStretch(stretch, bucket.prefix.length, keys, values, 0);
          // An empty key has no memory at all.
          if (keys[0]?.length !== 0) expect(keys[0]?.buffer.byteLength).toBe(Buffer.poolSize);
          if ((values[0]?.length ?? 0) > stretchBytesMax) expect(values[0]?.buffer).not.toBe(keys[0]?.buffer);
        }
      }),
      { numRuns: byTier(40, 1000), seed: seedOf('bytes of stretches') },
    );
  });
});
