/**
 * unsafeForEach: order, throws in the visitor, and writes during a walk.
 */
import { describe, expect, test } from 'vitest';
import { latin1, numbered, type Pair, pairsOf, putAll } from './support/content.js';
import { open, thrownBy } from './support/harness.js';

test('visits the whole bucket in key order, over memory and tables', async () => {
  const backend = await open({ memtableBytes: 16_384 });
  const pairs = numbered(3000, 60);
  for (let part = 0; part < 3; part++) putAll(backend, 'b', pairs.filter((_, index) => index % 3 === part).reverse());
  expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs);
  expect(pairsOf(backend.concurrentReadTx(), 'b')).toEqual(pairs);
  backend.update((tx) => expect(pairsOf(tx, 'b')).toEqual(pairs));
  await backend.defrag();
  expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs);
});

test('a missing bucket and an empty one are not visited', async () => {
  const backend = await open();
  putAll(backend, 'empty', []);
  for (const bucket of ['missing', 'empty']) {
    expect(pairsOf(backend.readTx(), bucket)).toEqual([]);
    expect(pairsOf(backend.concurrentReadTx(), bucket)).toEqual([]);
    backend.update((tx) => expect(pairsOf(tx, bucket)).toEqual([]));
  }
});

test('a throw in the visitor stops the walk and is rethrown as it is', async () => {
  const backend = await open();
  putAll(backend, 'b', numbered(10));
  const mine = new Error('mine');
  for (const reader of [backend.readTx(), backend.concurrentReadTx()]) {
    const visited: string[] = [];
    const thrown = thrownBy(() =>
      reader.unsafeForEach('b', (key) => {
        visited.push(latin1(key));
        if (visited.length === 3) throw mine;
      }),
    );
    expect(thrown).toBe(mine);
    expect(visited).toEqual(['key00000', 'key00001', 'key00002']);
    expect(pairsOf(reader, 'b')).toHaveLength(10);
  }
  const tx = backend.batchTx();
  tx.lock();
  expect(
    thrownBy(() =>
      tx.unsafeForEach('b', () => {
        throw mine;
      }),
    ),
  ).toBe(mine);
  tx.unsafePut('b', 'still', 'locked');
  tx.unlock();
});

describe('during a walk', () => {
  test.each(['memory', 'tables'])('of the batch transaction the visited key may be deleted (keys in %s)', async (place) => {
    const backend = await open({ memtableBytes: 16_384 });
    const pairs = numbered(1000, 40);
    putAll(backend, 'b', pairs);
    if (place === 'tables') await backend.defrag();
    const visited: Pair[] = [];
    backend.update((tx) => {
      tx.unsafeForEach('b', (key, value) => {
        visited.push([latin1(key), latin1(value)]);
        if (visited.length % 2 === 0) tx.unsafeDelete('b', key);
      });
      expect(pairsOf(tx, 'b')).toHaveLength(500);
    });
    expect(visited).toEqual(pairs);
    expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs.filter((_, index) => index % 2 === 0));
  });

  test('other writes to the bucket end the walk all the same, and visit no key twice', async () => {
    const backend = await open();
    const pairs = numbered(200);
    putAll(backend, 'b', pairs);
    const visited: string[] = [];
    backend.update((tx) => {
      tx.unsafeForEach('b', (key) => {
        visited.push(latin1(key));
        if (visited.length <= 200) tx.unsafePut('b', `${latin1(key)}+`, 'v');
        tx.unsafePut('b', key, 'again');
      });
    });
    expect(new Set(visited).size).toBe(visited.length);
    expect(visited).toEqual([...visited].sort());
    expect(visited).toEqual(expect.arrayContaining(pairs.map(([key]) => key)));
  });

  test('the same transaction may be read, and walked again', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(5));
    const reader = backend.readTx();
    let count = 0;
    reader.unsafeForEach('b', (key, value) => {
      expect(reader.unsafeGet('b', key)).toEqual(value);
      reader.unsafeForEach('b', () => {
        count++;
      });
    });
    expect(count).toBe(25);
  });

  test('of a reader, sections that unlock meanwhile do not show', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(100));
    const visited: Pair[] = [];
    backend.readTx().unsafeForEach('b', (key, value) => {
      visited.push([latin1(key), latin1(value)]);
      putAll(backend, 'b', [[`${latin1(key)}+`, 'v']]);
    });
    expect(visited).toEqual(numbered(100));
    expect(pairsOf(backend.readTx(), 'b')).toHaveLength(200);
  });
});
