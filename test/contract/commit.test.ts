/**
 * Commits: what one contains, when it resolves, and what counts as one.
 */
import { describe, expect, test } from 'vitest';
import { crc32c } from './support/crc32c.js';
import { bytes, everything, numbered, pairsOf, putAll, unlockedContent } from './support/content.js';
import { expectCode, freshPath, open, turns } from './support/harness.js';

describe.each(['batchTx().commit', 'forceCommit'] as const)('%s', (how) => {
  const commitOf = (backend: Awaited<ReturnType<typeof open>>) =>
    how === 'forceCommit' ? backend.forceCommit() : backend.batchTx().commit();

  test('commits everything unlocked before the call', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    putAll(backend, 'b', [['l', 'w']]);
    expect(await backend.hash()).toBe(0);
    await commitOf(backend);
    expect(await backend.hash()).toBe(crc32c([bytes('bkvlw')]));
  });

  test('with nothing to commit resolves and writes nothing', async () => {
    const backend = await open();
    await commitOf(backend);
    putAll(backend, 'b', [['k', 'v']]);
    await commitOf(backend);
    const { walBytesWritten } = backend.stats();
    await commitOf(backend);
    await commitOf(backend);
    expect(backend.commits()).toBe(1);
    expect(backend.stats().walBytesWritten).toBe(walBytesWritten);
  });
});

describe('commits()', () => {
  test('counts the commits that wrote something since this backend was opened', async () => {
    const path = freshPath();
    const backend = await open({ path });
    expect(backend.commits()).toBe(0);
    await backend.forceCommit();
    expect(backend.commits()).toBe(0);
    for (let count = 1; count <= 3; count++) {
      putAll(backend, 'b', [['k', `${count}`]]);
      await backend.forceCommit();
      expect(backend.commits()).toBe(count);
    }
    await backend.close();
    expect((await open({ path })).commits()).toBe(0);
  });

  test('a section that was rolled back is nothing to commit', async () => {
    const backend = await open();
    backend.batchTx().lock();
    backend.batchTx().unsafeCreateBucket('b');
    backend.batchTx().rollback();
    await backend.forceCommit();
    expect(backend.commits()).toBe(0);
  });
});

describe('many commits', () => {
  test('asked for at once are grouped, and each resolves', async () => {
    const backend = await open();
    putAll(backend, 'b', []);
    const commits = numbered(50).map(([key, value]) => {
      backend.update((tx) => tx.unsafePut('b', key, value));
      return backend.forceCommit();
    });
    await Promise.all(commits);
    expect(backend.commits()).toBeGreaterThanOrEqual(1);
    expect(backend.commits()).toBeLessThan(50);
    expect(await backend.hash()).toBe(crc32c([bytes(`b${numbered(50).flat().join('')}`)]));
  });

  test('of many writers at once: each resolves no earlier than its own section is committed', async () => {
    const backend = await open();
    const names = Array.from({ length: 20 }, (_, index) => `k${index}`);
    putAll(backend, 'b', []);
    const writers = names.map(async (name, index) => {
      await turns(index % 4);
      backend.update((tx) => tx.unsafePut('b', name, 'v'));
      await backend.batchTx().commit();
      // With every other key left out, the committed content is the bucket with this one.
      const others = names.filter((other) => other !== name).map((key) => ({ bucket: 'b', key }));
      expect(await backend.hash(others)).toBe(crc32c([bytes(`b${name}v`)]));
    });
    await Promise.all(writers);
    expect(pairsOf(backend.readTx(), 'b')).toHaveLength(20);
  });

  test('reads and sections go on while one is under way', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(1000, 100));
    const before = crc32c([bytes(`b${numbered(1000, 100).flat().join('')}`)]);
    const commit = backend.forceCommit();
    putAll(backend, 'b', [['key00000', 'during']]);
    expect(backend.readTx().unsafeGet('b', 'key00000')?.toString()).toBe('during');
    await commit;
    const after = crc32c([bytes(`b${pairsOf(backend.readTx(), 'b').flat().join('')}`)]);
    expect([before, after]).toContain(await backend.hash());
    await backend.forceCommit();
    expect(await backend.hash()).toBe(after);
  });
});

describe('a section open at the call', () => {
  test('is not committed, and is by the commit after its unlock', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', '1']]);
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafePut('b', 'k', '2');
    await tx.commit();
    expect(await backend.hash()).toBe(crc32c([bytes('bk1')]));
    tx.unlock();
    expect(await backend.hash()).toBe(crc32c([bytes('bk1')]));
    await tx.commit();
    expect(await backend.hash()).toBe(crc32c([bytes('bk2')]));
  });
});

describe('commitAndStop', () => {
  test('commits; afterwards lock and reads work, each write throws VARVE_STOPPED, commit resolves', async () => {
    const path = freshPath();
    const backend = await open({ path });
    putAll(backend, 'b', [['k', 'v']]);
    const tx = backend.batchTx();
    await tx.commitAndStop();
    expect(await backend.hash()).toBe(crc32c([bytes('bkv')]));
    tx.lock();
    expect(everything(tx)).toEqual([['b', [['k', 'v']]]]);
    expect(tx.unsafeGet('b', 'k')?.toString()).toBe('v');
    expectCode(() => tx.unsafePut('b', 'k', 'new'), 'VARVE_STOPPED');
    expectCode(() => tx.unsafeSeqPut('b', 'k', 'new'), 'VARVE_STOPPED');
    expectCode(() => tx.unsafeDelete('b', 'k'), 'VARVE_STOPPED');
    expectCode(() => tx.unsafeCreateBucket('c'), 'VARVE_STOPPED');
    expectCode(() => tx.unsafeDeleteBucket('b'), 'VARVE_STOPPED');
    tx.unlock();
    expectCode(() => putAll(backend, 'b', []), 'VARVE_STOPPED');
    await tx.commit();
    await backend.forceCommit();
    expect(unlockedContent(backend)).toEqual([['b', [['k', 'v']]]]);
    await backend.close();
    const again = await open({ path });
    putAll(again, 'b', [['k', 'writable again']]);
  });

  test('a write of limits never met is refused as stopped, and a snapshot can still be taken', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    await backend.batchTx().commitAndStop();
    const snapshot = await backend.snapshot();
    expect(snapshot.size()).toBeGreaterThan(0);
    await snapshot.close();
  });
});
