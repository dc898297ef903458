/** Buckets as tables hold them: what contradicts itself under right checksums is damage that names the table. */
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
