/**
 * size, sizeInUse and openReadTxN: what is on disk, what would be, and who is reading.
 */
import { describe, expect, test } from 'vitest';
import type { Backend } from 'varve';
import { deleteAll, numbered, putAll } from './support/content.js';
import { bytesOnDisk } from './support/disk.js';
import { freshPath, open, turns, until } from './support/harness.js';

/** Waits until nothing is flushed or compacted any more. */
async function atRest(backend: Backend): Promise<void> {
  await backend.forceCommit();
  let quiet = 0;
  let before = '';
  await until(async () => {
    await turns(5);
    const { flushes, compactions, flushBytesWritten, compactionBytesWritten } = backend.stats();
    const now = JSON.stringify([flushes, compactions, flushBytesWritten, compactionBytesWritten, backend.size()]);
    quiet = now === before ? quiet + 1 : 0;
    before = now;
    return quiet >= 50;
  }, 'the background work ends');
}

describe('size', () => {
  test('is the sum of the sizes of the files in the directory, logs included', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384 });
    expect(backend.size()).toBe(bytesOnDisk(path));
    for (let round = 0; round < 5; round++) {
      putAll(backend, 'b', numbered(500, 100, `round${round}`));
      await backend.forceCommit();
      await until(() => backend.size() === bytesOnDisk(path), 'size() is what is on disk');
    }
    await backend.defrag();
    await until(() => backend.size() === bytesOnDisk(path), 'size() is what is on disk');
    expect(backend.size()).toBeGreaterThan(100_000);
  });

  test('is right from the beginning after a reopening', async () => {
    const path = freshPath();
    const backend = await open({ path });
    putAll(backend, 'b', numbered(500, 100));
    await backend.close();
    const again = await open({ path });
    await until(() => again.size() === bytesOnDisk(path), 'size() is what is on disk');
  });

  test('counts a log that grows', async () => {
    const path = freshPath();
    const backend = await open({ path, compression: 'none' });
    const before = backend.size();
    putAll(backend, 'b', numbered(100, 1000));
    await backend.forceCommit();
    expect(backend.size()).toBeGreaterThanOrEqual(before + 100_000);
  });
});

describe('sizeInUse', () => {
  test.each([
    ['nothing but new keys', 0, 0],
    ['most of it overwritten', 4, 0],
    ['most of it deleted', 0, 0.9],
    ['overwritten and deleted', 3, 0.5],
  ] as const)(
    'at rest is within a factor of 2 of size() after defrag, and never more than size(): %s',
    async (_what, overwrites, deleted) => {
      const backend = await open({ memtableBytes: 65_536, compression: 'none' });
      const pairs = numbered(5_000, 200);
      putAll(backend, 'b', pairs);
      for (let round = 0; round < overwrites; round++) {
        putAll(
          backend,
          'b',
          pairs.map(([key, value]) => [key, `${round}${value.slice(1)}`] as const),
        );
        expect(backend.sizeInUse()).toBeLessThanOrEqual(backend.size());
      }
      deleteAll(
        backend,
        'b',
        pairs.filter((_, index) => index % 10 < deleted * 10).map(([key]) => key),
      );
      await atRest(backend);
      const estimate = backend.sizeInUse();
      expect(estimate).toBeLessThanOrEqual(backend.size());
      await backend.defrag();
      expect(backend.sizeInUse()).toBeLessThanOrEqual(backend.size());
      expect(estimate).toBeGreaterThanOrEqual(backend.size() / 2);
      expect(estimate).toBeLessThanOrEqual(backend.size() * 2);
    },
  );

  test('falls when a bucket is deleted', async () => {
    const backend = await open({ memtableBytes: 65_536, compression: 'none' });
    putAll(backend, 'large', numbered(4_500, 200));
    putAll(backend, 'small', numbered(500, 200));
    await backend.defrag();
    backend.update((tx) => tx.unsafeDeleteBucket('large'));
    await atRest(backend);
    const estimate = backend.sizeInUse();
    await backend.defrag();
    expect(estimate).toBeLessThanOrEqual(backend.size() * 2);
    expect(estimate).toBeGreaterThanOrEqual(backend.size() / 2);
  });

  test('is not above size() in an empty backend either', async () => {
    const backend = await open();
    expect(backend.sizeInUse()).toBeGreaterThanOrEqual(0);
    expect(backend.sizeInUse()).toBeLessThanOrEqual(backend.size());
  });
});

describe('openReadTxN', () => {
  test('counts concurrent read transactions, snapshots, and one for the shared transaction, however deep', async () => {
    const backend = await open();
    expect(backend.openReadTxN()).toBe(0);
    const one = backend.concurrentReadTx();
    const two = backend.concurrentReadTx();
    expect(backend.openReadTxN()).toBe(2);
    const snapshot = await backend.snapshot();
    expect(backend.openReadTxN()).toBe(3);
    backend.readTx().rlock();
    backend.readTx().rlock();
    backend.readTx().lock();
    expect(backend.openReadTxN()).toBe(4);
    backend.readTx().runlock();
    backend.readTx().runlock();
    expect(backend.openReadTxN()).toBe(4);
    backend.readTx().runlock();
    expect(backend.openReadTxN()).toBe(3);
    one.runlock();
    one.runlock();
    two[Symbol.dispose]();
    expect(backend.openReadTxN()).toBe(1);
    await snapshot.close();
    await snapshot.close();
    expect(backend.openReadTxN()).toBe(0);
  });

  test('counts neither the write transaction nor views that have ended', async () => {
    const backend = await open();
    backend.view(() => {});
    backend.batchTx().lock();
    expect(backend.openReadTxN()).toBe(0);
    backend.batchTx().unlock();
  });
});
