/**
 * What a compaction checks of itself: whatever makes an input end early, or an entry not be written, the inputs are kept. And keys of an
 * input that are out of order are damage, never data of a table that looks sound.
 */
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { TableScanner } from '../../src/sstable/table-scanner.js';
import { TableWriter } from '../../src/sstable/table-writer.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';
import { everybody, Workshop } from './compaction-fixture.js';

beforeAll(initializeChecksum);
afterEach(() => vi.restoreAllMocks());

function flush(workshop: Workshop, firstSequence: number, prefix: string, count = 50, retention = everybody): TableMetadata[] {
  const memtable = new Memtable(firstSequence, 1 << 16);
  for (let i = 100; i < 100 + count; i++) put(memtable, internalKey(1, `${prefix}${i}`), 'v');
  return workshop.flush(memtable, retention);
}

function twoRuns(workshop: Workshop): TableMetadata[][] {
  return [flush(workshop, 1000, 'key'), flush(workshop, 1, 'key')];
}

describe('the sums of a compaction', () => {
  test('miss entries of an input that ends early', () => {
    const workshop = new Workshop();
    const job = workshop.compactionJob([twoRuns(workshop)]);
    // After the first block.
    const end = vi.spyOn(TableScanner.prototype, 'skipBlock').mockImplementation(function (this: TableScanner) {
      this.valid = false;
    });
    expect(workshop.execute(job)).toMatchObject({ ok: false, code: 'VARVE_ASSERTION' });
    expect(end).toHaveBeenCalled();
  });

  test('miss an entry that is not written', () => {
    const workshop = new Workshop();
    const job = workshop.compactionJob([twoRuns(workshop)]);
    const { add } = TableWriter.prototype;
    let added = 0;
    vi.spyOn(TableWriter.prototype, 'add').mockImplementation(function (this: TableWriter, ...entry) {
      return ++added === 7 || add.apply(this, entry);
    });
    expect(workshop.execute(job)).toMatchObject({ ok: false, code: 'VARVE_ASSERTION' });
  });
});

test.each([
  ['left out', everybody],
  ['kept', { ...everybody, views: [0] }],
])('a run whose tables are out of order is damage, and gives no table, with sequences that were %s', (_what, retention) => {
  const workshop = new Workshop();
  // The key that comes too late is older as well: it must not pass for a version of the key before it.
  const run = [...flush(workshop, 100, 'm', 50, retention), ...flush(workshop, 1, 'a', 1, retention)];
  // Beside another run, so that blocks are not copied.
  const job = workshop.compactionJob([[run, flush(workshop, 200, 'a')]]);
  const names = workshop.files.list('/db');
  expect(workshop.execute(job)).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION' });
  expect(workshop.files.list('/db')).toEqual(names);
});
