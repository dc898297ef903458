/**
 * onPreCommit: when it runs, what it may do, and what its failure means.
 */
import type { Backend, BatchTx } from 'varve';
import { describe, expect, test } from 'vitest';
import { bytes, everything, numbered, pairsOf, putAll, unlockedContent } from './support/content.js';
import { crc32c } from './support/crc32c.js';
import { expectCode, freshPath, open, rejectionOf, turns, until } from './support/harness.js';

/** A hook that counts its calls and puts the count. */
function counting(): { calls: number; hook: (tx: BatchTx) => void } {
  const counter = {
    calls: 0,
    hook: (tx: BatchTx): void => {
      counter.calls++;
      tx.unsafeCreateBucket('hook');
      tx.unsafePut('hook', 'calls', String(counter.calls));
    },
  };
  return counter;
}

describe('it runs just before', () => {
  test('each explicit commit, also with nothing pending; what it puts is in that commit', async () => {
    const counter = counting();
    const backend = await open({ onPreCommit: counter.hook });
    expect(counter.calls).toBe(0);
    await backend.forceCommit();
    expect(counter.calls).toBe(1);
    expect(await backend.hash()).toBe(crc32c([bytes('hookcalls1')]));
    await backend.batchTx().commit();
    expect(await backend.hash()).toBe(crc32c([bytes('hookcalls2')]));
    expect(backend.commits()).toBe(2);
    expect(unlockedContent(backend)).toEqual([['hook', [['calls', '2']]]]);
  });

  test('the commit of a snapshot, of a defrag and of close', async () => {
    const path = freshPath();
    const counter = counting();
    const backend = await open({ path, onPreCommit: counter.hook });
    await (await backend.snapshot()).close();
    expect(counter.calls).toBe(1);
    await backend.defrag();
    expect(counter.calls).toBe(2);
    putAll(backend, 'b', [['k', 'v']]);
    await backend.close();
    expect(counter.calls).toBe(3);
    expect(unlockedContent(await open({ path }))).toEqual([
      ['b', [['k', 'v']]],
      ['hook', [['calls', '3']]],
    ]);
  });

  test('a commit that the limit or the interval starts, and no idle interval', async () => {
    const counter = counting();
    const backend = await open({ batchIntervalMs: 5, onPreCommit: counter.hook });
    putAll(backend, 'b', [['k', 'v']]);
    await until(() => counter.calls === 1, 'the interval commits');
    // Another backend with the same interval shows that several of them pass.
    const clock = await open({ batchIntervalMs: 5 });
    for (let count = 1; count <= 5; count++) {
      putAll(clock, 'b', [['k', `${count}`]]);
      await until(() => clock.commits() === count, 'an interval passes');
    }
    expect(counter.calls).toBe(1);
  });
});

describe('the transaction it gets', () => {
  test('sees everything that is unlocked, may read and write, and is under the write lock', async () => {
    let seen: unknown;
    const path = freshPath();
    const backend: Backend = await open({
      path,
      onPreCommit: (tx) => {
        seen = everything(tx);
        expectCode(() => backend.batchTx().lock(), 'VARVE_TX_LOCKED');
        expectCode(() => backend.update(() => expect.fail('must not run')), 'VARVE_TX_LOCKED');
        tx.unsafeCreateBucket('new');
        tx.unsafePut('new', 'k', 'v');
        tx.unsafeDelete('b', 'l');
      },
    });
    putAll(backend, 'b', [
      ['k', 'v'],
      ['l', 'w'],
    ]);
    await backend.forceCommit();
    expect(seen).toEqual([
      [
        'b',
        [
          ['k', 'v'],
          ['l', 'w'],
        ],
      ],
    ]);
    expect(unlockedContent(backend)).toEqual([
      ['b', [['k', 'v']]],
      ['new', [['k', 'v']]],
    ]);
    putAll(backend, 'b', [['after', 'the lock is free']]);
  });

  test('is of no use once the hook has returned', async () => {
    let kept: BatchTx | undefined;
    const backend = await open({
      onPreCommit: (tx) => {
        kept = tx;
      },
    });
    await backend.forceCommit();
    expectCode(() => kept?.unsafeCreateBucket('b'), 'VARVE_TX_NOT_LOCKED');
  });
});

