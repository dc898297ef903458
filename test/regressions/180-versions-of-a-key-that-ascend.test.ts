/**
 * A run whose versions of a key ascend, under checksums that are right: a merge took the first one for the newest and dropped the one that
 * was, in silence, into a table that looked sound.
 */
import { beforeAll, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { directory, everybody, Workshop } from '../compaction/compaction-fixture.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';

beforeAll(initializeChecksum);

/** One version of a key in a table of its own; `isSeenByAll`: its sequence is left out. */
function version(workshop: Workshop, sequence: number, isSeenByAll: boolean): TableMetadata[] {
  const memtable = new Memtable(sequence, 1 << 14);
  put(memtable, internalKey(1, 'key'), `version ${sequence}`);
  return workshop.flush(memtable, { ...everybody, views: isSeenByAll ? [] : [1] });
}

const wrong: readonly [what: string, sequences: readonly [number, boolean][]][] = [
  [
    'an older one, then a newer one',
    [
      [5, false],
      [9, false],
    ],
  ],
  [
    'one twice',
    [
      [5, false],
      [5, false],
    ],
  ],
  [
    'one that everybody sees, then another one',
    [
      [5, true],
      [9, false],
    ],
  ],
  [
    'two that everybody sees',
    [
      [5, true],
      [9, true],
    ],
  ],
];

test.each(wrong)('%s is damage, and gives no table', (_what, sequences) => {
  const workshop = new Workshop();
  const run = sequences.flatMap(([sequence, isSeenByAll]) => version(workshop, sequence, isSeenByAll));
  const names = workshop.files.list(directory);
  for (const views of [[], [1], [1, 7]]) {
    const result = workshop.execute(workshop.compactionJob([[run]], { ...everybody, views }));
    expect(result).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION' });
    expect(workshop.files.list(directory)).toEqual(names);
  }
});

test('a newer one, then an older one is sound, and so are two runs where the newer one left its sequence out', () => {
  const workshop = new Workshop();
  const descending = [...version(workshop, 9, false), ...version(workshop, 5, false)];
  expect(workshop.execute(workshop.compactionJob([[descending]]))).toMatchObject({ ok: true });
  const runs = [version(workshop, 9, true), version(workshop, 5, false)];
  const result = workshop.execute(workshop.compactionJob([runs]));
  expect(result).toMatchObject({ ok: true, counts: { entriesRead: 2, entriesWritten: 1 } });
});
