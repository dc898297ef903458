/**
 * The rules that etcd's own tests of its batch transaction state, one test each, with their contents and numbers.
 *
 * The committed state, which etcd's tests read from the file, is told here by the hash of the committed content.
 */
import type { Backend, BytesInput } from 'varve';
import { describe, expect, test } from 'vitest';
import { bytes, pairsOf, putAll, rangePairs } from './support/content.js';
import { crc32c } from './support/crc32c.js';
import { open, until } from './support/harness.js';

/** The hash of one bucket with its pairs, written one after the other. */
function hashOf(text: string): number {
  return crc32c([bytes(text)]);
}

/** Expects both transactions to give the same for a range, and gives it. */
function rangeOnBoth(
  backend: Backend,
  bucket: BytesInput,
  key: BytesInput,
  endKey: BytesInput | null,
  limit: number,
): [string, string][] {
  const tx = backend.batchTx();
  tx.lock();
  const written = rangePairs(tx.unsafeRange(bucket, key, endKey, limit));
  tx.unlock();
  const reader = backend.readTx();
  reader.rlock();
  const read = rangePairs(reader.unsafeRange(bucket, key, endKey, limit));
  reader.runlock();
  expect(read).toEqual(written);
  return read;
}

/** Expects both transactions to visit the same pairs, and gives them. */
function forEachOnBoth(backend: Backend, bucket: BytesInput): [string, string][] {
  const written = backend.update((tx) => pairsOf(tx, bucket));
  expect(pairsOf(backend.readTx(), bucket)).toEqual(written);
  return written;
}

describe('the batch transaction', () => {
  test('reads what it put, before and after a commit', async () => {
    const backend = await open();
    putAll(backend, 'test', [['foo', 'bar']]);
    for (let round = 0; round < 2; round++) {
      expect(backend.update((tx) => rangePairs(tx.unsafeRange('test', 'foo', null, 0)))).toEqual([['foo', 'bar']]);
      await backend.forceCommit();
    }
  });

  test('ranges over what is not committed', async () => {
    const backend = await open();
    const all: [string, string][] = [
      ['foo', 'bar'],
      ['foo1', 'bar1'],
      ['foo2', 'bar2'],
    ];
    const cases: [string, string | null, number, [string, string][]][] = [
      ['foo', null, 0, all.slice(0, 1)],
      ['doo', null, 0, []],
      ['foo', 'foo1', 0, all.slice(0, 1)],
      ['foo', 'foo3', 0, all],
      ['goo', 'goo3', 0, []],
      ['foo', 'foo3', 1, all.slice(0, 1)],
      ['foo', 'foo3', 4, all],
    ];
    backend.update((tx) => {
      tx.unsafeCreateBucket('test');
      for (const [key, value] of all) tx.unsafePut('test', key, value);
      for (const [key, endKey, limit, expected] of cases)
        expect(rangePairs(tx.unsafeRange('test', key, endKey, limit))).toEqual(expected);
    });
  });

  test('does not find what it deleted, before and after a commit', async () => {
    const backend = await open();
    backend.update((tx) => {
      tx.unsafeCreateBucket('test');
      tx.unsafePut('test', 'foo', 'bar');
      tx.unsafeDelete('test', 'foo');
    });
    for (let round = 0; round < 2; round++) {
      expect(backend.update((tx) => rangePairs(tx.unsafeRange('test', 'foo', null, 0)))).toEqual([]);
      await backend.forceCommit();
    }
  });

  test('commit commits', async () => {
    const backend = await open();
    putAll(backend, 'test', [['foo', 'bar']]);
    await backend.batchTx().commit();
    expect(await backend.hash()).toBe(hashOf('testfoobar'));
  });

  test('a batch limit of 1 commits at unlock', async () => {
    const backend = await open({ batchLimit: 1 });
    putAll(backend, 'test', [['foo', 'bar']]);
    await until(() => backend.commits() === 1, 'the limit commits');
    expect(await backend.hash()).toBe(hashOf('testfoobar'));
  });
});

