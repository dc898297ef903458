import { describe, expect, test } from 'vitest';
import { Memtable } from '../../src/memtable/memtable.js';
import { everything, get, internalKey, put, shown } from '../memtable/memtable-fixture.js';
import { withoutMemory } from '../support/no-memory.js';

const keyOf = (number: number): Buffer => internalKey(1, `key${String(number).padStart(4, '0')}`);

/** The keys that a cursor shows. */
function walk(memtable: Memtable): (string | undefined)[] {
  const cursor = memtable.cursor(1, everything);
  const found: (string | undefined)[] = [];
  if (cursor === undefined) return found;
  for (cursor.seek(Buffer.alloc(0), 0, 0); cursor.valid; cursor.next()) found.push(shown(cursor));
  return found;
}

/*
 * The index of a memtable is made by reads. Where one had no memory for the order of the keys, the record at hand was in the index and the next read
 * put it there again, as a version before itself: a read of an older view never ended, and walks passed the key by.
 */
describe('226: no memory for the order of keys', () => {
  test.each([32, 64, 1024])(
    'a read that has none for %i keys fails, and the next one finds all as they were written',
    (length) => {
      const memtable = new Memtable(1, 1 << 19);
      const count = 3000;
      // So the record at which memory runs out is not the first of those whose slots are asked for together.
      put(memtable, internalKey(2, 'in another bucket'), '');
      for (let i = 0; i < count; i++) put(memtable, keyOf(i), `${i}`);
      withoutMemory('Uint32Array', length, () => {
        for (let i = 0; i < 3; i++) expect(() => get(memtable, keyOf(0))).toThrow(RangeError);
      });
      expect(walk(memtable)).toEqual(Array.from({ length: count }, (_, i) => `\x01key${String(i).padStart(4, '0')} =${i}`));
      for (let i = 0; i < count; i += 7) {
        expect(get(memtable, keyOf(i))).toBe(`=${i}`);
        expect(get(memtable, keyOf(i), i + 1)).toBe('absent');
        expect(get(memtable, keyOf(i), i + 2)).toBe(`=${i}`);
      }
    },
  );

  test('a memtable that had none is used again, and knows nothing of what it held', () => {
    const memtable = new Memtable(1, 1 << 19);
    for (let i = 0; i < 20; i++) put(memtable, keyOf(i), `${i}`);
    expect(() => withoutMemory('Uint32Array', 32, () => get(memtable, keyOf(0)))).toThrow(RangeError);
    memtable.clear(100);
    for (let i = 0; i < 40; i++) put(memtable, keyOf(100 - i), `${i}`);
    for (let i = 0; i < 40; i++) expect(get(memtable, keyOf(100 - i))).toBe(`=${i}`);
    expect(get(memtable, keyOf(0))).toBe('absent');
    expect(walk(memtable)).toHaveLength(40);
  });
});
