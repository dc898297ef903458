/**
 * Reads that take several entries at once show nothing of it: user code between two steps of a walk sees, and may do, what it could if
 * every entry were read when it is handed out.
 */
import type { BatchTx, ReadTx } from 'varve';
import { describe, expect, test } from 'vitest';
import { iterated, latin1, numbered, type Pair, pairsOf, putAll } from './support/content.js';
import { expectCode, open, thrownBy } from './support/harness.js';

const count = 300;
const pairs = numbered(count, 20);

/** A backend with the pairs in one table, where a walk reads far ahead, or in memory, where it does not. */
async function filled(place: 'a table' | 'memory') {
  const backend = await open({ memtableBytes: 65_536 });
  putAll(backend, 'b', pairs);
  putAll(backend, 'other', []);
  if (place === 'a table') await backend.defrag();
  return backend;
}

const places = ['a table', 'memory'] as const;

describe.each(places)('a walk over %s', (place) => {
  test('of the batch transaction does not see what its own visitor writes, deletes and flushes', async () => {
    const backend = await filled(place);
    backend.update((tx) => {
      const found: Pair[] = [];
      tx.unsafeForEach('b', (key, value) => {
        found.push([latin1(key), latin1(value)]);
        const next = `key${String(found.length).padStart(5, '0')}`;
        if (found.length % 3 === 0) tx.unsafeDelete('b', next);
        else tx.unsafePut('b', next, Buffer.alloc(20_000, found.length));
      });
      expect(found).toEqual(pairs);
      expect(tx.unsafeGet('b', 'key00001')?.length).toBe(20_000);
      expect(tx.unsafeGet('b', 'key00003')).toBeUndefined();
    });
  });

  test('ends with the section right after the visitor that ended it, and not an entry later', async () => {
    const backend = await filled(place);
    for (const end of ['unlock', 'rollback'] as const) {
      const tx = backend.batchTx();
      tx.lock();
      let visited = 0;
      const walk = (): void =>
        tx.unsafeForEach('b', () => {
          if (++visited === 7) tx[end]();
        });
      expectCode(walk, 'VARVE_TX_NOT_LOCKED');
      expect(visited).toBe(7);
    }
  });

  test('ends with another section that began in its visitor', async () => {
    const backend = await filled(place);
    const tx = backend.batchTx();
    tx.lock();
    let visited = 0;
    const walk = (): void =>
      tx.unsafeForEach('b', () => {
        visited++;
        tx.unlock();
        tx.lock();
      });
    expectCode(walk, 'VARVE_TX_NOT_LOCKED');
    expect(visited).toBe(1);
    tx.unlock();
  });

  test('ends with its transaction right after the visitor that ended it, and takes its place again where memory was flushed', async () => {
    const backend = await filled(place);
    const reader = backend.concurrentReadTx();
    const found: Pair[] = [];
    const walk = (): void =>
      reader.unsafeForEach('b', (key, value) => {
        found.push([latin1(key), latin1(value)]);
        backend.update((tx) => tx.unsafePut('other', key, Buffer.alloc(10_000)));
        if (found.length === count - 7) reader.runlock();
      });
    expectCode(walk, 'VARVE_CLOSED');
    expect(found).toEqual(pairs.slice(0, count - 7));
  });

  test('ends with its transaction and with its backend, at the next step', async () => {
    const backend = await filled(place);
    const reader = backend.concurrentReadTx();
    const ended = reader.unsafeIterate('b');
    const closed = backend.readTx().unsafeIterate('b', { reverse: true });
    for (let i = 0; i < 7; i++) expect([ended.next().done, closed.next().done]).toEqual([false, false]);
    reader.runlock();
    expectCode(() => ended.next(), 'VARVE_CLOSED');
    expect(closed.next().done).toBe(false);
    await backend.close();
    expectCode(() => closed.next(), 'VARVE_CLOSED');
  });

  test('goes its way while its visitor walks, reads ranges and throws in a walk of its own', async () => {
    const backend = await filled(place);
    const reader = backend.concurrentReadTx();
    const found: Pair[] = [];
    const other = reader.unsafeIterate('b', { reverse: true });
    reader.unsafeForEach('b', (key, value) => {
      found.push([latin1(key), latin1(value)]);
      expect(reader.unsafeRange('b', 'key00010', 'key00020').keys.map(latin1)).toEqual(pairs.slice(10, 20).map(([name]) => name));
      expect(iterated([other.next().value as [Buffer, Buffer]])).toEqual([pairs[count - found.length]]);
      thrownBy(() =>
        reader.unsafeForEach('b', () => {
          throw new Error('enough');
        }),
      );
    });
    expect(found).toEqual(pairs);
    expect(other.next().done).toBe(true);
  });

  test('stays at its view while what it reads is flushed, merged and removed', async () => {
    const backend = await filled(place);
    const forward = backend.readTx().unsafeIterate('b');
    const reverse = backend.readTx().unsafeIterate('b', { reverse: true });
    const found: [Pair[], Pair[]] = [[], []];
    for (let step = 0; step < count; step++) {
      found[0].push(...iterated([forward.next().value as [Buffer, Buffer]]));
      found[1].push(...iterated([reverse.next().value as [Buffer, Buffer]]));
      if (step % 50 !== 13) continue;
      backend.update((tx) => {
        for (const [key] of pairs)
          if (step % 100 === 13) tx.unsafeDelete('b', key);
          else tx.unsafePut('b', `${key}+${step}`, 'later');
      });
      await backend.defrag();
    }
    expect(found).toEqual([pairs, [...pairs].reverse()]);
    expect([forward.next().done, reverse.next().done]).toEqual([true, true]);
  });

  test('gives what the caller may change, without a change of anything else', async () => {
    const backend = await filled(place);
    const scribble = ([key, value]: [Buffer, Buffer]): Pair => {
      const pair: Pair = [latin1(key), latin1(value)];
      key.fill(0xff);
      value.fill(0xff);
      return pair;
    };
    const all = (reader: ReadTx | BatchTx): Pair[][] => {
      const visited: Pair[] = [];
      reader.unsafeForEach('b', (key, value) => visited.push(scribble([key, value])));
      const { keys, vals } = reader.unsafeRange('b', 'key', 'l');
      return [
        visited,
        [...reader.unsafeIterate('b')].map(scribble),
        [...reader.unsafeIterate('b', { reverse: true })].map(scribble).reverse(),
        keys.map((key, i) => scribble([key, vals[i] as Buffer])),
      ];
    };
    for (const found of [...all(backend.readTx()), ...backend.update(all)]) expect(found).toEqual(pairs);
    expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs);
  });
});

