/**
 * The rules that etcd's own tests of its backend package state, one test each, with their contents and numbers.
 *
 * The committed state, which etcd's tests read from the file, is told here by the hash of the committed content.
 */
import type { Backend, BytesInput, ReadTx } from 'varve';
import { describe, expect, test } from 'vitest';
import { bytes, latin1, pairsOf, putAll, rangeKeys, rangePairs } from './support/content.js';
import { crc32c } from './support/crc32c.js';
import { open, until } from './support/harness.js';
import { openRestored, takeSnapshot } from './support/snapshots.js';

/** The hash of one bucket with its pairs, written one after the other. */
function hashOf(text: string): number {
  return crc32c([bytes(text)]);
}

/** Expects both transactions to give the same for a range, and gives it. */
function rangeOnBoth(backend: Backend, bucket: BytesInput, key: BytesInput, endKey: BytesInput | null, limit: number): [string, string][] {
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

describe('the backend', () => {
  test('close resolves', async () => {
    await (await open()).close();
  });

  test('a snapshot opened as a backend has the key that was committed', async () => {
    const backend = await open();
    putAll(backend, 'test', [['foo', 'bar']]);
    await backend.forceCommit();
    const restored = await openRestored(await takeSnapshot(backend));
    expect(rangeKeys(restored.readTx().unsafeRange('test', 'foo', 'goo', 0))).toEqual(['foo']);
  });

  test('the batch interval commits', async () => {
    const backend = await open({ batchIntervalMs: 1, batchLimit: 10_000 });
    const before = backend.commits();
    putAll(backend, 'test', [['foo', 'bar']]);
    await until(() => backend.commits() >= before + 1, 'the interval commits');
    expect(await backend.hash()).toBe(hashOf('testfoobar'));
  });

  test('defrag keeps the hash, makes the size smaller, and leaves the backend writable', async () => {
    const backend = await open({ batchIntervalMs: 100, batchLimit: 10_000 });
    putAll(backend, 'test', Array.from({ length: 10_100 }, (_, index) => [`foo_${index}`, 'bar'] as const));
    await backend.forceCommit();
    backend.update((tx) => {
      for (let index = 0; index < 50; index++) tx.unsafeDelete('test', `foo_${index}`);
    });
    await backend.forceCommit();
    const size = backend.size();
    const hash = await backend.hash();
    await backend.defrag();
    expect(await backend.hash()).toBe(hash);
    expect(hash).toBe(4071519318);
    expect(backend.size()).toBeLessThan(size);
    putAll(backend, 'test', [['more', 'bar']]);
    await backend.forceCommit();
    expect(backend.readTx().unsafeGet('test', 'more')?.toString()).toBe('bar');
  });

  test('reads after writes that are not committed see the last of them, in order and within limits', async () => {
    const backend = await open();
    putAll(backend, 'key', [['abc', 'bar'], ['def', 'baz'], ['overwrite', '1']]);
    backend.update((tx) => tx.unsafePut('key', 'overwrite', '2'));
    const reader = backend.readTx();
    const cases: [string, BytesInput | null, number, [string, string][]][] = [
      ['abc', null, 0, [['abc', 'bar']]],
      ['abc', 'def', 0, [['abc', 'bar']]],
      ['abc', 'deg', 0, [['abc', 'bar'], ['def', 'baz']]],
      ['abc', bytes('\xff'), 1, [['abc', 'bar']]],
      ['abc', bytes('\xff'), 0, [['abc', 'bar'], ['def', 'baz'], ['overwrite', '2']]],
    ];
    for (const [key, endKey, limit, expected] of cases) expect(rangePairs(reader.unsafeRange('key', key, endKey, limit))).toEqual(expected);
    expect(backend.commits()).toBe(0);
  });

  test('a concurrent read transaction sees writes that are not committed', async () => {
    const backend = await open();
    putAll(backend, 'key', [['abc', 'ABC'], ['overwrite', '1']]);
    backend.update((tx) => {
      tx.unsafePut('key', 'def', 'DEF');
      tx.unsafePut('key', 'overwrite', '2');
    });
    const reader = backend.concurrentReadTx();
    expect(rangePairs(reader.unsafeRange('key', 'abc', bytes('\xff'), 0))).toEqual([['abc', 'ABC'], ['def', 'DEF'], ['overwrite', '2']]);
    reader.runlock();
  });

  test('forEach over committed and uncommitted keys gives the same before and after a commit', async () => {
    const backend = await open();
    const name = (index: number): string => String(index).padStart(4, '0');
    putAll(backend, 'key', Array.from({ length: 5 }, (_, index) => [name(index), 'bar'] as const));
    await backend.forceCommit();
    putAll(backend, 'key', Array.from({ length: 15 }, (_, index) => [name(index + 5), 'bar'] as const));
    const before = pairsOf(backend.readTx(), 'key').map(([key]) => key).join('');
    await backend.forceCommit();
    const after = backend.update((tx) => pairsOf(tx, 'key')).map(([key]) => key).join('');
    expect(before).toBe(after);
    expect(before).toBe(Array.from({ length: 20 }, (_, index) => name(index)).join(''));
  });
});

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
    const all: [string, string][] = [['foo', 'bar'], ['foo1', 'bar1'], ['foo2', 'bar2']];
    const cases: [string, string | null, number, [string, string][]][] = [
      ['foo', null, 0, all.slice(0, 1)], ['doo', null, 0, []], ['foo', 'foo1', 0, all.slice(0, 1)], ['foo', 'foo3', 0, all],
      ['goo', 'goo3', 0, []], ['foo', 'foo3', 1, all.slice(0, 1)], ['foo', 'foo3', 4, all],
    ];
    backend.update((tx) => {
      tx.unsafeCreateBucket('test');
      for (const [key, value] of all) tx.unsafePut('test', key, value);
      for (const [key, endKey, limit, expected] of cases) expect(rangePairs(tx.unsafeRange('test', key, endKey, limit))).toEqual(expected);
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
    const order = [['foo5', 'bar5'], ['foo2', 'bar2'], ['foo1', 'bar1'], ['foo3', 'bar3'], ['foo', 'bar'], ['foo4', 'bar4']] as const;
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
    expect(rangeOnBoth(backend, 'key', 'key', 'key5', 100)).toEqual([['key1', 'val1'], ['key2', 'val2']]);
    expect(rangeOnBoth(backend, 'test', 'foo', 'foo3', 1)).toEqual([['foo', 'bar']]);
  });

  test('after keys were overwritten, and then overwritten and deleted', async () => {
    const backend = await open();
    putAll(backend, 'test', [['foo', 'bar2'], ['foo', 'bar0'], ['foo1', 'bar10'], ['foo', 'bar1'], ['foo1', 'bar11']]);
    expect(rangeOnBoth(backend, 'test', 'foo', 'foo3', 1)).toEqual([['foo', 'bar1']]);
    expect(rangeOnBoth(backend, 'test', 'foo', null, 0)).toEqual([['foo', 'bar1']]);
    expect(forEachOnBoth(backend, 'test')).toEqual([['foo', 'bar1'], ['foo1', 'bar11']]);
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
    putAll(backend, 'test', [['foo', 'second'], ['foo', 'third']]);
    expect(rangeOnBoth(backend, 'test', 'foo', null, 0)).toEqual([['foo', 'third']]);
  });
});

