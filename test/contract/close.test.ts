/**
 * close: what it commits, what it ends, what is left of the calls afterwards, and what keeps the process alive.
 */
import { describe, expect, test } from 'vitest';
import { openBackend } from 'varve';
import { byTier } from '../support/tier.js';
import { run } from './support/child.js';
import { numbered, pairsOf, putAll, unlockedContent } from './support/content.js';
import { openDescriptors } from './support/disk.js';
import { expectCode, expectRejection, freshPath, open } from './support/harness.js';
import { Collector } from './support/snapshots.js';

describe('close', () => {
  test('commits what is unlocked', async () => {
    const path = freshPath();
    const backend = await open({ path });
    putAll(backend, 'b', numbered(100));
    await backend.close();
    expect(unlockedContent(await open({ path }))).toEqual([['b', numbered(100)]]);
  });

  test('rolls an open section back', async () => {
    const path = freshPath();
    const backend = await open({ path });
    putAll(backend, 'b', [['k', 'v']]);
    backend.batchTx().lock();
    backend.batchTx().unsafePut('b', 'k', 'open');
    await backend.close();
    expect(unlockedContent(await open({ path }))).toEqual([['b', [['k', 'v']]]]);
  });

  test('is idempotent, and so is disposal', async () => {
    const backend = await open();
    await Promise.all([backend.close(), backend.close()]);
    await backend.close();
    await backend[Symbol.asyncDispose]();
  });

  test('is what disposal does', async () => {
    const path = freshPath();
    const backend = await open({ path });
    putAll(backend, 'b', [['k', 'v']]);
    await backend[Symbol.asyncDispose]();
    expectCode(() => backend.readTx(), 'VARVE_CLOSED');
    expect(unlockedContent(await open({ path }))).toEqual([['b', [['k', 'v']]]]);
  });

  test('releases the directory: it can be opened again at once, many times', async () => {
    const path = freshPath();
    const rounds = byTier(10, 30);
    for (let round = 0; round < rounds; round++) {
      const backend = await openBackend({ path });
      putAll(backend, 'b', [[`k${round}`, 'v']]);
      await backend.close();
    }
    expect(pairsOf((await open({ path })).readTx(), 'b')).toHaveLength(rounds);
  });

  test('rejects the acquire calls that wait with VARVE_CLOSED', async () => {
    const backend = await open();
    backend.batchTx().lock();
    const waiting = [1, 2, 3].map(() => expectRejection(() => backend.batchTx().acquire(), 'VARVE_CLOSED'));
    await backend.close();
    await Promise.all(waiting);
  });

  test('waits neither for views nor for snapshots: they end', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    const reader = backend.concurrentReadTx();
    backend.readTx().rlock();
    const snapshot = await backend.snapshot();
    const iterator = reader.unsafeIterate('b');
    await backend.close();
    expectCode(() => reader.unsafeGet('b', 'k'), 'VARVE_CLOSED');
    expectCode(() => iterator.next(), 'VARVE_CLOSED');
    expectCode(() => snapshot.size(), 'VARVE_CLOSED');
    await expectRejection(() => snapshot.writeTo(new Collector()), 'VARVE_CLOSED');
  });

  test('commits asked for before it resolve', async () => {
    const path = freshPath();
    const backend = await open({ path });
    putAll(backend, 'b', [['k', 'v']]);
    const commits = [backend.forceCommit(), backend.batchTx().commit()];
    await backend.close();
    await Promise.all(commits);
  });

  test('leaves no file descriptor, and neither does an open that failed', async () => {
    const path = freshPath();
    const warm = await openBackend({ path: freshPath() });
    putAll(warm, 'b', numbered(10));
    await warm.defrag();
    await warm.close();
    const before = openDescriptors();
    for (let round = 0; round < byTier(2, 5); round++) {
      const backend = await openBackend({ path, memtableBytes: 16_384 });
      putAll(backend, 'b', numbered(1000, 100));
      await backend.defrag();
      await expectRejection(() => openBackend({ path }), 'VARVE_LOCKED');
      await backend.close();
      await expectRejection(() => openBackend({ path: freshPath(), createIfMissing: false }), 'VARVE_NOT_FOUND');
    }
    expect(openDescriptors()).toBeLessThanOrEqual(before);
  });
});

