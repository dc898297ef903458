/**
 * Read transactions of one's own: pinned at the call, ended once.
 */
import { describe, expect, test } from 'vitest';
import type { ReadTx } from 'varve';
import { deleteAll, everything, iterated, numbered, pairsOf, putAll, rangePairs } from './support/content.js';
import { expectCode, open } from './support/harness.js';

const reads: [name: string, read: (tx: ReadTx) => unknown][] = [
  ['unsafeRange', (tx) => tx.unsafeRange('b', 'k')],
  ['unsafeGet', (tx) => tx.unsafeGet('b', 'k')],
  ['unsafeForEach', (tx) => tx.unsafeForEach('b', () => {})],
  ['unsafeIterate', (tx) => tx.unsafeIterate('b')],
  ['unsafeBuckets', (tx) => tx.unsafeBuckets()],
];

describe('its view', () => {
  test('is the unlocked state at the call, committed or not, and never an open section', async () => {
    const backend = await open();
    putAll(backend, 'b', [['committed', '1']]);
    await backend.forceCommit();
    putAll(backend, 'b', [['unlocked', '2']]);
    backend.batchTx().lock();
    backend.batchTx().unsafePut('b', 'open', '3');
    const reader = backend.concurrentReadTx();
    backend.batchTx().unlock();
    expect(everything(reader)).toEqual([
      [
        'b',
        [
          ['committed', '1'],
          ['unlocked', '2'],
        ],
      ],
    ]);
    expect(pairsOf(backend.concurrentReadTx(), 'b')).toHaveLength(3);
  });

  test('stands still through overwrites, deletes, deleted buckets, flushes, commits and defrag', async () => {
    const backend = await open({ memtableBytes: 16_384, cacheBytes: 0 });
    const pairs = numbered(400, 100);
    putAll(backend, 'b', pairs);
    putAll(backend, 'gone', [['k', 'v']]);
    const early = backend.concurrentReadTx();
    const expected = everything(early);
    expect(expected).toEqual([
      ['b', pairs],
      ['gone', [['k', 'v']]],
    ]);
    putAll(
      backend,
      'b',
      pairs.map(([key]) => [key, 'second'] as const),
    );
    const middle = backend.concurrentReadTx();
    backend.update((tx) => tx.unsafeDeleteBucket('gone'));
    deleteAll(
      backend,
      'b',
      pairs.map(([key]) => key),
    );
    for (let round = 0; round < 4; round++) {
      putAll(backend, 'fill', numbered(500, 200));
      await backend.forceCommit();
    }
    await backend.defrag();
    expect(everything(early)).toEqual(expected);
    for (const [key, value] of pairs) expect(early.unsafeGet('b', key)?.toString()).toBe(value);
    expect(pairsOf(middle, 'b')).toEqual(pairs.map(([key]) => [key, 'second']));
    expect(pairsOf(middle, 'gone')).toEqual([['k', 'v']]);
    expect(pairsOf(backend.readTx(), 'b')).toEqual([]);
    early.runlock();
    middle.runlock();
  });

  test('many views of one key see each its own version, in any order of ending', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    putAll(backend, 'b', []);
    const readers: ReadTx[] = [];
    for (let version = 0; version < 50; version++) {
      backend.update((tx) => tx.unsafePut('b', 'k', `${version}`.padEnd(1000, '.')));
      readers.push(backend.concurrentReadTx());
      if (version % 10 === 9) await backend.forceCommit();
    }
    for (let version = 1; version < 50; version += 2) readers[version]?.runlock();
    await backend.defrag();
    for (let version = 0; version < 50; version += 2) {
      expect(readers[version]?.unsafeGet('b', 'k')?.toString()).toBe(`${version}`.padEnd(1000, '.'));
      expect(rangePairs((readers[version] as ReadTx).unsafeRange('b', 'a', 'z', 0))).toHaveLength(1);
    }
  });

  test('never waits: one can be had while a section is open, a commit is under way and the shared one is locked', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    const commit = backend.forceCommit();
    backend.readTx().rlock();
    backend.batchTx().lock();
    expect(everything(backend.concurrentReadTx())).toEqual([['b', [['k', 'v']]]]);
    backend.batchTx().unlock();
    backend.readTx().runlock();
    await commit;
  });
});

describe('its end', () => {
  test.each([
    ['runlock', (tx: ReadTx) => tx.runlock()],
    ['unlock', (tx: ReadTx) => tx.unlock()],
    ['disposal', (tx: ReadTx) => tx[Symbol.dispose]()],
  ] as const)('%s ends it; doing so again is nothing', async (_name, end) => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    const other = backend.concurrentReadTx();
    const reader = backend.concurrentReadTx();
    expect(backend.openReadTxN()).toBe(2);
    end(reader);
    end(reader);
    reader.runlock();
    expect(backend.openReadTxN()).toBe(1);
    expect(everything(other)).toEqual([['b', [['k', 'v']]]]);
  });

  test.each(reads)('%s through an ended one throws VARVE_CLOSED', async (_name, read) => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    const reader = backend.concurrentReadTx();
    read(reader);
    reader.runlock();
    expectCode(() => read(reader), 'VARVE_CLOSED');
  });

  test('rlock before reading, as users of etcd do, changes nothing: one runlock ends it', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    const reader = backend.concurrentReadTx();
    reader.rlock();
    putAll(backend, 'b', [['k', 'later']]);
    expect(everything(reader)).toEqual([['b', [['k', 'v']]]]);
    reader.runlock();
    expect(backend.openReadTxN()).toBe(0);
  });

  test('of one leaves the others and the shared one as they are', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', '1']]);
    backend.readTx().rlock();
    const one = backend.concurrentReadTx();
    const two = backend.concurrentReadTx();
    putAll(backend, 'b', [['k', '2']]);
    one.runlock();
    expect(pairsOf(two, 'b')).toEqual([['k', '1']]);
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['k', '1']]);
    two.runlock();
    backend.readTx().runlock();
  });

  test('iterators of an ended one throw VARVE_CLOSED at next', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(10));
    const reader = backend.concurrentReadTx();
    const iterator = reader.unsafeIterate('b');
    expect(iterated([iterator.next().value as [Buffer, Buffer]])).toEqual(numbered(1));
    reader.runlock();
    expectCode(() => iterator.next(), 'VARVE_CLOSED');
  });
});
