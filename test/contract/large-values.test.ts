/**
 * Values, keys and sections that are larger than a memtable, up to a value of 256 MiB in the deep tier.
 */
import { describe, expect, test } from 'vitest';
import { byTier } from '../support/tier.js';
import { numbered, pairsOf, putAll } from './support/content.js';
import { freshPath, open } from './support/harness.js';
import { openRestored, takeSnapshot } from './support/snapshots.js';

const MiB = 1024 * 1024;

/** Bytes that differ everywhere, so that a piece in a wrong place is seen. */
function patterned(length: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(index + seed, 2_654_435_761);
  return Buffer.from(words.buffer, 0, length);
}

describe('a value larger than a memtable of the usual size', () => {
  test('is put, read, committed, compacted and read again after a reopening, beside small ones', async () => {
    const path = freshPath();
    const large = patterned(byTier(40, 256) * MiB, 1);
    const backend = await open({ path });
    putAll(backend, 'b', [
      ['a', 'small'],
      ['large', large],
      ['z', 'small'],
    ]);
    expect(backend.readTx().unsafeGet('b', 'large')?.equals(large)).toBe(true);
    await backend.forceCommit();
    await backend.defrag();
    expect(backend.readTx().unsafeGet('b', 'large')?.equals(large)).toBe(true);
    await backend.close();
    const again = await open({ path });
    expect(again.readTx().unsafeRange('b', 'a', 'zz').vals[1]?.equals(large)).toBe(true);
    again.update((tx) => tx.unsafeDelete('b', 'large'));
    await again.defrag();
    expect(again.size()).toBeLessThan(MiB);
    expect(pairsOf(again.readTx(), 'b')).toEqual([
      ['a', 'small'],
      ['z', 'small'],
    ]);
  }, 240_000);
});

describe('values larger than a memtable', () => {
  test.each(['auto', 'none'] as const)('keep order, overwrites and deletes right (compression %s)', async (compression) => {
    const path = freshPath();
    const backend = await open({ path, compression, memtableBytes: 16_384, cacheBytes: 65_536 });
    const sizes = [0, 1, 16_383, 16_384, 16_385, 40_000, 65_535, 65_536, 100_000, MiB, 5 * MiB];
    putAll(
      backend,
      'b',
      sizes.map((size, index) => [`k${String(index).padStart(2, '0')}`, patterned(size, index)] as const),
    );
    putAll(backend, 'b', [['k05', patterned(200_000, 99)]]);
    backend.update((tx) => tx.unsafeDelete('b', 'k09'));
    const check = (reader: typeof backend): void => {
      const { keys, vals } = reader.readTx().unsafeRange('b', 'k', 'l');
      const expected = sizes.map((size, index) => (index === 5 ? patterned(200_000, 99) : patterned(size, index)));
      expected.splice(9, 1);
      expect(keys).toHaveLength(10);
      for (const [index, value] of vals.entries())
        expect(value.equals(expected[index] as Buffer), String(keys[index])).toBe(true);
    };
    check(backend);
    await backend.forceCommit();
    check(backend);
    await backend.defrag();
    check(backend);
    check(await openRestored(await takeSnapshot(backend)));
    await backend.close();
    check(await open({ path }));
  });

  test('iterate in both directions', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    putAll(
      backend,
      'b',
      Array.from({ length: 30 }, (_, index) => [`k${10 + index}`, patterned(30_000, index)] as const),
    );
    const forwards = [...backend.readTx().unsafeIterate('b')].map(([key]) => String(key));
    const backwards = [...backend.readTx().unsafeIterate('b', { reverse: true })].map(([key]) => String(key));
    expect(forwards).toHaveLength(30);
    expect(backwards).toEqual([...forwards].reverse());
  });
});

describe('a section larger than many memtables', () => {
  test('is visible and durable as one', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384 });
    const pairs = numbered(20_000, 100);
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafeCreateBucket('b');
    for (const [key, value] of pairs) tx.unsafePut('b', key, value);
    expect(pairsOf(backend.readTx(), 'b')).toEqual([]);
    expect(pairsOf(tx, 'b')).toEqual(pairs);
    await backend.forceCommit();
    expect(await backend.hash()).toBe(0);
    tx.unlock();
    expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs);
    await backend.forceCommit();
    expect(backend.commits()).toBe(1);
    await backend.close();
    expect(pairsOf((await open({ path })).readTx(), 'b')).toEqual(pairs);
  });

  test('with values larger than a memtable in it, rolled back, leaves nothing', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384 });
    putAll(backend, 'b', [['k', 'v']]);
    const tx = backend.batchTx();
    tx.lock();
    for (let index = 0; index < 50; index++) tx.unsafePut('b', `k${index}`, patterned(100_000, index));
    tx.rollback();
    await backend.defrag();
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['k', 'v']]);
    expect(backend.size()).toBeLessThan(MiB);
    await backend.close();
    expect(pairsOf((await open({ path })).readTx(), 'b')).toEqual([['k', 'v']]);
  });

  test('of a hundred thousand deletes and puts comes out right', async () => {
    const backend = await open({ memtableBytes: 65_536 });
    const pairs = numbered(50_000, 10);
    putAll(backend, 'b', pairs);
    backend.update((tx) => {
      for (const [key] of pairs) tx.unsafeDelete('b', key);
      for (const [key] of pairs.slice(0, 50)) tx.unsafePut('b', key, 'again');
    });
    expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs.slice(0, 50).map(([key]) => [key, 'again']));
  });
});