describe('a hook that throws', () => {
  test.each([new Error('mine'), 'a string'])(
    '(%s) rejects the commit with that very error, undoes its own writes and leaves the sections pending',
    async (mine) => {
      let failing = true;
      const backend = await open({
        onPreCommit: (tx) => {
          tx.unsafeCreateBucket('hook');
          tx.unsafePut('hook', 'k', 'v');
          tx.unsafePut('b', 'k', 'of the hook');
          if (failing) throw mine;
        },
      });
      putAll(backend, 'b', [['k', 'v']]);
      expect(await rejectionOf(backend.forceCommit())).toBe(mine);
      expect(await backend.hash()).toBe(0);
      expect(backend.commits()).toBe(0);
      expect(unlockedContent(backend)).toEqual([['b', [['k', 'v']]]]);
      putAll(backend, 'b', [['l', 'w']]);
      expect(await rejectionOf(backend.batchTx().commit())).toBe(mine);
      failing = false;
      await backend.forceCommit();
      expect(unlockedContent(backend)).toEqual([
        [
          'b',
          [
            ['k', 'of the hook'],
            ['l', 'w'],
          ],
        ],
        ['hook', [['k', 'v']]],
      ]);
      expect(await backend.hash()).toBe(crc32c([bytes('bkof the hooklwhookkv')]));
    },
  );

  test('in a commit that nobody asked for harms nothing: the sections are committed by a later one', async () => {
    let calls = 0;
    const backend = await open({
      batchLimit: 1,
      onPreCommit: () => {
        calls++;
        if (calls === 1) throw new Error('once');
      },
    });
    putAll(backend, 'b', [['k', 'v']]);
    await until(() => calls === 1, 'the limit starts a commit');
    await turns();
    await backend.forceCommit();
    expect(await backend.hash()).toBe(crc32c([bytes('bkv')]));
  });
});

describe('while a section is open', () => {
  test('a commit that falls due starts at the end of the section', async () => {
    const counter = counting();
    const backend = await open({ onPreCommit: counter.hook });
    putAll(backend, 'b', [['k', 'v']]);
    const tx = backend.batchTx();
    tx.lock();
    let resolved = false;
    const commit = backend.forceCommit().then(() => {
      resolved = true;
    });
    await turns();
    expect([counter.calls, resolved]).toEqual([0, false]);
    tx.unlock();
    await commit;
    expect(counter.calls).toBe(1);
    expect(backend.commits()).toBe(1);
  });

  test('and at its rollback, whose writes are not in it', async () => {
    const counter = counting();
    const backend = await open({ batchIntervalMs: 1, onPreCommit: counter.hook });
    putAll(backend, 'b', [['k', 'v']]);
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafePut('b', 'k', 'undone');
    const commit = backend.forceCommit();
    await turns();
    tx.rollback();
    await commit;
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['k', 'v']]);
    expect(await backend.hash()).toBe(crc32c([bytes(`bkvhookcalls${counter.calls}`)]));
  });
});

test('what it writes survives with the sections of its commit, and not without them', async () => {
  const path = freshPath();
  let index = '';
  const backend = await open({ path, onPreCommit: (tx) => tx.unsafePut('b', 'consistent_index', index) });
  putAll(backend, 'b', []);
  for (const [key, value] of numbered(20)) {
    backend.update((tx) => tx.unsafePut('b', key, value));
    index = key;
    await backend.forceCommit();
  }
  await backend.close();
  const again = await open({ path });
  expect(again.readTx().unsafeGet('b', 'consistent_index')?.toString()).toBe('key00019');
  expect(pairsOf(again.readTx(), 'b')).toHaveLength(21);
});
