/**
 * Merges of several runs of which one is damaged, while the memory in which its blocks are read is shared with the other runs and with the
 * table that is written: the damage is told, with its file, nothing is left, and the next job in that memory is right.
 */
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { checksum64, initializeChecksum } from '../../src/format/checksum.js';
import { tableFileName } from '../../src/format/file-names.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { Block } from '../../src/sstable/block.js';
import { readBlockHandle, writeBlockHandle } from '../../src/sstable/block-handle.js';
import { footerBytes } from '../../src/sstable/table-footer.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';
import { byTier, seedOf } from '../support/tier.js';
import { directory, everybody, metadataOf, naiveMerge, Workshop } from './compaction-fixture.js';

beforeAll(initializeChecksum);

const runArbitrary = fc.uniqueArray(fc.nat(400), { minLength: 20, maxLength: 80 });
const caseArbitrary = fc.record({
  runs: fc.array(runArbitrary, { minLength: 2, maxLength: 9 }),
  compress: fc.boolean(),
  blockBytes: fc.constantFrom(150, 600, 3000),
  hasView: fc.boolean(),
  run: fc.nat(),
  at: fc.nat(),
  other: fc.nat(),
});
type Case = typeof caseArbitrary extends fc.Arbitrary<infer T> ? T : never;

const retentionOf = ({ hasView }: Case) => ({ ...everybody, views: hasView ? [0] : [] });

/** Runs of one table each, the newest first. */
function tablesOf(shop: Workshop, how: Case): TableMetadata[] {
  const tables: TableMetadata[] = [];
  let sequence = 1;
  for (const keys of how.runs) {
    const memtable = new Memtable(sequence, 1 << 16);
    for (const key of keys)
      put(memtable, internalKey(1, `shared by all ${String(key).padStart(9, '0')}`), `${sequence++}`.padEnd(9));
    tables.unshift(...shop.flush(memtable, retentionOf(how)));
  }
  return tables;
}

function expectRefused(shop: Workshop, how: Case, tables: readonly TableMetadata[], damaged: TableMetadata): void {
  const names = shop.files.list(directory);
  const job = () => shop.compactionJob([tables.map((table) => [table])], retentionOf(how));
  const file = tableFileName(damaged.fileNumber);
  expect(shop.execute(job())).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION', file, offset: expect.any(Number) as number });
  expect(shop.files.list(directory)).toEqual(names);
  expect(shop.files.openHandles).toBe(0);
}

function expectMerged(shop: Workshop, how: Case, tables: readonly TableMetadata[]): void {
  const expected = naiveMerge(
    tables.map((table) => shop.scan([table])),
    retentionOf(how),
    true,
  );
  const result = shop.run(shop.compactionJob([tables.map((table) => [table])], retentionOf(how)));
  expect(shop.scan(metadataOf(result)[0] ?? [])).toEqual(expected);
}

it(
  'a byte that was changed anywhere in a block is found, and nowhere else anything is the worse for it',
  () => {
    fc.assert(
      fc.property(caseArbitrary, (how) => {
        const shop = new Workshop({ compress: how.compress, blockBytes: how.blockBytes, targetTableBytes: 2 ** 30 });
        const tables = tablesOf(shop, how);
        const damaged = tables[how.run % tables.length] as TableMetadata;
        const { dataBytes } = partsOf(shop, damaged);
        shop.damage(damaged, how.at % dataBytes);
        expectRefused(shop, how, tables, damaged);
        shop.damage(damaged, how.at % dataBytes);
        expectMerged(shop, how, tables);
      }),
      { numRuns: byTier(40, 3000), seed: seedOf('damaged inputs') },
    );
  },
  byTier(60_000, 600_000),
);

/** Index and footer of a table, as ranges of its bytes. */
function partsOf(shop: Workshop, table: TableMetadata) {
  const bytes = shop.bytesOf(table);
  const footer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - footerBytes, footerBytes);
  const indexStart = footer.getFloat64(32, true);
  const indexBytes = footer.getUint32(40, true);
  // In memory that is aligned.
  const index = new Uint8Array(bytes.subarray(indexStart, indexStart + indexBytes));
  return { bytes, footer, index, indexStart, dataBytes: footer.getFloat64(0, true) };
}

/** Exchanges the keys of two entries of a block, neither of which is its last, under checksums that are right. False where no block has three. */
function exchangeKeys(shop: Workshop, table: TableMetadata, { at, other }: Case): boolean {
  const { bytes, footer, index, indexStart } = partsOf(shop, table);
  const keys = Block.decode(index, 'index', 0);
  const handles = new DataView(index.buffer);
  const places = Array.from({ length: keys.entryCount }, (_, i) => keys.valueStart(i));
  const wide = places.filter((place) => readBlockHandle(handles, place).entryCount > 2);
  const place = wide[at % Math.max(1, wide.length)];
  if (place === undefined) return false;
  const handle = readBlockHandle(handles, place);
  const raw = new Uint8Array(bytes.subarray(handle.offset, handle.offset + handle.storedBytes));
  const block = Block.decode(raw, 'block', 0);
  const first = at % (block.entryCount - 1);
  const second = (first + 1 + (other % (block.entryCount - 2))) % (block.entryCount - 1);
  const key = raw.slice(block.keyStart(first), block.keyEnd(first));
  raw.copyWithin(block.keyStart(first), block.keyStart(second), block.keyEnd(second));
  raw.set(key, block.keyStart(second));
  writeBlockHandle({ ...handle, checksum: checksum64(raw) }, handles, place);
  footer.setBigUint64(32 + 24, checksum64(index), true);
  footer.setBigUint64(128, checksum64(bytes.subarray(footer.byteOffset - bytes.byteOffset).subarray(0, 128)), true);
  bytes.set(raw, handle.offset);
  bytes.set(index, indexStart);
  const name = `${directory}/${tableFileName(table.fileNumber)}`;
  bytes.set(new Uint8Array(footer.buffer, footer.byteOffset, footerBytes), bytes.length - footerBytes);
  const file = shop.files.open(name, 'modify');
  file.write([bytes], 0);
  file.close();
  return true;
}

it(
  'keys that are out of order under right checksums are found, in whatever order the runs are then taken',
  () => {
    let forged = 0;
    fc.assert(
      fc.property(caseArbitrary, (drawn) => {
        const how = { ...drawn, compress: false };
        const shop = new Workshop({ compress: false, blockBytes: how.blockBytes, targetTableBytes: 2 ** 30 });
        const tables = tablesOf(shop, how);
        const damaged = tables[how.run % tables.length] as TableMetadata;
        const sound = shop.bytesOf(damaged);
        if (!exchangeKeys(shop, damaged, how)) return;
        forged++;
        const names = shop.files.list(directory);
        const job = shop.compactionJob([tables.map((table) => [table])], retentionOf(how));
        // Which table it is shows only in what was taken last, which may be of another.
        expect(shop.execute(job)).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION' });
        expect(shop.files.list(directory)).toEqual(names);
        const file = shop.files.open(`${directory}/${tableFileName(damaged.fileNumber)}`, 'modify');
        file.write([sound], 0);
        file.close();
        expectMerged(shop, how, tables);
      }),
      { numRuns: byTier(40, 3000), seed: seedOf('keys out of order') },
    );
    expect(forged).toBeGreaterThan(byTier(20, 1500));
  },
  byTier(60_000, 600_000),
);
