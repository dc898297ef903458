/**
 * An iterator held the large value that it had handed out last, also after its end, and the reader held the block that it had read last, also
 * after it was out of the cache: a gibibyte each, for as long as nobody read something else.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Backend, ReadTx } from 'varve';
import { expect, test } from 'vitest';
import { open } from '../contract/support/harness.js';

const valueBytes = 8 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
setFlagsFromString('--no-expose-gc');

/** Memory of buffers that can be reached: what it is once it no longer falls. */
async function reachable(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let same = 0; same < 4; same++) {
    collect();
    await turn();
    const { arrayBuffers } = process.memoryUsage();
    if (arrayBuffers < least) same = 0;
    least = Math.min(least, arrayBuffers);
  }
  return least;
}

/** Two large values in a table, which no cache has room for. */
async function filled(): Promise<Backend> {
  const backend = await open({ memtableBytes: 65_536, cacheBytes: 65_536 });
  backend.update((tx) => {
    tx.unsafeCreateBucket('b');
    for (const key of ['k0', 'k1']) tx.unsafePut('b', key, Buffer.alloc(valueBytes, key));
  });
  await backend.defrag();
  return backend;
}

test.each<[string, (view: ReadTx) => unknown]>([
  ['a get', (view) => view.unsafeGet('b', 'k1')?.length],
  ['a range', (view) => view.unsafeRange('b', 'k0', 'l').vals.length],
  ['a walk', (view) => view.unsafeForEach('b', () => {})],
  [
    'an iterator that is kept after its end',
    (view) => {
      const iterator = view.unsafeIterate('b');
      while (iterator.next().done !== true);
      return iterator;
    },
  ],
  [
    'an iterator that was left at its first entry and is kept',
    (view) => {
      const iterator = view.unsafeIterate('b');
      iterator.next();
      iterator.return?.();
      return iterator;
    },
  ],
])('%s leaves no large memory behind', async (_what, read) => {
  const backend = await filled();
  const view = backend.concurrentReadTx();
  view.unsafeGet('b', 'k');
  const before = await reachable();
  const kept = read(view);
  expect((await reachable()) - before).toBeLessThan(valueBytes / 2);
  expect(kept).not.toBe(null);
  view.runlock();
});

test('an iterator that goes on does not hold the value that it handed out', async () => {
  const backend = await filled();
  const iterator = backend.readTx().unsafeIterate('b');
  const value = new WeakRef((iterator.next().value as [Buffer, Buffer])[1].buffer);
  await reachable();
  expect(value.deref() === undefined).toBe(true);
  expect(iterator.next().value?.[1].length).toBe(valueBytes);
});
