import { describe, expect, it } from 'vitest';
import { Memtable } from '../../src/memtable/memtable.js';
import { get, internalKey, put } from '../memtable/memtable-fixture.js';
import { withoutMemory } from '../support/no-memory.js';

/*
 * The index grew after the record was written, and counted its new size before it had the memory. Where there was none, the bytes of
 * a record that nobody knew stayed among those that go to the log, and later records were indexed beyond the end of the columns.
 */
describe('004: no memory for the index', () => {
  it.each(['SharedArrayBuffer', 'Int32Array'] as const)('a put that finds no %s for the index changes nothing', (name) => {
    const memtable = new Memtable(1, 1 << 14);
    const keys = Array.from({ length: 2000 }, (_, i) => internalKey(1, `key${i}`));
    let refused = 0;
    for (const key of keys) {
      const before = [memtable.nextSequence, memtable.usedBytes];
      let failure: unknown;
      try {
        withoutMemory(name, 0, () => put(memtable, key, 'value'));
      } catch (error) {
        failure = error;
      }
      if (failure === undefined) continue;
      expect(failure).toMatchObject({ code: 'VARVE_LIMIT' });
      expect([memtable.nextSequence, memtable.usedBytes]).toEqual(before);
      expect(get(memtable, key)).toBe('absent');
      refused++;
      put(memtable, key, 'value');
    }
    expect(refused).toBeGreaterThan(0);
    expect(keys.every((key) => get(memtable, key) === '=value')).toBe(true);
    const pieces = memtable.pieces(1, memtable.nextSequence);
    expect(pieces.reduce((sum, run) => sum + run.entryCount, 0)).toBe(keys.length);
    expect(pieces.flatMap((run) => run.pieces).reduce((sum, piece) => sum + piece.length, 0)).toBe(24 * keys.length);
  });
});
