/**
 * Memory of a memtable is used again only when nothing reads it any more.
 */
import { expect, test } from 'vitest';
import { MemtableSet } from '../../src/engine/memtable-set.js';

test('the memory of a flushed memtable is used again, unless a write to its log still reads it', () => {
  for (const operationsInFlight of [0, 1]) {
    let number = 0;
    const set = new MemtableSet(16 * 1024, () => ++number, 1);
    const first = set.active;
    first.operationsInFlight = operationsInFlight;
    set.seal(undefined, 1);
    set.removeOldest();
    set.seal(undefined, 1);
    expect(set.active.memtable === first.memtable).toBe(operationsInFlight === 0);
  }
});

test('where two were flushed before the next is sealed, the memory of both is used again', () => {
  let number = 0;
  const set = new MemtableSet(16 * 1024, () => ++number, 1);
  const flushed = [set.active.memtable];
  set.seal(undefined, 1);
  flushed.push(set.active.memtable);
  set.seal(undefined, 1);
  set.removeOldest();
  set.removeOldest();
  for (let seals = 0; seals < 2; seals++) {
    set.seal(undefined, 1);
    expect(flushed).toContain(set.active.memtable);
  }
});
