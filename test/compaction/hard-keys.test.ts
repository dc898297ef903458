/**
 * Flushes and merges of keys that are hard to order, against the naive merge: keys that begin each other, that share more than a head
 * has room for, that end in zeros or 0xff, in many buckets, with versions in several runs and tables of few blocks.
 */
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import type { Retention } from '../../src/compaction/job.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';
import { byTier, report, seedOf } from '../support/tier.js';
import { type Entry, liveBuckets, metadataOf, naiveMerge, Workshop } from './compaction-fixture.js';

beforeAll(initializeChecksum);

const bucketIds = [1, 2, 0xf7, 0xf8, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff];
const byte = fc.constantFrom(0, 0, 1, 0x7f, 0x80, 0xfe, 0xff, 0xff);
/** Of one set of keys all begin alike, with as many bytes as make the rest lie anywhere in a head, or with nothing. */
const prefix = fc.constantFrom(0, 0, 1, 5, 6, 7, 8, 9, 14, 300).map((length) => Buffer.alloc(length, 0xff));
const rest = fc.oneof(
  fc.array(byte, { maxLength: 3 }).map(Buffer.from),
  fc.array(byte, { maxLength: 18 }).map(Buffer.from),
  fc
    .tuple(fc.constantFrom(5, 6, 7, 8, 15), byte, fc.array(byte, { maxLength: 2 }))
    .map(([length, filling, end]) => Buffer.concat([Buffer.alloc(length, filling), Buffer.from(end)])),
  fc.nat(9999).map((number) => Buffer.from(String(number).padStart(4, '0'))),
);

const write = fc.record({
  key: fc.nat(),
  /** -1 for a tombstone. */
  valueBytes: fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: -1, max: 60 }) },
    { weight: 1, arbitrary: fc.constantFrom(500, 5000) },
  ),
});
const caseArbitrary = fc.record({
  keys: fc
    .tuple(prefix, fc.array(fc.tuple(fc.constantFrom(1, 1, 1, ...bucketIds), rest), { minLength: 1, maxLength: 120 }))
    .map(([begin, keys]) => keys.map(([bucketId, end]) => internalKey(bucketId, Buffer.concat([begin, end])))),
  runs: fc.array(fc.array(write, { minLength: 1, maxLength: 150 }), { minLength: 1, maxLength: 10 }),
  /** Runs that take turns at all keys, or have a part of them to themselves, which lets blocks be copied. */
  areDivided: fc.boolean(),
  views: fc.array(fc.nat(1500), { maxLength: 3 }),
  deadBucket: fc.option(fc.constantFrom(...bucketIds), { nil: undefined, freq: 3 }),
  dropTombstones: fc.boolean(),
  settings: fc.record({
    blockBytes: fc.constantFrom(1, 60, 300, 4096),
    targetTableBytes: fc.constantFrom(1, 900, 5000, 2 ** 30),
    compress: fc.boolean(),
  }),
});

it(
  'leave what the naive merge leaves',
  () => {
    let blocksCopied = 0;
    fc.assert(
      fc.property(caseArbitrary, ({ keys, runs, areDivided, views, deadBucket, dropTombstones, settings }) => {
        const shop = new Workshop(settings);
        const sorted = [...keys].sort(Buffer.compare);
        const retention: Retention = {
          views: [...new Set(views)].sort((a, b) => a - b),
          liveBuckets: liveBuckets(...bucketIds.filter((id) => id !== deadBucket)),
        };
        const input: { tables: TableMetadata[]; entries: Entry[] }[] = [];
        let sequence = 1;
        for (const [n, writes] of runs.entries()) {
          const from = areDivided ? Math.floor((n * sorted.length) / runs.length) : 0;
          const own = areDivided ? sorted.slice(from, from + Math.ceil(sorted.length / runs.length) + 1) : keys;
          const memtable = new Memtable(sequence, 1 << 14);
          const written: Entry[] = [];
          for (const { key, valueBytes } of writes) {
            const bytes = own[key % own.length] as Buffer;
            const value = valueBytes < 0 ? undefined : `${sequence}`.padEnd(valueBytes, '.');
            put(memtable, bytes, value);
            written.unshift({ key: bytes.toString('latin1'), sequence: sequence++, value });
          }
          const tables = shop.flush(memtable, retention);
          const entries = shop.scan(tables);
          expect(entries).toEqual(naiveMerge([written], retention, false));
          if (tables.length > 0) input.unshift({ tables, entries });
        }
        if (input.length === 0) return;
        const result = shop.run(shop.compactionJob([input.map(({ tables }) => tables)], retention, dropTombstones));
        const expected = naiveMerge(
          input.map(({ entries }) => entries),
          retention,
          dropTombstones,
        );
        expect(shop.scan(metadataOf(result)[0] as TableMetadata[])).toEqual(expected);
        blocksCopied += result.counts.blocksCopied;
      }),
      { numRuns: byTier(50, 4000), seed: seedOf('hard keys') },
    );
    report('hard keys', `${blocksCopied} blocks were copied as they were`);
    expect(blocksCopied).toBeGreaterThan(0);
  },
  byTier(60_000, 900_000),
);
