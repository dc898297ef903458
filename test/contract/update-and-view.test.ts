/**
 * The two ways to hold a lock for as long as a function runs.
 */
import type { BatchTx, ReadTx } from 'varve';
import { VarveError } from 'varve';
import { describe, expect, test } from 'vitest';
import { everything, pairsOf, putAll, unlockedContent } from './support/content.js';
import { expectCode, open, thrownBy } from './support/harness.js';

/** A thenable that is no promise, and never settles. */
function thenable(): { then: () => void } {
  const result = { reached: false };
  return Object.assign(result, { ['then']: () => {} });
}

describe('update', () => {
  test('runs the function inside a section, unlocks, and gives what it returned', async () => {
    const backend = await open();
    const result = backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      tx.unsafePut('b', 'k', 'v');
      expectCode(() => backend.batchTx().lock(), 'VARVE_TX_LOCKED');
      return 42;
    });
    expect(result).toBe(42);
    expect(unlockedContent(backend)).toEqual([['b', [['k', 'v']]]]);
    backend.batchTx().lock();
    backend.batchTx().unlock();
  });

  test.each([new Error('mine'), 'a string', undefined, null])(
    'a throw of %s undoes everything, is rethrown as it is and ends the section',
    async (thrown) => {
      const backend = await open();
      putAll(backend, 'b', [['k', 'v']]);
      const caught = thrownBy(() =>
        backend.update((tx) => {
          tx.unsafePut('b', 'k', 'new');
          tx.unsafeDeleteBucket('b');
          tx.unsafeCreateBucket('c');
          throw thrown;
        }),
      );
      expect(caught).toBe(thrown);
      expect(unlockedContent(backend)).toEqual([['b', [['k', 'v']]]]);
      putAll(backend, 'b', [['k', 'next']]);
      await backend.forceCommit();
      expect(unlockedContent(backend)).toEqual([['b', [['k', 'next']]]]);
    },
  );

  test('an error of the library inside undoes everything as well', async () => {
    const backend = await open();
    expectCode(
      () =>
        backend.update((tx) => {
          tx.unsafeCreateBucket('b');
          tx.unsafePut('missing', 'k', 'v');
        }),
      'VARVE_BUCKET_NOT_FOUND',
    );
    expect(unlockedContent(backend)).toEqual([]);
  });

  test('an error of the library that is caught inside undoes nothing', async () => {
    const backend = await open();
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      expectCode(() => tx.unsafePut('missing', 'k', 'v'), 'VARVE_BUCKET_NOT_FOUND');
    });
    expect(unlockedContent(backend)).toEqual([['b', []]]);
  });

  test.each([
    ['a promise', async (tx: BatchTx) => tx.unsafeCreateBucket('b')],
    [
      'a thenable',
      (tx: BatchTx) => {
        tx.unsafeCreateBucket('b');
        return thenable();
      },
    ],
  ])('where the function returns %s the section is undone and VARVE_INVALID_ARGUMENT thrown', async (_what, fn) => {
    const backend = await open();
    expectCode(() => backend.update<unknown>(fn), 'VARVE_INVALID_ARGUMENT');
    expect(unlockedContent(backend)).toEqual([]);
    putAll(backend, 'b', [['k', 'v']]);
  });

  test.each([
    ['unlock', (tx: BatchTx) => tx.unlock()],
    ['rollback', (tx: BatchTx) => tx.rollback()],
  ])('the function must not end the section itself: %s is an error, and the lock is free afterwards', async (_name, end) => {
    const backend = await open();
    expect(thrownBy(() => backend.update((tx) => end(tx)))).toBeInstanceOf(VarveError);
    putAll(backend, 'b', [['k', 'v']]);
    expect(unlockedContent(backend)).toEqual([['b', [['k', 'v']]]]);
  });

  test('does not nest', async () => {
    const backend = await open();
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      expectCode(() => backend.update(() => expect.fail('must not run')), 'VARVE_TX_LOCKED');
    });
    expect(unlockedContent(backend)).toEqual([['b', []]]);
  });

  test('reading transactions inside it see the state before it', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'before']]);
    backend.update((tx) => {
      tx.unsafePut('b', 'k', 'inside');
      expect(unlockedContent(backend)).toEqual([['b', [['k', 'before']]]]);
      expect(everything(backend.readTx())).toEqual([['b', [['k', 'before']]]]);
      expect(pairsOf(tx, 'b')).toEqual([['k', 'inside']]);
    });
  });
});

describe('view', () => {
  test('runs the function over one consistent view and gives what it returned', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    const seen = backend.view((tx) => {
      putAll(backend, 'b', [['k', 'later']]);
      putAll(backend, 'c', []);
      return everything(tx);
    });
    expect(seen).toEqual([['b', [['k', 'v']]]]);
    expect(unlockedContent(backend)).toEqual([
      ['b', [['k', 'later']]],
      ['c', []],
    ]);
  });

  test('the view ends with the function', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    let kept: ReadTx | undefined;
    backend.view((tx) => {
      kept = tx;
    });
    expect(backend.openReadTxN()).toBe(0);
    expectCode(() => kept?.unsafeGet('b', 'k'), 'VARVE_CLOSED');
  });

  test('a throw is rethrown as it is, and the view ends', async () => {
    const backend = await open();
    const mine = new Error('mine');
    expect(
      thrownBy(() =>
        backend.view(() => {
          throw mine;
        }),
      ),
    ).toBe(mine);
    expect(backend.openReadTxN()).toBe(0);
  });

  test.each([
    ['a promise', async () => 1],
    ['a thenable', () => thenable()],
  ])('%s is refused with VARVE_INVALID_ARGUMENT', async (_what, fn) => {
    const backend = await open();
    expectCode(() => backend.view<unknown>(fn), 'VARVE_INVALID_ARGUMENT');
    expect(backend.openReadTxN()).toBe(0);
  });

  test('views nest, each of its own moment', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', '1']]);
    backend.view((outer) => {
      putAll(backend, 'b', [['k', '2']]);
      backend.view((inner) => {
        expect(pairsOf(outer, 'b')).toEqual([['k', '1']]);
        expect(pairsOf(inner, 'b')).toEqual([['k', '2']]);
      });
      expect(pairsOf(outer, 'b')).toEqual([['k', '1']]);
    });
  });
});