describe('after close', () => {
  test('every call throws VARVE_CLOSED, those of transactions and snapshots too', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    const [batch, shared, concurrent] = [backend.batchTx(), backend.readTx(), backend.concurrentReadTx()];
    const snapshot = await backend.snapshot();
    await backend.close();
    const synchronous: [string, () => unknown][] = [
      ['readTx', () => backend.readTx()],
      ['concurrentReadTx', () => backend.concurrentReadTx()],
      ['batchTx', () => backend.batchTx()],
      ['update', () => backend.update(() => 1)],
      ['view', () => backend.view(() => 1)],
      ['size', () => backend.size()],
      ['sizeInUse', () => backend.sizeInUse()],
      ['openReadTxN', () => backend.openReadTxN()],
      ['commits', () => backend.commits()],
      ['stats', () => backend.stats()],
      ['snapshot.size', () => snapshot.size()],
      ['batch.lock', () => batch.lock()],
      ['batch.rollback', () => batch.rollback()],
      ['shared.rlock', () => shared.rlock()],
      ['shared.lock', () => shared.lock()],
      ['createBucket', () => batch.unsafeCreateBucket('b')],
      ['deleteBucket', () => batch.unsafeDeleteBucket('b')],
      ['put', () => batch.unsafePut('b', 'k', 'v')],
      ['seqPut', () => batch.unsafeSeqPut('b', 'k', 'v')],
      ['delete', () => batch.unsafeDelete('b', 'k')],
      ...[batch, shared, concurrent].flatMap((tx): [string, () => unknown][] => [
        ['range', () => tx.unsafeRange('b', 'k')],
        ['get', () => tx.unsafeGet('b', 'k')],
        ['forEach', () => tx.unsafeForEach('b', () => {})],
        ['iterate', () => tx.unsafeIterate('b')],
        ['buckets', () => tx.unsafeBuckets()],
      ]),
    ];
    for (const [name, call] of synchronous) expect(expectCode(call, 'VARVE_CLOSED'), name).toBeDefined();
    const asynchronous: (() => Promise<unknown>)[] = [
      () => backend.snapshot(),
      () => backend.hash(),
      () => backend.defrag(),
      () => backend.forceCommit(),
      () => batch.commit(),
      () => batch.commitAndStop(),
      () => batch.acquire(),
      () => snapshot.writeTo(new Collector()),
    ];
    for (const call of asynchronous) await expectRejection(call, 'VARVE_CLOSED');
  });

  test('runlock, unlock, dispose and close are nothing', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    const [batch, shared, concurrent] = [backend.batchTx(), backend.readTx(), backend.concurrentReadTx()];
    const snapshot = await backend.snapshot();
    shared.rlock();
    const section = await batch.acquire();
    await backend.close();
    for (let round = 0; round < 2; round++) {
      section[Symbol.dispose]();
      batch.unlock();
      batch[Symbol.dispose]();
      for (const reader of [shared, concurrent]) {
        reader.runlock();
        reader.unlock();
        reader[Symbol.dispose]();
      }
      await snapshot.close();
      await snapshot[Symbol.asyncDispose]();
      await backend.close();
      await backend[Symbol.asyncDispose]();
    }
  });

  test('buffers that were handed out stay', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    await backend.defrag();
    const value = backend.readTx().unsafeGet('b', 'k');
    await backend.close();
    expect(value?.toString()).toBe('v');
  });
});

describe('the process', () => {
  test('is not kept alive by an open backend, with views and an empty section, after a defrag', async () => {
    expect(await run('idle.mjs', ['open', freshPath()])).toEqual(['open']);
  });

  test('is kept alive by an unlocked write until its commit', async () => {
    const path = freshPath();
    expect(await run('idle.mjs', ['pending', path])).toEqual(['pending']);
    expect(unlockedContent(await open({ path }))).toEqual([['b', [['k', 'v']]]]);
  });

  test('ends by itself after close', async () => {
    const path = freshPath();
    expect(await run('idle.mjs', ['close', path])).toEqual(['closed []']);
    expect(unlockedContent(await open({ path }))).toHaveLength(1);
  });

  test('that leaves without close loses only what was not committed', async () => {
    const path = freshPath();
    expect(await run('idle.mjs', ['exit', path])).toEqual(['committed']);
    const pairs = pairsOf((await open({ path })).readTx(), 'b');
    expect(pairs.slice(0, 1)).toEqual([['committed', 'v']]);
    expect([1, 2]).toContain(pairs.length);
  });
});