test('a limit is met exactly, by ranges and iterators, at every length', async () => {
  const backend = await filled('a table');
  const reader = backend.concurrentReadTx();
  for (let limit = 1; limit <= count + 1; limit += limit < 40 ? 1 : 37) {
    const wanted = pairs.slice(0, limit).map(([key]) => key);
    expect(reader.unsafeRange('b', 'key', 'l', limit).keys.map(latin1)).toEqual(wanted);
    expect(iterated(reader.unsafeIterate('b', { limit })).map(([key]) => key)).toEqual(wanted);
    expect(iterated(reader.unsafeIterate('b', { limit, reverse: true }))).toEqual([...pairs].reverse().slice(0, limit));
  }
});

test('what is handed out are Buffers like any other, also empty ones', async () => {
  const backend = await open();
  putAll(backend, 'b', [
    ['a', ''],
    ['b', 'x'],
    ['c', ''],
  ]);
  await backend.defrag();
  for (const buffer of [...backend.readTx().unsafeIterate('b')].flat()) {
    expect(Object.getPrototypeOf(buffer)).toBe(Buffer.prototype);
    expect(Buffer.isBuffer(buffer)).toBe(true);
  }
  expect(iterated(backend.readTx().unsafeIterate('b'))).toEqual([
    ['a', ''],
    ['b', 'x'],
    ['c', ''],
  ]);
});
