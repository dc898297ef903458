/**
 * When a commit starts by itself: after an interval, or when so many operations are pending.
 */
import { describe, expect, test } from 'vitest';
import { numbered, pairsOf, putAll } from './support/content.js';
import { open, until } from './support/harness.js';

describe('batchIntervalMs', () => {
  test('an unlocked write is committed within it, without being asked', async () => {
    const backend = await open({ batchIntervalMs: 10 });
    putAll(backend, 'b', [['k', 'v']]);
    await until(() => backend.commits() === 1, 'the interval commits');
    expect(await backend.hash()).not.toBe(0);
  });

  test('0 commits at every unlock', async () => {
    const backend = await open({ batchIntervalMs: 0 });
    for (let count = 1; count <= 3; count++) {
      putAll(backend, 'b', [[`k${count}`, 'v']]);
      await until(() => backend.commits() === count, `unlock ${count} commits`);
    }
  });
});

describe('batchLimit', () => {
  test('the unlock that reaches it starts a commit, and none before it does', async () => {
    const backend = await open({ batchLimit: 4 });
    putAll(backend, 'b', [['k1', 'v']]);
    backend.update((tx) => tx.unsafePut('b', 'k2', 'v'));
    backend.update((tx) => tx.unsafePut('b', 'k3', 'v'));
    await until(() => backend.commits() > 0, 'the fourth operation commits');
    // Had a commit begun early, the last operation would not be in the committed content.
    const other = await open();
    putAll(other, 'b', [
      ['k1', 'v'],
      ['k2', 'v'],
      ['k3', 'v'],
    ]);
    await other.forceCommit();
    expect(await backend.hash()).toBe(await other.hash());
    expect(backend.commits()).toBe(1);
  });

  test('0 commits at every unlock', async () => {
    const backend = await open({ batchLimit: 0 });
    for (let count = 1; count <= 3; count++) {
      putAll(backend, 'b', [[`k${count}`, 'v']]);
      await until(() => backend.commits() === count, `unlock ${count} commits`);
    }
  });

  test('operations that change nothing count as well', async () => {
    const backend = await open({ batchLimit: 4 });
    backend.update((tx) => tx.unsafeCreateBucket('b'));
    backend.update((tx) => tx.unsafeCreateBucket('b'));
    backend.update((tx) => tx.unsafeDelete('b', 'missing'));
    expect(backend.commits()).toBe(0);
    backend.update((tx) => tx.unsafeDelete('b', 'missing'));
    await until(() => backend.commits() === 1, 'four operations commit');
  });

  test('deleting a bucket and putting in order count as well', async () => {
    const backend = await open({ batchLimit: 3 });
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      tx.unsafeSeqPut('b', 'k', 'v');
      tx.unsafeDeleteBucket('b');
    });
    await until(() => backend.commits() === 1, 'three operations commit');
  });

  test('a section may exceed it, and commits once as a whole', async () => {
    const backend = await open({ batchLimit: 3 });
    putAll(backend, 'b', numbered(100));
    await until(() => backend.commits() === 1, 'the section commits');
    expect(pairsOf(backend.readTx(), 'b')).toHaveLength(100);
    expect(backend.commits()).toBe(1);
  });

  test('an explicit commit begins the count anew', async () => {
    const backend = await open({ batchLimit: 4 });
    putAll(backend, 'b', [
      ['k1', 'v'],
      ['k2', 'v'],
    ]);
    await backend.forceCommit();
    for (const key of ['k3', 'k4', 'k5', 'k6']) backend.update((tx) => tx.unsafePut('b', key, 'v'));
    await until(() => backend.commits() > 1, 'four more operations commit');
    const other = await open();
    putAll(
      other,
      'b',
      ['k1', 'k2', 'k3', 'k4', 'k5', 'k6'].map((key) => [key, 'v'] as const),
    );
    await other.forceCommit();
    expect(await backend.hash()).toBe(await other.hash());
  });

  test('what onPreCommit writes does not count', async () => {
    let calls = 0;
    const backend = await open({
      batchLimit: 3,
      onPreCommit: (tx) => {
        calls++;
        for (let index = 0; index < 10; index++) tx.unsafePut('b', `hook${index}`, String(calls));
      },
    });
    putAll(backend, 'b', [
      ['k1', 'v'],
      ['k2', 'v'],
    ]);
    await until(() => backend.commits() === 1, 'three operations commit');
    backend.update((tx) => tx.unsafePut('b', 'k3', 'v'));
    backend.update((tx) => tx.unsafePut('b', 'k4', 'v'));
    expect(calls).toBe(1);
    backend.update((tx) => tx.unsafePut('b', 'k5', 'v'));
    await until(() => backend.commits() === 2, 'three more operations commit');
    expect(calls).toBe(2);
  });
});
