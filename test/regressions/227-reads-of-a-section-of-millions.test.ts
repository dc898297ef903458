import { expect, test, vi } from 'vitest';
import { Memtable } from '../../src/memtable/memtable.js';
import { RecordReader } from '../../src/memtable/record-table.js';
import { get, internalKey } from '../memtable/memtable-fixture.js';

/*
 * After a section of very many records each point read took over as many of them as after a small one, and looked through the hashes of all
 * others: reads of ten million records took more than a minute in all before the index was there.
 */
test('227: a few hundred reads make the index of a section, however many records it has', () => {
  const memtable = new Memtable(1, 1 << 20);
  const key = internalKey(1, '....');
  for (let i = 0; i < 600_000; i++) {
    key.writeUInt32LE(i, 1);
    memtable.append(key, key.length, i, undefined, 0);
  }
  const locate = vi.spyOn(RecordReader.prototype, 'locate');
  const missing = internalKey(1, 'missing');
  let reads = 0;
  let located: number;
  do {
    locate.mockClear();
    expect(get(memtable, missing)).toBe('absent');
    located = locate.mock.calls.length;
    reads++;
    // No read waits for all of it.
    expect(located).toBeLessThan(4 * 8192);
  } while (located > 2 && reads < 400);
  locate.mockRestore();
  expect(reads).toBeLessThan(400);
});
