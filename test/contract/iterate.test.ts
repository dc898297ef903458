/**
 * unsafeIterate: bounds, order, what it sees, and when it ends.
 */
import type { IterateOptions } from 'varve';
import { describe, expect, test } from 'vitest';
import { bytes, iterated, numbered, type Pair, pairsOf, putAll } from './support/content.js';
import { expectCode, open } from './support/harness.js';

const keys = ['\0', 'a', 'a\0', 'aa', 'a\xff', 'b', '\x80', '\xff', '\xff\xff'];
const candidates = [undefined, '', 'a', 'a\0', 'ab', '\xff\xff', '\xff\xff\xff'];

/** What an iteration must give, by its definition. */
function expected(
  bounds: { gte?: string; gt?: string; lte?: string; lt?: string },
  reverse: boolean,
  limit: number | undefined,
): string[] {
  const inside = keys.filter(
    (key) =>
      (bounds.gte === undefined || key >= bounds.gte) &&
      (bounds.gt === undefined || key > bounds.gt) &&
      (bounds.lte === undefined || key <= bounds.lte) &&
      (bounds.lt === undefined || key < bounds.lt),
  );
  if (reverse) inside.reverse();
  return limit === undefined || limit <= 0 ? inside : inside.slice(0, limit);
}

/** An object without the members that are undefined. */
function defined(bounds: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(bounds).flatMap(([name, bound]) => (bound === undefined ? [] : [[name, bound]])));
}

describe.each(['memory', 'tables', 'both'] as const)('keys in %s', (place) => {
  test('every pair of bounds, in both directions, with every kind of limit, gives what its definition says', async () => {
    const backend = await open();
    const half = keys.filter((_, index) => index % 2 === 0);
    if (place === 'both') {
      putAll(
        backend,
        'b',
        [...half, 'zz'].map((key) => [bytes(key), 'old'] as const),
      );
      await backend.defrag();
      backend.update((tx) => tx.unsafeDelete('b', 'zz'));
    }
    putAll(
      backend,
      'b',
      keys.map((key) => [bytes(key), bytes(`value of ${key}`)] as const),
    );
    if (place === 'tables') await backend.defrag();
    const reader = backend.concurrentReadTx();
    for (const lower of ['gte', 'gt'] as const) {
      for (const upper of ['lte', 'lt'] as const) {
        for (const from of candidates) {
          for (const to of candidates) {
            const bounds = defined({ [lower]: from, [upper]: to });
            const options = Object.fromEntries(Object.entries(bounds).map(([name, bound]) => [name, bytes(bound)]));
            for (const reverse of [false, true]) {
              for (const limit of [undefined, -1, 0, 1, 3, 100]) {
                const found = iterated(
                  reader.unsafeIterate('b', { ...options, reverse, ...(limit === undefined ? {} : { limit }) }),
                );
                const wanted = expected(bounds, reverse, limit).map((key) => [key, `value of ${key}`]);
                expect(found, JSON.stringify({ ...bounds, reverse, limit })).toEqual(wanted);
              }
            }
          }
        }
      }
    }
  });
});

describe('bounds', () => {
  const cases: [what: string, options: IterateOptions, wanted: string[]][] = [
    ['of gte and gt the tighter holds: gt above', { gte: 'k1', gt: 'k2' }, ['k3', 'k4']],
    ['of gte and gt the tighter holds: gte above', { gte: 'k3', gt: 'k1' }, ['k3', 'k4']],
    ['of gte and gt on one key, gt is the tighter', { gte: 'k2', gt: 'k2' }, ['k3', 'k4']],
    ['of lte and lt the tighter holds: lt below', { lte: 'k4', lt: 'k2' }, ['k1']],
    ['of lte and lt the tighter holds: lte below', { lte: 'k1', lt: 'k4' }, ['k1']],
    ['of lte and lt on one key, lt is the tighter', { lte: 'k2', lt: 'k2' }, ['k1']],
    ['an empty gte or gt is below every key', { gte: '', gt: '' }, ['k1', 'k2', 'k3', 'k4']],
    ['an empty lt lets nothing through', { lt: '' }, []],
    ['an empty lte lets nothing through', { lte: new Uint8Array(0) }, []],
    ['bounds that cross give nothing', { gt: 'k3', lt: 'k2' }, []],
    ['reverse with a limit takes the largest keys', { reverse: true, limit: 2 }, ['k4', 'k3']],
    ['reverse within bounds', { gt: 'k1', lte: 'k3', reverse: true }, ['k3', 'k2']],
    ['no options: everything', {}, ['k1', 'k2', 'k3', 'k4']],
  ];
  test.each(cases)('%s', async (_what, options, wanted) => {
    const backend = await open();
    putAll(
      backend,
      'b',
      ['k1', 'k2', 'k3', 'k4'].map((key) => [key, 'v'] as const),
    );
    expect(iterated(backend.readTx().unsafeIterate('b', options)).map(([key]) => key)).toEqual(wanted);
    await backend.defrag();
    expect(iterated(backend.readTx().unsafeIterate('b', options)).map(([key]) => key)).toEqual(wanted);
  });

  test('scribbling on a bound after the call changes nothing', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(10));
    const from = Buffer.from('key00003');
    const to = Buffer.from('key00006');
    const iterator = backend.readTx().unsafeIterate('b', { gte: from, lt: to });
    from.fill(0);
    to.fill(0xff);
    expect(iterated(iterator).map(([key]) => key)).toEqual(['key00003', 'key00004', 'key00005']);
  });
});

