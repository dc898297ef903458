/**
 * Buckets: names, order, creation and deletion.
 */
import { describe, expect, test } from 'vitest';
import { bytes, everything, latin1, numbered, pairsOf, putAll, unlockedContent } from './support/content.js';
import { expectCode, freshPath, open } from './support/harness.js';

describe('names', () => {
  test('are listed in the order of their unsigned bytes', async () => {
    const path = freshPath();
    const names = ['\0', '\0\0', 'a', 'a\0', 'aa', 'a\xff', 'b', '\x7f', '\x80', '\xff', '\xff\xff', '__proto__', 'constructor'];
    const backend = await open({ path });
    backend.update((tx) => {
      for (const name of [...names].reverse()) tx.unsafeCreateBucket(bytes(name));
      expect(tx.unsafeBuckets().map(latin1)).toEqual([...names].sort());
    });
    for (const name of names) putAll(backend, bytes(name), [['k', bytes(name)]]);
    const expected = [...names].sort().map((name) => [name, [['k', name]]]);
    expect(unlockedContent(backend)).toEqual(expected);
    expect(backend.readTx().unsafeBuckets().map(latin1)).toEqual([...names].sort());
    expect(backend.concurrentReadTx().unsafeBuckets().map(latin1)).toEqual([...names].sort());
    await backend.close();
    expect(unlockedContent(await open({ path }))).toEqual(expected);
  });

  test('of 1 and of 32768 bytes work; an empty one is VARVE_INVALID_ARGUMENT, a longer one VARVE_LIMIT', async () => {
    const path = freshPath();
    const longest = 'n'.repeat(32_768);
    const backend = await open({ path });
    backend.update((tx) => {
      tx.unsafeCreateBucket('n');
      tx.unsafeCreateBucket(longest);
      tx.unsafePut(longest, 'k'.repeat(32_768), 'v');
      expectCode(() => tx.unsafeCreateBucket(''), 'VARVE_INVALID_ARGUMENT');
      expectCode(() => tx.unsafeCreateBucket(new Uint8Array(0)), 'VARVE_INVALID_ARGUMENT');
      expectCode(() => tx.unsafeCreateBucket(`${longest}n`), 'VARVE_LIMIT');
    });
    await backend.close();
    expect(unlockedContent(await open({ path }))).toEqual([
      ['n', []],
      [longest, [['k'.repeat(32_768), 'v']]],
    ]);
  });

  test('differ by their bytes alone', async () => {
    const backend = await open();
    putAll(backend, 'a', [['k', 'a']]);
    putAll(backend, 'a\0', [['k', 'a and zero']]);
    expect(backend.readTx().unsafeGet(Buffer.from('a'), 'k')?.toString()).toBe('a');
    expect(backend.readTx().unsafeGet(Buffer.from('a\0'), 'k')?.toString()).toBe('a and zero');
  });
});

describe('creating', () => {
  test('a bucket that exists is no error and changes nothing', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      tx.unsafeCreateBucket('b');
    });
    expect(unlockedContent(backend)).toEqual([['b', [['k', 'v']]]]);
  });

  test('an empty bucket is one, through commit, defrag and reopening', async () => {
    const path = freshPath();
    const backend = await open({ path });
    putAll(backend, 'empty', []);
    await backend.defrag();
    await backend.close();
    expect(unlockedContent(await open({ path }))).toEqual([['empty', []]]);
  });

  test('a thousand buckets keep their contents apart', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384 });
    const names = numbered(1000, 0, 'bucket').map(([name]) => name);
    for (const name of names)
      putAll(backend, name, [
        ['k', name],
        ['l', `${name} too`],
      ]);
    const expected = names.map((name) => [
      name,
      [
        ['k', name],
        ['l', `${name} too`],
      ],
    ]);
    expect(unlockedContent(backend)).toEqual(expected);
    await backend.close();
    expect(unlockedContent(await open({ path }))).toEqual(expected);
  });
});