describe('the hook, which appends a c to what it reads', () => {
  /** A backend with that hook, and how it is asked for the value. */
  async function withHook(config: { batchIntervalMs?: number; batchLimit?: number }): Promise<{ backend: Backend; value: () => string }> {
    const valueOf = (tx: ReadTx): string => latin1(tx.unsafeGet('test', 'key') ?? Buffer.alloc(0));
    const backend = await open({ ...config, onPreCommit: (tx) => tx.unsafePut('test', 'key', `${valueOf(tx)}c`) });
    putAll(backend, 'test', [['key', '>']]);
    return { backend, value: () => valueOf(backend.readTx()) };
  }

  test('runs at each commit, also at an empty one', async () => {
    const { backend, value } = await withHook({});
    await backend.forceCommit();
    await backend.forceCommit();
    expect(value()).toBe('>cc');
    await backend.forceCommit();
    expect(value()).toBe('>ccc');
  });

  test('runs at each commit that a limit of 3 starts', async () => {
    const { backend, value } = await withHook({ batchLimit: 3 });
    let calls = 1;
    for (let index = 3; index <= 9; index++) {
      backend.update((tx) => tx.unsafePut('test', 'i', String(index)));
      if (index % 3 === 0) {
        const expected = `>${'c'.repeat(calls++)}`;
        await until(() => value() === expected, `the value is ${expected}`);
      }
    }
    expect(value()).toBe('>ccc');
  });

  test('runs at each commit of an interval that has something to commit, and at no other', async () => {
    const { backend, value } = await withHook({ batchIntervalMs: 10 });
    await until(() => value() === '>c', 'the value is >c');
    const clock = await open({ batchIntervalMs: 10 });
    for (let count = 1; count <= 20; count++) {
      putAll(clock, 'b', [['k', String(count)]]);
      await until(() => clock.commits() === count, 'an interval passes');
    }
    expect(value()).toBe('>c');
    for (const expected of ['>cc', '>ccc']) {
      backend.update((tx) => tx.unsafePut('test', 'i', expected));
      await until(() => value() === expected, `the value is ${expected}`);
    }
  });
});
