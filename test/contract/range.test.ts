/**
 * unsafeRange: bounds, limits and order, on every kind of transaction, from memory and from tables.
 */
import type { BytesInput, ReadTx } from 'varve';
import { describe, expect, test } from 'vitest';
import { bytes, numbered, putAll, rangeKeys, rangePairs } from './support/content.js';
import { expectCode, open } from './support/harness.js';

const keys = ['\0', '\0\0', 'a', 'a\0', 'a\0\0', 'aa', 'a\xff', 'b', '\x7f', '\x80', '\xfe\xff', '\xff', '\xff\0', '\xff\xff'];
const pairs = keys.map((key) => [bytes(key), bytes(`value of ${key}`)] as const);

/** A backend whose keys lie in memory, in tables, or in both with newer versions in memory; read through each transaction. */
async function readers(place: 'memory' | 'tables' | 'both'): Promise<[name: string, reader: ReadTx][]> {
  const backend = await open();
  if (place === 'both') {
    putAll(backend, 'b', [...pairs.filter((_, index) => index % 2 === 0), ['old', 'deleted later']]);
    putAll(
      backend,
      'b',
      pairs.filter((_, index) => index % 3 === 0).map(([key]) => [key, 'older'] as const),
    );
    await backend.defrag();
    backend.update((tx) => tx.unsafeDelete('b', 'old'));
  }
  // Put in no order.
  putAll(backend, 'b', [...pairs.slice(5), ...pairs.slice(0, 5)].reverse());
  if (place === 'tables') await backend.defrag();
  backend.batchTx().lock();
  return [
    ['batch', backend.batchTx()],
    ['shared', backend.readTx()],
    ['concurrent', backend.concurrentReadTx()],
  ];
}

/** What a range must give, by its definition. */
function expected(key: string, endKey: string | null | undefined, limit: number | undefined): string[] {
  const inside =
    endKey === undefined || endKey === null || endKey === ''
      ? keys.filter((k) => k === key)
      : keys.filter((k) => k >= key && k < endKey);
  return limit === undefined || limit <= 0 ? inside : inside.slice(0, limit);
}

describe.each(['memory', 'tables', 'both'] as const)('keys in %s', (place) => {
  test('every range from every key to every key, with every kind of limit, is what its definition says', async () => {
    const bounds = ['', ...keys, 'c', '\xff\xff\xff'];
    for (const [name, reader] of await readers(place)) {
      for (const key of bounds) {
        for (const endKey of [undefined, null, ...bounds]) {
          for (const limit of [undefined, -1, 0, 1, 2, 5, 100]) {
            const end = typeof endKey === 'string' ? bytes(endKey) : endKey;
            const found = rangePairs(reader.unsafeRange('b', bytes(key), end, limit));
            const wanted = expected(key, endKey, limit).map((k) => [k, `value of ${k}`]);
            expect(found, `${name} ${JSON.stringify([key, endKey, limit])}`).toEqual(wanted);
          }
        }
      }
    }
  });
});

describe('the rules one by one', () => {
  test('the end is exclusive, the beginning inclusive', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(5));
    expect(rangeKeys(backend.readTx().unsafeRange('b', 'key00001', 'key00003'))).toEqual(['key00001', 'key00002']);
  });

  test('without an end key it is the one key equal to the key, whatever the limit', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(5));
    const reader = backend.readTx();
    for (const endKey of [undefined, null, '', new Uint8Array(0)]) {
      for (const limit of [undefined, -3, 0, 1, 10]) {
        expect(rangeKeys(reader.unsafeRange('b', 'key00001', endKey, limit))).toEqual(['key00001']);
        expect(rangeKeys(reader.unsafeRange('b', 'key0000', endKey, limit))).toEqual([]);
        expect(rangeKeys(reader.unsafeRange('b', '', endKey, limit))).toEqual([]);
      }
    }
  });

  test('an end that is not above the beginning gives nothing', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(5));
    expect(rangeKeys(backend.readTx().unsafeRange('b', 'key00003', 'key00003'))).toEqual([]);
    expect(rangeKeys(backend.readTx().unsafeRange('b', 'key00003', 'key00001'))).toEqual([]);
  });

  test('a limit takes the smallest keys, newest values, over memory and tables alike', async () => {
    const backend = await open();
    putAll(backend, 'b', [
      ['k1', 'old'],
      ['k3', 'old'],
      ['k5', 'old'],
    ]);
    await backend.defrag();
    putAll(backend, 'b', [
      ['k2', 'new'],
      ['k3', 'new'],
      ['k9', 'new'],
    ]);
    expect(rangePairs(backend.readTx().unsafeRange('b', 'k', 'l', 3))).toEqual([
      ['k1', 'old'],
      ['k2', 'new'],
      ['k3', 'new'],
    ]);
    backend.update((tx) => tx.unsafeDelete('b', 'k1'));
    expect(rangePairs(backend.readTx().unsafeRange('b', 'k', 'l', 3))).toEqual([
      ['k2', 'new'],
      ['k3', 'new'],
      ['k5', 'old'],
    ]);
  });

  test('keys and vals are as long as each other', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(100));
    const found = backend.readTx().unsafeRange('b', 'a', 'z', 33);
    expect([found.keys.length, found.vals.length]).toEqual([33, 33]);
  });

  test('a missing bucket is empty to readers and VARVE_BUCKET_NOT_FOUND to the writer', async () => {
    const backend = await open();
    for (const reader of [backend.readTx(), backend.concurrentReadTx()]) {
      expect(reader.unsafeRange('missing', 'a', 'z')).toEqual({ keys: [], vals: [] });
      expect(reader.unsafeRange('missing', 'a')).toEqual({ keys: [], vals: [] });
    }
    backend.update((tx) => {
      expectCode(() => tx.unsafeRange('missing', 'a', 'z'), 'VARVE_BUCKET_NOT_FOUND');
      expectCode(() => tx.unsafeRange('missing', 'a'), 'VARVE_BUCKET_NOT_FOUND');
    });
  });

  test('it never leaves its bucket', async () => {
    const backend = await open();
    for (const bucket of ['a', 'b', 'c'])
      putAll(backend, bucket, [
        ['\0', bucket],
        [bytes('\xff\xff'), bucket],
      ]);
    for (const place of ['memory', 'tables']) {
      expect(rangePairs(backend.readTx().unsafeRange('b', '', bytes('\xff\xff\xff'))), place).toEqual([
        ['\0', 'b'],
        ['\xff\xff', 'b'],
      ]);
      await backend.defrag();
    }
  });

  test('a page after a page gives the whole bucket', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    const all = numbered(2000, 50);
    putAll(backend, 'b', all);
    const read: string[] = [];
    let from: BytesInput = '';
    for (;;) {
      const page = rangeKeys(backend.readTx().unsafeRange('b', from, bytes('\xff'), 37));
      read.push(...page);
      if (page.length < 37) break;
      from = `${page.at(-1)}\0`;
    }
    expect(read).toEqual(all.map(([key]) => key));
  });

  test('more keys than one block or one memtable holds come in order', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    const all = numbered(5000, 60);
    for (let start = 0; start < 10; start++)
      putAll(
        backend,
        'b',
        all.filter((_, index) => index % 10 === start),
      );
    expect(rangePairs(backend.readTx().unsafeRange('b', 'key', 'kez'))).toEqual(all);
  });
});
