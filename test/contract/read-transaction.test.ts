/**
 * The shared read transaction, and what every reader hands out.
 */
import type { ReadTx } from 'varve';
import { describe, expect, test } from 'vitest';
import { everything, iterated, numbered, pairsOf, putAll, rangePairs } from './support/content.js';
import { expectCode, open } from './support/harness.js';

describe('the shared read transaction', () => {
  test('outside of rlock is the newest unlocked state', async () => {
    const backend = await open();
    const reader = backend.readTx();
    expect(everything(reader)).toEqual([]);
    putAll(backend, 'b', [['k', '1']]);
    expect(everything(reader)).toEqual([['b', [['k', '1']]]]);
    putAll(backend, 'b', [['k', '2']]);
    expect(everything(reader)).toEqual([['b', [['k', '2']]]]);
    await backend.forceCommit();
    expect(everything(reader)).toEqual([['b', [['k', '2']]]]);
  });

  test.each([
    ['rlock', 'runlock', (tx: ReadTx) => tx.rlock(), (tx: ReadTx) => tx.runlock()],
    ['lock', 'unlock', (tx: ReadTx) => tx.lock(), (tx: ReadTx) => tx.unlock()],
    ['rlock', 'disposal', (tx: ReadTx) => tx.rlock(), (tx: ReadTx) => tx[Symbol.dispose]()],
  ] as const)('between %s and %s stands still, through puts, deletes, commits and defrag', async (_begin, _end, begin, end) => {
    const backend = await open({ memtableBytes: 16_384 });
    const pairs = numbered(500, 100);
    putAll(backend, 'b', pairs);
    const reader = backend.readTx();
    begin(reader);
    backend.update((tx) => {
      tx.unsafeDelete('b', 'key00000');
      tx.unsafePut('b', 'key00001', 'new');
      tx.unsafePut('b', 'new', 'new');
      tx.unsafeCreateBucket('c');
    });
    putAll(backend, 'd', numbered(500, 100));
    await backend.forceCommit();
    await backend.defrag();
    expect(everything(reader)).toEqual([['b', pairs]]);
    expect(rangePairs(reader.unsafeRange('b', 'key00000', 'key00002'))).toEqual(pairs.slice(0, 2));
    expect(reader.unsafeGet('b', 'new')).toBeUndefined();
    expect(iterated(reader.unsafeIterate('b'))).toEqual(pairs);
    end(reader);
    expect(reader.unsafeGet('b', 'key00000')).toBeUndefined();
    expect(reader.unsafeGet('b', 'key00001')?.toString()).toBe('new');
  });

  test('is one: what is locked through one reference stands still through each', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', '1']]);
    backend.readTx().rlock();
    putAll(backend, 'b', [['k', '2']]);
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['k', '1']]);
    backend.readTx().runlock();
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['k', '2']]);
  });

  test('locks nest: the view stands still until the last matching unlock', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', '1']]);
    const reader = backend.readTx();
    reader.rlock();
    putAll(backend, 'b', [['k', '2']]);
    reader.lock();
    reader.rlock();
    reader.runlock();
    reader[Symbol.dispose]();
    expect(pairsOf(reader, 'b')).toEqual([['k', '1']]);
    reader.unlock();
    expect(pairsOf(reader, 'b')).toEqual([['k', '2']]);
  });

  test('without a lock, runlock and unlock throw VARVE_TX_NOT_LOCKED', async () => {
    const backend = await open();
    const reader = backend.readTx();
    expectCode(() => reader.runlock(), 'VARVE_TX_NOT_LOCKED');
    expectCode(() => reader.unlock(), 'VARVE_TX_NOT_LOCKED');
    reader.rlock();
    reader.runlock();
    expectCode(() => reader.runlock(), 'VARVE_TX_NOT_LOCKED');
  });

  test('a held lock blocks neither sections nor commits', async () => {
    const backend = await open();
    const reader = backend.readTx();
    reader.rlock();
    putAll(backend, 'b', [['k', 'v']]);
    await backend.forceCommit();
    expect(everything(backend.concurrentReadTx())).toEqual([['b', [['k', 'v']]]]);
    expect(everything(reader)).toEqual([]);
    reader.runlock();
  });

  test('locked during a section, it shows the state before the section even after its unlock', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', '1']]);
    backend.batchTx().lock();
    backend.batchTx().unsafePut('b', 'k', '2');
    backend.readTx().rlock();
    backend.batchTx().unlock();
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['k', '1']]);
    backend.readTx().runlock();
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['k', '2']]);
  });
});

