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
    putAll(
      backend,
      'test',
      Array.from({ length: 10_100 }, (_, index) => [`foo_${index}`, 'bar'] as const),
    );
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
    putAll(backend, 'key', [
      ['abc', 'bar'],
      ['def', 'baz'],
      ['overwrite', '1'],
    ]);
    backend.update((tx) => tx.unsafePut('key', 'overwrite', '2'));
    const reader = backend.readTx();
    const cases: [string, BytesInput | null, number, [string, string][]][] = [
      ['abc', null, 0, [['abc', 'bar']]],
      ['abc', 'def', 0, [['abc', 'bar']]],
      [
        'abc',
        'deg',
        0,
        [
          ['abc', 'bar'],
          ['def', 'baz'],
        ],
      ],
      ['abc', bytes('\xff'), 1, [['abc', 'bar']]],
      [
        'abc',
        bytes('\xff'),
        0,
        [
          ['abc', 'bar'],
          ['def', 'baz'],
          ['overwrite', '2'],
        ],
      ],
    ];
    for (const [key, endKey, limit, expected] of cases)
      expect(rangePairs(reader.unsafeRange('key', key, endKey, limit))).toEqual(expected);
    expect(backend.commits()).toBe(0);
  });

  test('a concurrent read transaction sees writes that are not committed', async () => {
    const backend = await open();
    putAll(backend, 'key', [
      ['abc', 'ABC'],
      ['overwrite', '1'],
    ]);
    backend.update((tx) => {
      tx.unsafePut('key', 'def', 'DEF');
      tx.unsafePut('key', 'overwrite', '2');
    });
    const reader = backend.concurrentReadTx();
    expect(rangePairs(reader.unsafeRange('key', 'abc', bytes('\xff'), 0))).toEqual([
      ['abc', 'ABC'],
      ['def', 'DEF'],
      ['overwrite', '2'],
    ]);
    reader.runlock();
  });

  test('forEach over committed and uncommitted keys gives the same before and after a commit', async () => {
    const backend = await open();
    const name = (index: number): string => String(index).padStart(4, '0');
    putAll(
      backend,
      'key',
      Array.from({ length: 5 }, (_, index) => [name(index), 'bar'] as const),
    );
    await backend.forceCommit();
    putAll(
      backend,
      'key',
      Array.from({ length: 15 }, (_, index) => [name(index + 5), 'bar'] as const),
    );
    const before = pairsOf(backend.readTx(), 'key')
      .map(([key]) => key)
      .join('');
    await backend.forceCommit();
    const after = backend
      .update((tx) => pairsOf(tx, 'key'))
      .map(([key]) => key)
      .join('');
    expect(before).toBe(after);
    expect(before).toBe(Array.from({ length: 20 }, (_, index) => name(index)).join(''));
  });
});

describe('the hook, which appends a c to what it reads', () => {
  /** A backend with that hook, and how it is asked for the value. */
  async function withHook(config: {
    batchIntervalMs?: number;
    batchLimit?: number;
  }): Promise<{ backend: Backend; value: () => string }> {
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
