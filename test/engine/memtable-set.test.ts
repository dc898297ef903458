/**
 * Memory of a memtable is used again only when nothing reads it any more.
 */
import { expect, test } from 'vitest';
import { MemtableSet } from '../../src/engine/memtable-set.js';
import type { Memtable } from '../../src/memtable/memtable.js';
import { get, internalKey, put } from '../memtable/memtable-fixture.js';

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

test('what a sealed memtable has stays what it is while the next one is written', () => {
  let number = 0;
  const set = new MemtableSet(16 * 1024, () => ++number, 1);
  const sealed: Memtable[] = [];
  for (let round = 0; round < 3; round++) {
    put(set.active.memtable, internalKey(1, 'key'), `${round}`);
    sealed.push(set.active.memtable);
    set.seal(undefined, 1);
  }
  put(set.active.memtable, internalKey(1, 'key'), 'the newest');
  expect(sealed.map((memtable) => get(memtable, internalKey(1, 'key')))).toEqual(['=0', '=1', '=2']);
});
