/**
 * Where a compaction had several merges, all cuts lay in the one that had the largest run: the others were work of the first and of the last part,
 * and what lay between became tables of next to nothing.
 */
import { beforeAll, expect, test } from 'vitest';
import { divideMerges } from '../../src/compaction/divide.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { readCheckedFooter, readIndex } from '../../src/sstable/table-file.js';
import { metadataOf, Workshop } from '../compaction/compaction-fixture.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';

beforeAll(initializeChecksum);

test('many merges of one compaction are shared out among its parts', () => {
  const workshop = new Workshop({ targetTableBytes: 1e6 });
  const mergeCount = 8;
  const entryCount = 100;
  const merges = Array.from({ length: mergeCount }, (_, place) =>
    [1, 1 + entryCount].map((sequence) => {
      const memtable = new Memtable(sequence, 1 << 16);
      // The fourth merge has the largest run.
      const value = 'x'.repeat(place === 3 ? 21 : 20);
      for (let i = 0; i < entryCount; i++) put(memtable, internalKey(1, `key${1000 * (place + 1) + i}`), value);
      return workshop.flush(memtable);
    }),
  ).map(([older = [], newer = []]) => [newer, older]);
  const parts = divideMerges(merges, 4, (table) => {
    const index = readIndex(workshop.reading, table.fileNumber, readCheckedFooter(workshop.reading, table), table);
    workshop.reading.openTables.closeAll();
    return index;
  });
  const results = parts.map(({ range, merges: inputs }) =>
    workshop.run({ ...workshop.compactionJob(inputs), ...(range === undefined ? {} : { range }) }),
  );
  const written = results.map((result) =>
    metadataOf(result)
      .flat()
      .reduce((sum, table) => sum + table.entryCount, 0),
  );
  const share = (mergeCount * entryCount) / 4;
  expect(written.reduce((a, b) => a + b)).toBe(mergeCount * entryCount);
  expect(written.length).toBe(4);
  expect(Math.min(...written)).toBeGreaterThan(0.9 * share);
  expect(Math.max(...written)).toBeLessThan(1.1 * share);
});
