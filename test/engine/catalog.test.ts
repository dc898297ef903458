/** Buckets as tables hold them: what contradicts itself under right checksums is damage that names the table. */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { BucketCatalog } from '../../src/engine/bucket-catalog.js';
import { loadCatalog } from '../../src/engine/catalog-loading.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { tableFileName } from '../../src/format/file-names.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { Workshop } from '../compaction/compaction-fixture.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';

beforeAll(initializeChecksum);

type StoredBucket = readonly [name: string, id: number[]];

/** The catalogue of a database with one table, whose manifest says that the ids below 10 were given. */
function catalogOf(buckets: readonly StoredBucket[]): { load: () => BucketCatalog; file: string } {
  const workshop = new Workshop();
  const memtable = new Memtable(1, 1 << 14);
  for (const [name, id] of buckets) put(memtable, internalKey(0, name), Uint8Array.from(id));
  const tables = workshop.flush(memtable);
  const readers = tables.map((table) => new TableReader({ ...workshop.reading, cache: new BlockCache(65_536) }, table));
  const load = (): BucketCatalog => {
    const catalog = new BucketCatalog(10);
    loadCatalog(catalog, [{ level: 6, tables, readers }]);
    return catalog;
  };
  return { load, file: tableFileName(tables[0]?.fileNumber ?? 0) };
}

test('buckets in any order of ids, up to the last one that was given', () => {
  const catalog = catalogOf([
    ['a', [0, 0, 0, 9]],
    ['b', [0, 0, 0, 1]],
  ]).load();
  expect(catalog.list(1).map(({ id }) => id)).toEqual([9, 1]);
});

const wrong: readonly [what: string, buckets: StoredBucket[]][] = [
  [
    'one id for two',
    [
      ['a', [0, 0, 0, 2]],
      ['b', [0, 0, 0, 2]],
    ],
  ],
  ['an id that was not given', [['a', [0, 0, 0, 10]]]],
  ['the id of the catalogue', [['a', [0, 0, 0, 0]]]],
  ['an id of three bytes', [['a', [0, 0, 1]]]],
  ['no name', [['', [0, 0, 0, 1]]]],
];

test.each(wrong)('%s is damage of the table', (_what, buckets) => {
  const { load, file } = catalogOf(buckets);
  expect(load).toThrow(expect.objectContaining({ code: 'VARVE_CORRUPTION', file }));
});

const stepArbitrary = fc.record({
  what: fc.constantFrom('create', 'delete', 'end', 'roll back', 'commit', 'view', 'release', 'retire'),
  name: fc.constantFrom('a', 'b', 'c'),
});

interface ModelBucket {
  readonly id: number;
  readonly name: string;
  readonly from: number;
  to: number;
}

test('buckets come, go and come again, are undone and forgotten, as in a list of all that ever were', () => {
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 60 }), (steps) => {
      const catalog = new BucketCatalog(1);
      let model: ModelBucket[] = [];
      let views: number[] = [];
      let [next, sectionStart, durable] = [1, 1, 0];
      const seenAt = (sequence: number): ModelBucket[] => model.filter(({ from, to }) => from <= sequence && sequence < to);
      for (const { what, name } of steps) {
        const known = catalog.find(name, next);
        if (what === 'create' && known === undefined) {
          const bucket = catalog.create(Buffer.from(name), name, next);
          catalog.add(bucket);
          model.push({ id: bucket.id, name, from: next++, to: Number.POSITIVE_INFINITY });
        } else if (what === 'delete' && known !== undefined) {
          for (const bucket of seenAt(next)) if (bucket.name === name) bucket.to = next;
          catalog.markDeleted(known, next++);
        } else if (what === 'roll back') {
          catalog.rollBack(sectionStart);
          model = model.filter(({ from }) => from < sectionStart);
          for (const bucket of model) if (bucket.to >= sectionStart) bucket.to = Number.POSITIVE_INFINITY;
        } else if (what === 'end') sectionStart = next;
        else if (what === 'commit') durable = sectionStart - 1;
        else if (what === 'view') views = [...new Set([...views, sectionStart - 1])];
        else if (what === 'release') views = views.slice(1);
        else if (what === 'retire') {
          catalog.retire(durable, views);
          model = model.filter(({ from, to }) => to > durable || views.some((view) => from <= view && view < to));
          expect([...catalog.liveIds]).toEqual([0, ...model.map(({ id }) => id)].sort((a, b) => a - b));
        }
        for (const sequence of [...views, sectionStart - 1, next]) {
          const expected = seenAt(sequence).sort((a, b) => (a.name < b.name ? -1 : 1));
          expect(catalog.list(sequence).map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
          for (const { id, name: seen } of expected) expect(catalog.find(seen, sequence)?.id).toBe(id);
        }
        for (const { id } of model) expect(catalog.isLive(id)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});
