import { describe, expect, it } from 'vitest';
import { Memtable } from '../../src/memtable/memtable.js';
import { internalKey, put, shown } from '../memtable/memtable-fixture.js';

/*
 * The heads of the keys in the tree were taken anew while the tree was walked over. The walk compares keys, so in a tree of more
 * than one node it went wrong half-way, and keys with old heads stood in the wrong place: a range read missed them.
 */
describe('001: heads of a tree of many nodes', () => {
  it('a key that shares less with the others, after a range read over a hundred keys, leaves all of them in order', () => {
    const memtable = new Memtable(1, 1 << 16);
    const keys = Array.from({ length: 100 }, (_, i) => `common/prefix/${String((i * 37) % 100).padStart(3, '0')}`);
    const walk = (): (string | undefined)[] => {
      const cursor = memtable.cursor(1, Number.MAX_SAFE_INTEGER);
      const found: (string | undefined)[] = [];
      for (cursor?.seek(new Uint8Array(0), 0, 0); cursor?.valid === true; cursor.next()) found.push(shown(cursor));
      return found;
    };
    const expected = (): string[] => [...keys].sort().map((key) => `\x01${key} =v`);
    for (const key of keys) put(memtable, internalKey(1, key), 'v');
    expect(walk()).toEqual(expected());
    keys.push('common/a');
    put(memtable, internalKey(1, 'common/a'), 'v');
    expect(walk()).toEqual(expected());
  });
});