describe('an iterator', () => {
  test('is its own iterable, synchronous, and done once it is done', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(2));
    const iterator = backend.readTx().unsafeIterate('b');
    expect(iterator[Symbol.iterator]()).toBe(iterator);
    expect(iterated(iterator)).toEqual(numbered(2));
    expect(iterator.next().done).toBe(true);
    expect(iterator.next().done).toBe(true);
  });

  test('of the shared transaction sees the state at the call, whatever is written meanwhile', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    const pairs = numbered(500, 100);
    putAll(backend, 'b', pairs);
    const iterator = backend.readTx().unsafeIterate('b');
    const reversed = backend.readTx().unsafeIterate('b', { reverse: true });
    const found: Pair[] = iterated([iterator.next().value as [Buffer, Buffer]]);
    backend.update((tx) => {
      for (const [key] of pairs) tx.unsafeDelete('b', key);
      for (const [key, value] of numbered(800, 100, 'new')) tx.unsafePut('b', key, value);
    });
    await backend.forceCommit();
    await backend.defrag();
    expect([...found, ...iterated(iterator)]).toEqual(pairs);
    expect(iterated(reversed)).toEqual([...pairs].reverse());
    expect(pairsOf(backend.readTx(), 'b')).toEqual(numbered(800, 100, 'new'));
  });

  test('not yet begun sees the state at the call as well', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(3));
    const iterator = backend.readTx().unsafeIterate('b');
    putAll(backend, 'b', [
      ['key00001', 'later'],
      ['zzz', 'later'],
    ]);
    backend.update((tx) => tx.unsafeDeleteBucket('b'));
    expect(iterated(iterator)).toEqual(numbered(3));
  });

  test('of the batch transaction sees the section as it was at the call', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(4));
    backend.update((tx) => {
      tx.unsafePut('b', 'key00001', 'own');
      const iterator = tx.unsafeIterate('b');
      tx.unsafePut('b', 'key00002', 'after');
      tx.unsafePut('b', 'key00009', 'after');
      tx.unsafeDelete('b', 'key00003');
      expect(iterated(iterator)).toEqual(numbered(4).map(([key, value]) => [key, key === 'key00001' ? 'own' : value]));
      expect(iterated(tx.unsafeIterate('b')).map(([, value]) => value)).toEqual([numbered(1)[0]?.[1], 'own', 'after', 'after']);
    });
  });

  test('of the batch transaction throws VARVE_TX_NOT_LOCKED at next once its section ended', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(4));
    const tx = backend.batchTx();
    tx.lock();
    const unlocked = tx.unsafeIterate('b');
    unlocked.next();
    tx.unlock();
    expectCode(() => unlocked.next(), 'VARVE_TX_NOT_LOCKED');
    tx.lock();
    const rolledBack = tx.unsafeIterate('b');
    tx.rollback();
    expectCode(() => rolledBack.next(), 'VARVE_TX_NOT_LOCKED');
  });

  test('of a closed backend throws VARVE_CLOSED at next', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(4));
    const iterator = backend.readTx().unsafeIterate('b');
    iterator.next();
    await backend.close();
    expectCode(() => iterator.next(), 'VARVE_CLOSED');
  });

  test('the call itself, not next, throws what is wrong with arguments and state', async () => {
    const backend = await open();
    const wrong = 7 as unknown as string;
    expectCode(() => backend.readTx().unsafeIterate(wrong), 'VARVE_INVALID_ARGUMENT');
    for (const bound of ['gte', 'gt', 'lte', 'lt']) {
      expectCode(() => backend.readTx().unsafeIterate('b', { [bound]: wrong }), 'VARVE_INVALID_ARGUMENT');
    }
    expectCode(() => backend.batchTx().unsafeIterate('b'), 'VARVE_TX_NOT_LOCKED');
    const ended = backend.concurrentReadTx();
    ended.runlock();
    expectCode(() => ended.unsafeIterate('b'), 'VARVE_CLOSED');
  });

  test('left early is done, and what it held is released: defrag leaves none of it behind', async () => {
    const backend = await open({ compression: 'none' });
    putAll(backend, 'b', numbered(200, 1000));
    await backend.defrag();
    for (const _entry of backend.readTx().unsafeIterate('b')) break;
    const iterator = backend.readTx().unsafeIterate('b');
    iterator.next();
    iterator.return?.();
    expect(iterator.next().done).toBe(true);
    backend.update((tx) => tx.unsafeDeleteBucket('b'));
    await backend.defrag();
    expect(backend.size()).toBeLessThan(100_000);
  });

  test('of a missing bucket is empty, for readers and for the writer', async () => {
    const backend = await open();
    expect(iterated(backend.readTx().unsafeIterate('missing'))).toEqual([]);
    expect(iterated(backend.concurrentReadTx().unsafeIterate('missing', { reverse: true }))).toEqual([]);
    backend.update((tx) => expect(iterated(tx.unsafeIterate('missing'))).toEqual([]));
  });

  test('many at once go each its own way', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    const pairs = numbered(1000, 50);
    putAll(backend, 'b', pairs);
    await backend.defrag();
    const iterators = Array.from({ length: 20 }, (_, index) => backend.readTx().unsafeIterate('b', { reverse: index % 2 === 1 }));
    const found = iterators.map((): Pair[] => []);
    for (let step = 0; step < 1000; step++) {
      for (const [index, iterator] of iterators.entries())
        found[index]?.push(...iterated([iterator.next().value as [Buffer, Buffer]]));
    }
    for (const [index, walked] of found.entries()) expect(walked).toEqual(index % 2 === 1 ? [...pairs].reverse() : pairs);
  });
});
