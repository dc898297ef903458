/**
 * Keys whose first bytes agree, but for one key among them: they have one head, and differ in their tails. The sort of a flush looked through
 * all of them again for each one: 400 000 took more than a minute, and whoever wrote revisions beside one other key waited for such flushes.
 */
import { expect, test } from 'vitest';
import { sortRecords } from '../../src/memtable/record-sort.js';
import { RecordColumn } from '../memtable/memtable-fixture.js';

const count = 400_000;

test('sorting keys with one head takes a time in proportion to their number', () => {
  const column = new RecordColumn();
  const key = Buffer.alloc(9);
  for (let i = 0; i < count; i++) {
    key.writeUInt32BE(i, 4);
    column.add(key);
  }
  column.add(Buffer.alloc(9, 0xff));
  const ordinals = Uint32Array.from({ length: count + 1 }, (_, i) => count + 1 - i);
  // Gone through once for each pair, they would take longer than a test may.
  sortRecords(column.reader, ordinals, 0);
  expect(ordinals.every((ordinal, place) => ordinal === place + 1)).toBe(true);
});
