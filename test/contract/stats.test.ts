/**
 * stats: at least the members of the contract, and what they count.
 */
import { describe, expect, test } from 'vitest';
import { numbered, pairsOf, putAll } from './support/content.js';
import { freshPath, open, until } from './support/harness.js';

test('has every member of the contract, each a number that is not negative', async () => {
  const backend = await open();
  const stats = backend.stats();
  const numbers = [
    stats.memtableBytes,
    stats.userBytesWritten,
    stats.walBytesWritten,
    stats.flushBytesWritten,
    stats.compactionBytesWritten,
    stats.cache.bytes,
    stats.cache.hits,
    stats.cache.misses,
    stats.stalls.count,
    stats.stalls.totalMs,
    stats.flushes,
    stats.compactions,
    stats.commits,
    ...stats.levels.flatMap(({ files, bytes }) => [files, bytes]),
  ];
  for (const number of numbers) expect(number).toBeGreaterThanOrEqual(0);
  expect(Array.isArray(stats.levels)).toBe(true);
});

describe('userBytesWritten', () => {
  test('counts keys and values of puts, at unlock, and nothing of sections that were rolled back', async () => {
    const backend = await open();
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafeCreateBucket('bucket');
    tx.unsafePut('bucket', 'key', 'value');
    tx.unsafeSeqPut('bucket', 'kez', 'v');
    tx.unsafePut('bucket', 'key', 'é');
    tx.unsafeDelete('bucket', 'kez');
    expect(backend.stats().userBytesWritten).toBe(0);
    tx.unlock();
    expect(backend.stats().userBytesWritten).toBe(8 + 4 + 5);
    tx.lock();
    tx.unsafePut('bucket', 'other', 'value');
    tx.rollback();
    expect(backend.stats().userBytesWritten).toBe(17);
  });
});

describe('what is written to disk', () => {
  test('the log takes at least the bytes of the puts, and no less is counted before the next open', async () => {
    const path = freshPath();
    const backend = await open({ path });
    putAll(backend, 'b', numbered(100, 1000));
    await backend.forceCommit();
    const { walBytesWritten } = backend.stats();
    expect(walBytesWritten).toBeGreaterThanOrEqual(100_000);
    await backend.close();
    expect((await open({ path })).stats().walBytesWritten).toBeLessThan(100_000);
  });

  test('flushes are counted with their bytes, levels show the files, and both come to rest within size()', async () => {
    const backend = await open({ memtableBytes: 16_384, compression: 'none' });
    putAll(backend, 'b', numbered(2000, 100));
    await backend.defrag();
    const stats = backend.stats();
    expect(stats.flushes).toBeGreaterThan(0);
    expect(stats.flushBytesWritten).toBeGreaterThanOrEqual(200_000);
    const [files, bytes] = [
      stats.levels.reduce((sum, level) => sum + level.files, 0),
      stats.levels.reduce((sum, level) => sum + level.bytes, 0),
    ];
    expect(files).toBeGreaterThan(0);
    expect(bytes).toBeGreaterThanOrEqual(200_000);
    expect(bytes).toBeLessThanOrEqual(backend.size());
  });

  test('compactions are counted with their bytes', async () => {
    const backend = await open({ memtableBytes: 16_384, compression: 'none' });
    for (let round = 0; round < 3; round++) putAll(backend, 'b', numbered(1000, 100 + round));
    await backend.defrag();
    expect(backend.stats().compactions).toBeGreaterThan(0);
    expect(backend.stats().compactionBytesWritten).toBeGreaterThanOrEqual(100_000);
  });
});

test('memtableBytes grows with puts and falls with a flush', async () => {
  const backend = await open();
  const before = backend.stats().memtableBytes;
  putAll(backend, 'b', numbered(100, 1000));
  const filled = backend.stats().memtableBytes;
  expect(filled).toBeGreaterThanOrEqual(before + 100_000);
  await backend.defrag();
  await until(() => backend.stats().memtableBytes < filled, 'the memtable is flushed');
});

test('commits is commits()', async () => {
  const backend = await open();
  for (let count = 0; count < 3; count++) {
    putAll(backend, 'b', [['k', `${count}`]]);
    await backend.forceCommit();
    await backend.forceCommit();
  }
  expect(backend.stats().commits).toBe(3);
  expect(backend.commits()).toBe(3);
});

describe('cache', () => {
  test('reads of tables are hits or misses, and its bytes keep to the budget', async () => {
    const backend = await open({ cacheBytes: 200_000, compression: 'none' });
    const pairs = numbered(10_000, 100);
    putAll(backend, 'b', pairs);
    await backend.defrag();
    const before = backend.stats().cache;
    for (let round = 0; round < 2; round++) for (const [key] of pairs.slice(0, 50)) backend.readTx().unsafeGet('b', key);
    const after = backend.stats().cache;
    expect(after.hits).toBeGreaterThan(before.hits);
    expect(after.hits + after.misses).toBeGreaterThan(before.hits + before.misses);
    expect(pairsOf(backend.readTx(), 'b')).toHaveLength(10_000);
    expect(backend.stats().cache.bytes).toBeLessThanOrEqual(200_000);
  });
});

test("what was given is the caller's: changing it changes nothing", async () => {
  const backend = await open();
  const given = backend.stats();
  given.commits = 99;
  given.cache.hits = 99;
  given.levels.length = 0;
  expect(backend.stats().commits).toBe(0);
  expect(backend.stats().cache.hits).not.toBe(99);
});
