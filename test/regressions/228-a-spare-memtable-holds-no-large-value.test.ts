/**
 * A flushed memtable that is kept to be used again kept what a large value had made it grow by, and the tree of its keys, until the next one but
 * one was full: two values of a gibibyte each in a store that rests.
 */
import { expect, test } from 'vitest';
import { setFlagsFromString } from 'node:v8';
import { setImmediate as turn } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { MemtableSet } from '../../src/engine/memtable-set.js';
import type { Memtable } from '../../src/memtable/memtable.js';
import { everything, get, internalKey, put } from '../memtable/memtable-fixture.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
setFlagsFromString('--no-expose-gc');

/** Writes a large value, reads it in every way, and gives what tells whether its memory is there still. */
function fill(memtable: Memtable): WeakRef<SharedArrayBuffer>[] {
  const key = internalKey(1, 'key');
  for (const other of ['a', 'z']) put(memtable, internalKey(1, other), other);
  put(memtable, key, Buffer.alloc(4 * 1024 * 1024));
  put(memtable, internalKey(1, 'after'), Buffer.alloc(900_000));
  expect(get(memtable, key)).toHaveLength(4 * 1024 * 1024 + 1);
  for (let place = 0; place < 2; place++) {
    const cursor = memtable.cursor(1, everything);
    cursor?.seek(key, 0, key.length);
    cursor?.next();
    cursor?.previous();
    cursor?.previous();
  }
  memtable.recordAt(3);
  return memtable.freeze().chunks.map(({ buffer }) => new WeakRef(buffer));
}

test('228: a memtable that is kept to be used again holds no chunk but its first', async () => {
  let number = 0;
  const set = new MemtableSet(64 * 1024, () => ++number, 1);
  const { memtable } = set.active;
  const buffers = fill(memtable);
  set.seal(undefined, 1);
  set.removeOldest();
  for (let round = 0; round < 5; round++) {
    await turn();
    collect();
  }
  expect(buffers.map((buffer) => buffer.deref() !== undefined)).toEqual([true, false, false]);
  set.seal(undefined, 1);
  expect(set.active.memtable).toBe(memtable);
});
