/**
 * The section: how it begins, waits its turn and ends, and what every call says outside of one.
 */
import type { BatchTx } from 'varve';
import { describe, expect, test } from 'vitest';
import { everything, numbered, pairsOf, putAll, unlockedContent } from './support/content.js';
import { expectCode, open, turns } from './support/harness.js';

const callsOfASection: [name: string, call: (tx: BatchTx) => unknown][] = [
  ['unsafeCreateBucket', (tx) => tx.unsafeCreateBucket('c')],
  ['unsafeDeleteBucket', (tx) => tx.unsafeDeleteBucket('b')],
  ['unsafePut', (tx) => tx.unsafePut('b', 'k', 'v')],
  ['unsafeSeqPut', (tx) => tx.unsafeSeqPut('b', 'k', 'v')],
  ['unsafeDelete', (tx) => tx.unsafeDelete('b', 'k')],
  ['unsafeRange', (tx) => tx.unsafeRange('b', 'k')],
  ['unsafeGet', (tx) => tx.unsafeGet('b', 'k')],
  ['unsafeForEach', (tx) => tx.unsafeForEach('b', () => {})],
  ['unsafeIterate', (tx) => tx.unsafeIterate('b')],
  ['unsafeBuckets', (tx) => tx.unsafeBuckets()],
  ['unlock', (tx) => tx.unlock()],
  ['rollback', (tx) => tx.rollback()],
];

describe('outside of a section', () => {
  test.each(callsOfASection)(
    '%s throws VARVE_TX_NOT_LOCKED: before the first, after unlock and after rollback',
    async (_name, call) => {
      const backend = await open();
      const tx = backend.batchTx();
      expectCode(() => call(tx), 'VARVE_TX_NOT_LOCKED');
      putAll(backend, 'b', [['k', 'v']]);
      expectCode(() => call(tx), 'VARVE_TX_NOT_LOCKED');
      tx.lock();
      tx.rollback();
      expectCode(() => call(tx), 'VARVE_TX_NOT_LOCKED');
      expect(unlockedContent(backend)).toEqual([['b', [['k', 'v']]]]);
    },
  );

  test('disposal is nothing', async () => {
    const backend = await open();
    backend.batchTx()[Symbol.dispose]();
    backend.batchTx().lock();
    backend.batchTx().unlock();
    backend.batchTx()[Symbol.dispose]();
  });
});

test('rlock and runlock throw VARVE_INVALID_ARGUMENT on the write transaction, locked or not', async () => {
  const backend = await open();
  const tx = backend.batchTx();
  expectCode(() => tx.rlock(), 'VARVE_INVALID_ARGUMENT');
  expectCode(() => tx.runlock(), 'VARVE_INVALID_ARGUMENT');
  tx.lock();
  expectCode(() => tx.rlock(), 'VARVE_INVALID_ARGUMENT');
  expectCode(() => tx.runlock(), 'VARVE_INVALID_ARGUMENT');
  tx.unsafeCreateBucket('still open');
  tx.unlock();
});

describe('unlock', () => {
  test('makes all of a section visible at once, and none of it before', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafeCreateBucket('a');
    tx.unsafeCreateBucket('b');
    for (const [key, value] of numbered(1000, 100)) {
      tx.unsafePut('a', key, value);
      tx.unsafePut('b', key, value);
    }
    expect(unlockedContent(backend)).toEqual([]);
    tx.unlock();
    expect(unlockedContent(backend)).toEqual([
      ['a', numbered(1000, 100)],
      ['b', numbered(1000, 100)],
    ]);
  });

  test('an empty section is one too', async () => {
    const backend = await open();
    backend.batchTx().lock();
    backend.batchTx().unlock();
    expect(unlockedContent(backend)).toEqual([]);
  });

  test('disposal unlocks an open section', async () => {
    const backend = await open();
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafeCreateBucket('b');
    tx[Symbol.dispose]();
    expect(unlockedContent(backend)).toEqual([['b', []]]);
    expectCode(() => tx.unlock(), 'VARVE_TX_NOT_LOCKED');
  });
});

describe('lock', () => {
  test('throws VARVE_TX_LOCKED where a section is open, which goes on unharmed', async () => {
    const backend = await open();
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafeCreateBucket('b');
    expectCode(() => tx.lock(), 'VARVE_TX_LOCKED');
    expectCode(() => backend.update(() => expect.fail('must not run')), 'VARVE_TX_LOCKED');
    tx.unsafePut('b', 'k', 'v');
    tx.unlock();
    expect(unlockedContent(backend)).toEqual([['b', [['k', 'v']]]]);
  });
});