describe('both transactions agree', () => {
  test('after a bucket was deleted', async () => {
    const backend = await open();
    putAll(backend, 'test', [['foo', 'bar']]);
    await backend.forceCommit();
    expect(forEachOnBoth(backend, 'test')).toEqual([['foo', 'bar']]);
    backend.update((tx) => tx.unsafeDeleteBucket('test'));
    expect(forEachOnBoth(backend, 'test')).toEqual([]);
  });

  test('after a key was deleted', async () => {
    const backend = await open();
    putAll(backend, 'test', [['foo', 'bar']]);
    await backend.forceCommit();
    expect(rangeOnBoth(backend, 'test', 'foo', null, 0)).toEqual([['foo', 'bar']]);
    backend.update((tx) => tx.unsafeDelete('test', 'foo'));
    expect(rangeOnBoth(backend, 'test', 'foo', null, 0)).toEqual([]);
    expect(forEachOnBoth(backend, 'test')).toEqual([]);
  });

  test('after keys were put in no order', async () => {
    const backend = await open();
    const order = [
      ['foo5', 'bar5'],
      ['foo2', 'bar2'],
      ['foo1', 'bar1'],
      ['foo3', 'bar3'],
      ['foo', 'bar'],
      ['foo4', 'bar4'],
    ] as const;
    putAll(backend, 'test', order);
    expect(rangeOnBoth(backend, 'test', 'foo', null, 1)).toEqual([['foo', 'bar']]);
    expect(forEachOnBoth(backend, 'test').map(([key]) => key)).toEqual(['foo', 'foo1', 'foo2', 'foo3', 'foo4', 'foo5']);
  });

  test('after buckets were written in turns', async () => {
    const backend = await open();
    backend.update((tx) => {
      tx.unsafeCreateBucket('key');
      tx.unsafeCreateBucket('test');
      tx.unsafeSeqPut('key', 'key1', 'val1');
    });
    backend.update((tx) => tx.unsafeSeqPut('key', 'key2', 'val2'));
    await backend.forceCommit();
    await backend.forceCommit();
    backend.update((tx) => tx.unsafePut('test', 'foo', 'bar'));
    expect(rangeOnBoth(backend, 'key', 'key', 'key5', 100)).toEqual([
      ['key1', 'val1'],
      ['key2', 'val2'],
    ]);
    expect(rangeOnBoth(backend, 'test', 'foo', 'foo3', 1)).toEqual([['foo', 'bar']]);
  });

  test('after keys were overwritten, and then overwritten and deleted', async () => {
    const backend = await open();
    putAll(backend, 'test', [
      ['foo', 'bar2'],
      ['foo', 'bar0'],
      ['foo1', 'bar10'],
      ['foo', 'bar1'],
      ['foo1', 'bar11'],
    ]);
    expect(rangeOnBoth(backend, 'test', 'foo', 'foo3', 1)).toEqual([['foo', 'bar1']]);
    expect(rangeOnBoth(backend, 'test', 'foo', null, 0)).toEqual([['foo', 'bar1']]);
    expect(forEachOnBoth(backend, 'test')).toEqual([
      ['foo', 'bar1'],
      ['foo1', 'bar11'],
    ]);
    backend.update((tx) => {
      tx.unsafePut('test', 'foo', 'bar3');
      tx.unsafeDelete('test', 'foo1');
    });
    expect(rangeOnBoth(backend, 'test', 'foo', null, 0)).toEqual([['foo', 'bar3']]);
    expect(rangeOnBoth(backend, 'test', 'foo1', null, 0)).toEqual([]);
    expect(forEachOnBoth(backend, 'test')).toEqual([['foo', 'bar3']]);
  });

  test('after a key was written twice in a section, in a bucket that the batch before it used', async () => {
    const backend = await open();
    putAll(backend, 'test', [['foo', 'first']]);
    await backend.forceCommit();
    putAll(backend, 'test', [
      ['foo', 'second'],
      ['foo', 'third'],
    ]);
    expect(rangeOnBoth(backend, 'test', 'foo', null, 0)).toEqual([['foo', 'third']]);
  });
});