describe('deleting', () => {
  test('takes the bucket and all its keys, at once for the writer and at unlock for readers', async () => {
    const backend = await open();
    putAll(backend, 'a', [['k', 'a']]);
    putAll(backend, 'b', numbered(100));
    await backend.forceCommit();
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafeDeleteBucket('b');
    expect(tx.unsafeBuckets().map(latin1)).toEqual(['a']);
    expect(pairsOf(tx, 'b')).toEqual([]);
    expectCode(() => tx.unsafeGet('b', 'key00001'), 'VARVE_BUCKET_NOT_FOUND');
    expectCode(() => tx.unsafePut('b', 'k', 'v'), 'VARVE_BUCKET_NOT_FOUND');
    expect(pairsOf(backend.readTx(), 'b')).toHaveLength(100);
    tx.unlock();
    expect(unlockedContent(backend)).toEqual([['a', [['k', 'a']]]]);
    expect(backend.readTx().unsafeGet('b', 'key00001')).toBeUndefined();
  });

  test('a missing one throws VARVE_BUCKET_NOT_FOUND', async () => {
    const backend = await open();
    backend.update((tx) => {
      expectCode(() => tx.unsafeDeleteBucket('missing'), 'VARVE_BUCKET_NOT_FOUND');
      expectCode(() => tx.unsafeDeleteBucket(''), 'VARVE_BUCKET_NOT_FOUND');
      expectCode(() => tx.unsafeDeleteBucket('n'.repeat(32_769)), 'VARVE_BUCKET_NOT_FOUND');
      tx.unsafeCreateBucket('b');
      tx.unsafeDeleteBucket('b');
      expectCode(() => tx.unsafeDeleteBucket('b'), 'VARVE_BUCKET_NOT_FOUND');
    });
  });

  test('and creating again gives an empty bucket, which stays so through commit, compaction and reopening', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384 });
    putAll(backend, 'b', numbered(1000, 50));
    await backend.defrag();
    backend.update((tx) => {
      tx.unsafeDeleteBucket('b');
      tx.unsafeCreateBucket('b');
      tx.unsafePut('b', 'key00500', 'new');
    });
    expect(unlockedContent(backend)).toEqual([['b', [['key00500', 'new']]]]);
    await backend.forceCommit();
    await backend.defrag();
    expect(unlockedContent(backend)).toEqual([['b', [['key00500', 'new']]]]);
    await backend.close();
    expect(unlockedContent(await open({ path }))).toEqual([['b', [['key00500', 'new']]]]);
  });

  test('many times over, in one section and in many, leaves only the last', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    for (let round = 0; round < 30; round++) {
      backend.update((tx) => {
        for (let inner = 0; inner < 3; inner++) {
          if (round + inner > 0) tx.unsafeDeleteBucket('b');
          tx.unsafeCreateBucket('b');
          tx.unsafePut('b', `key of ${round}.${inner}`, 'v'.repeat(500));
        }
      });
      if (round % 7 === 0) await backend.forceCommit();
    }
    const expected = [['b', [['key of 29.2', 'v'.repeat(500)]]]];
    expect(unlockedContent(backend)).toEqual(expected);
    await backend.defrag();
    expect(unlockedContent(backend)).toEqual(expected);
  });

  test('does not touch a view that was open before', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(10));
    const reader = backend.concurrentReadTx();
    backend.update((tx) => {
      tx.unsafeDeleteBucket('b');
      tx.unsafeCreateBucket('b');
      tx.unsafePut('b', 'key00001', 'new');
    });
    await backend.defrag();
    expect(everything(reader)).toEqual([['b', numbered(10)]]);
    expect(unlockedContent(backend)).toEqual([['b', [['key00001', 'new']]]]);
  });
});

test('a missing bucket: the writer is refused in range, get, put, seqPut and delete; nothing else is', async () => {
  const backend = await open();
  backend.update((tx) => {
    expectCode(() => tx.unsafeRange('missing', 'k'), 'VARVE_BUCKET_NOT_FOUND');
    expectCode(() => tx.unsafeGet('missing', 'k'), 'VARVE_BUCKET_NOT_FOUND');
    expectCode(() => tx.unsafePut('missing', 'k', 'v'), 'VARVE_BUCKET_NOT_FOUND');
    expectCode(() => tx.unsafeSeqPut('missing', 'k', 'v'), 'VARVE_BUCKET_NOT_FOUND');
    expectCode(() => tx.unsafeDelete('missing', 'k'), 'VARVE_BUCKET_NOT_FOUND');
    tx.unsafeForEach('missing', () => expect.fail('nothing to visit'));
    expect([...tx.unsafeIterate('missing')]).toEqual([]);
    expect(tx.unsafeBuckets()).toEqual([]);
  });
  expect(backend.readTx().unsafeGet('missing', 'k')).toBeUndefined();
});