describe('acquire', () => {
  test('begins a section at once where none is open; disposing what it gives unlocks it', async () => {
    const backend = await open();
    const section = await backend.batchTx().acquire();
    backend.batchTx().unsafeCreateBucket('b');
    expectCode(() => backend.batchTx().lock(), 'VARVE_TX_LOCKED');
    section[Symbol.dispose]();
    expect(unlockedContent(backend)).toEqual([['b', []]]);
    backend.batchTx().lock();
    backend.batchTx().unlock();
  });

  test('first come, first served', async () => {
    const backend = await open();
    const tx = backend.batchTx();
    const served: number[] = [];
    tx.lock();
    const waiters = [1, 2, 3, 4].map(async (waiter) => {
      const section = await tx.acquire();
      served.push(waiter);
      await turns(2);
      section[Symbol.dispose]();
    });
    await turns();
    expect(served).toEqual([]);
    tx.unlock();
    await Promise.all(waiters);
    expect(served).toEqual([1, 2, 3, 4]);
  });

  test('at unlock the lock passes to the first waiter at once: lock and update throw until that one ends', async () => {
    const backend = await open();
    const tx = backend.batchTx();
    tx.lock();
    const waiting = tx.acquire();
    tx.unlock();
    expectCode(() => tx.lock(), 'VARVE_TX_LOCKED');
    expectCode(() => backend.update(() => expect.fail('must not run')), 'VARVE_TX_LOCKED');
    const section = await waiting;
    expectCode(() => tx.lock(), 'VARVE_TX_LOCKED');
    section[Symbol.dispose]();
    tx.lock();
    tx.unlock();
  });

  test('the lock passes on at rollback and at the end of update as well', async () => {
    const backend = await open();
    const tx = backend.batchTx();
    tx.lock();
    const first = tx.acquire();
    tx.rollback();
    expectCode(() => tx.lock(), 'VARVE_TX_LOCKED');
    (await first)[Symbol.dispose]();
    let second: Promise<Disposable> | undefined;
    backend.update(() => {
      second = tx.acquire();
    });
    expectCode(() => tx.lock(), 'VARVE_TX_LOCKED');
    (await second)?.[Symbol.dispose]();
    tx.lock();
    tx.unlock();
  });

  test('the section may be ended by unlock or rollback; disposing afterwards is nothing, even with another open', async () => {
    const backend = await open();
    const tx = backend.batchTx();
    const first = await tx.acquire();
    tx.unsafeCreateBucket('kept');
    tx.unlock();
    first[Symbol.dispose]();
    const second = await tx.acquire();
    tx.unsafeCreateBucket('undone');
    tx.rollback();
    tx.lock();
    tx.unsafeCreateBucket('third');
    first[Symbol.dispose]();
    second[Symbol.dispose]();
    expect(unlockedContent(backend)).toEqual([['kept', []]]);
    tx.unlock();
    expect(unlockedContent(backend)).toEqual([
      ['kept', []],
      ['third', []],
    ]);
  });
});

describe('rollback', () => {
  test('undoes puts, overwrites, deletes, new buckets and deleted buckets, and ends the section', async () => {
    const backend = await open();
    putAll(backend, 'a', [
      ['k', 'v'],
      ['l', 'w'],
    ]);
    putAll(backend, 'b', [['k', 'v']]);
    const before = unlockedContent(backend);
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafePut('a', 'k', 'new');
    tx.unsafePut('a', 'm', 'new');
    tx.unsafeDelete('a', 'l');
    tx.unsafeDeleteBucket('b');
    tx.unsafeCreateBucket('b');
    tx.unsafePut('b', 'other', 'v');
    tx.unsafeCreateBucket('c');
    tx.unsafeSeqPut('c', 'k', 'v');
    tx.rollback();
    expect(unlockedContent(backend)).toEqual(before);
    tx.lock();
    expect(everything(tx)).toEqual(before);
    tx.unlock();
    await backend.defrag();
    expect(unlockedContent(backend)).toEqual(before);
  });

  test('undoes a section larger than several memtables', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    putAll(backend, 'b', numbered(500, 100));
    const tx = backend.batchTx();
    tx.lock();
    for (const [key] of numbered(3000)) tx.unsafePut('b', key, 'x'.repeat(100));
    tx.rollback();
    expect(pairsOf(backend.readTx(), 'b')).toEqual(numbered(500, 100));
    putAll(backend, 'b', [['key00000', 'after']]);
    await backend.forceCommit();
    expect(pairsOf(backend.readTx(), 'b')[0]).toEqual(['key00000', 'after']);
    expect(pairsOf(backend.readTx(), 'b')).toHaveLength(500);
  });

  test('undoes only what its own section wrote', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'unlocked before']]);
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafePut('b', 'k', 'undone');
    tx.rollback();
    await backend.forceCommit();
    expect(unlockedContent(backend)).toEqual([['b', [['k', 'unlocked before']]]]);
  });
});

describe('an open section', () => {
  test('is neither waited for by commit, forceCommit, snapshot and defrag, nor contained in them', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'unlocked']]);
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafePut('b', 'k', 'open');
    tx.unsafePut('b', 'l', 'open');
    await tx.commit();
    const committed = await backend.hash();
    await backend.forceCommit();
    await (await backend.snapshot()).close();
    await backend.defrag();
    expect(await backend.hash()).toBe(committed);
    expect(unlockedContent(backend)).toEqual([['b', [['k', 'unlocked']]]]);
    expect(pairsOf(tx, 'b')).toEqual([
      ['k', 'open'],
      ['l', 'open'],
    ]);
    tx.rollback();
    await backend.forceCommit();
    expect(await backend.hash()).toBe(committed);
  });

  test('goes on over any number of awaits', async () => {
    const backend = await open({ batchIntervalMs: 1, memtableBytes: 16_384 });
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafeCreateBucket('b');
    for (const [key, value] of numbered(1000, 100)) {
      tx.unsafePut('b', key, value);
      if (key.endsWith('00')) await turns(1);
    }
    expect(unlockedContent(backend)).toEqual([]);
    tx.unlock();
    expect(unlockedContent(backend)).toEqual([['b', numbered(1000, 100)]]);
  });
});