describe('the buffers handed out', () => {
  test.each(['memtable', 'tables'])(
    "are the caller's: scribbling on them changes nothing in the database (from %s)",
    async (place) => {
      const backend = await open({ cacheBytes: 1 << 20 });
      const pairs = numbered(50, 100);
      putAll(backend, 'bucket', pairs);
      if (place === 'tables') await backend.defrag();
      const reader = backend.readTx();
      for (let round = 0; round < 2; round++) {
        const { keys, vals } = reader.unsafeRange('bucket', 'key', 'kez');
        for (const buffer of [...keys, ...vals, ...reader.unsafeBuckets()]) buffer.fill(0);
        reader.unsafeGet('bucket', 'key00007')?.fill(0);
        reader.unsafeForEach('bucket', (key, value) => {
          key.fill(0);
          value.fill(0);
        });
        for (const [key, value] of reader.unsafeIterate('bucket')) {
          key.fill(0);
          value.fill(0);
        }
        expect(everything(reader)).toEqual([['bucket', pairs]]);
        for (const [key, value] of pairs) expect(reader.unsafeGet('bucket', key)?.toString()).toBe(value);
      }
      await backend.defrag();
      expect(everything(reader)).toEqual([['bucket', pairs]]);
    },
  );

  test('stay as they are through later writes, flushes and compaction', async () => {
    const backend = await open({ memtableBytes: 16_384, cacheBytes: 0 });
    const pairs = numbered(100, 100);
    putAll(backend, 'b', pairs);
    const range = backend.readTx().unsafeRange('b', 'key', 'kez');
    const value = backend.readTx().unsafeGet('b', 'key00003');
    const visited: Buffer[] = [];
    backend.readTx().unsafeForEach('b', (key, visitedValue) => visited.push(key, visitedValue));
    const walked = [...backend.readTx().unsafeIterate('b')];
    for (let round = 0; round < 5; round++)
      putAll(
        backend,
        'b',
        numbered(300).map(([key]) => [key, `x${round}`.repeat(50)] as const),
      );
    await backend.defrag();
    expect(rangePairs(range)).toEqual(pairs);
    expect(iterated(walked)).toEqual(pairs);
    expect(Buffer.concat(visited).toString()).toBe(pairs.flat().join(''));
    expect(value?.toString()).toBe(pairs[3]?.[1]);
  });

  test('are Buffers, each with its own bytes alone', async () => {
    const backend = await open();
    putAll(backend, 'b', [
      ['k', 'v'],
      ['l', ''],
    ]);
    const { keys, vals } = backend.readTx().unsafeRange('b', 'a', 'z');
    for (const buffer of [...keys, ...vals]) expect(Buffer.isBuffer(buffer)).toBe(true);
    expect(keys.map((key) => key.length)).toEqual([1, 1]);
    expect(vals.map((value) => value.length)).toEqual([1, 0]);
  });
});

describe('a point read', () => {
  test('gives the value, an empty value, or undefined', async () => {
    const backend = await open();
    putAll(backend, 'b', [
      ['full', 'v'],
      ['empty', ''],
    ]);
    for (let round = 0; round < 2; round++) {
      const reader = backend.readTx();
      expect(reader.unsafeGet('b', 'full')?.toString()).toBe('v');
      expect(reader.unsafeGet('b', 'empty')).toEqual(Buffer.alloc(0));
      expect(reader.unsafeGet('b', 'ful')).toBeUndefined();
      expect(reader.unsafeGet('b', 'full\0')).toBeUndefined();
      expect(reader.unsafeGet('other', 'full')).toBeUndefined();
      await backend.defrag();
    }
  });

  test('a key or bucket name beyond its limits is one that does not exist', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k'.repeat(32_768), 'v']]);
    const reader = backend.readTx();
    for (const key of ['', 'k'.repeat(32_769), 'k'.repeat(100_000)]) {
      expect(reader.unsafeGet('b', key)).toBeUndefined();
      expect(rangePairs(reader.unsafeRange('b', key))).toEqual([]);
    }
    for (const bucket of ['', 'b'.repeat(32_769)]) {
      expect(reader.unsafeGet(bucket, 'k')).toBeUndefined();
      expect(rangePairs(reader.unsafeRange(bucket, 'a', 'z'))).toEqual([]);
      expect(pairsOf(reader, bucket)).toEqual([]);
      expect(iterated(reader.unsafeIterate(bucket))).toEqual([]);
    }
    expect(rangePairs(reader.unsafeRange('b', 'a', 'k'.repeat(40_000)))).toHaveLength(1);
    expect(rangePairs(reader.unsafeRange('b', 'k'.repeat(40_000), 'z'))).toEqual([]);
    expect(iterated(reader.unsafeIterate('b', { lte: 'k'.repeat(40_000) }))).toHaveLength(1);
    backend.update((tx) => {
      expect(tx.unsafeGet('b', 'k'.repeat(32_769))).toBeUndefined();
      tx.unsafeDelete('b', 'k'.repeat(32_769));
      expectCode(() => tx.unsafeGet('b'.repeat(32_769), 'k'), 'VARVE_BUCKET_NOT_FOUND');
    });
  });
});
