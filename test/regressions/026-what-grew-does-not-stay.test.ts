/** Memory and files that one large event made grow are given back. */
import { expect, test } from 'vitest';
import { Memtable } from '../../src/memtable/memtable.js';
import { emptyVersion } from '../../src/version/version.js';
import { applyEdit } from '../../src/version/version-builder.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';

test('a memtable whose index a huge section made grow is not kept for the next one', () => {
  const memtable = new Memtable(1, 16 * 1024);
  put(memtable, internalKey(1, 'a'), 'v');
  expect(memtable.isWorthKeeping).toBe(true);
  for (let i = 0; i < 5000; i++) put(memtable, internalKey(1, `key ${i}`), '');
  memtable.clear(1);
  expect(memtable.isWorthKeeping).toBe(false);
});

test('an edit that only raises counters costs nothing for the tables that are there', () => {
  expect(applyEdit(emptyVersion, { removedTables: [], addedRuns: [], newestLogNumber: 7 })).toBe(emptyVersion);
});
