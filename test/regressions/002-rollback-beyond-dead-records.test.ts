import { describe, expect, it } from 'vitest';
import { Memtable } from '../../src/memtable/memtable.js';
import { get, internalKey, put } from '../memtable/memtable-fixture.js';

/* Rolling back stopped at the first dead record that it met, and left what was older than that alive. */
describe('002: rollback beyond dead records', () => {
  it('a rollback from a sequence undoes all records from there on, also those before others that were undone earlier', () => {
    const memtable = new Memtable(1, 1 << 14);
    const key = internalKey(1, 'key');
    for (const value of ['1', '2', '3']) put(memtable, key, value);
    memtable.rollBack(3);
    put(memtable, key, '4');
    memtable.rollBack(2);
    expect(get(memtable, key)).toBe('=1');
  });
});
