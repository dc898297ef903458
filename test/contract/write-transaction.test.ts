/**
 * Writing inside a section: put, seqPut, delete, their limits, their copies and what the writer sees of them.
 */
import { describe, expect, test } from 'vitest';
import {
  bytes,
  deleteAll,
  everything,
  latin1,
  numbered,
  pairsOf,
  putAll,
  rangePairs,
  unlockedContent,
} from './support/content.js';
import { expectCode, freshPath, open } from './support/harness.js';

describe('a put', () => {
  test('is seen by the writer at once and by readers at unlock', async () => {
    const backend = await open();
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafeCreateBucket('b');
    tx.unsafePut('b', 'k', 'v');
    expect(tx.unsafeGet('b', 'k')?.toString()).toBe('v');
    expect(rangePairs(tx.unsafeRange('b', 'a', 'z'))).toEqual([['k', 'v']]);
    expect(pairsOf(tx, 'b')).toEqual([['k', 'v']]);
    expect([...tx.unsafeIterate('b')]).toHaveLength(1);
    expect(tx.unsafeBuckets().map(latin1)).toEqual(['b']);
    expect(everything(backend.readTx())).toEqual([]);
    tx.unlock();
    expect(everything(backend.readTx())).toEqual([['b', [['k', 'v']]]]);
  });

  test('the last one of a key wins, within a section and over sections', async () => {
    const backend = await open();
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      for (const value of ['1', '2', '3']) {
        tx.unsafePut('b', 'k', value);
        expect(tx.unsafeGet('b', 'k')?.toString()).toBe(value);
      }
    });
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['k', '3']]);
    putAll(backend, 'b', [
      ['k', '4'],
      ['k', '5'],
    ]);
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['k', '5']]);
  });

  test('an empty value is a value', async () => {
    const backend = await open();
    putAll(backend, 'b', [
      ['k', ''],
      ['l', new Uint8Array(0)],
    ]);
    await backend.defrag();
    expect(backend.readTx().unsafeGet('b', 'k')).toEqual(Buffer.alloc(0));
    expect(pairsOf(backend.readTx(), 'b')).toEqual([
      ['k', ''],
      ['l', ''],
    ]);
  });

  test('bytes of every value survive in bucket, key and value', async () => {
    const path = freshPath();
    const all = bytes(Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join(''));
    const backend = await open({ path });
    putAll(backend, all, [[all, all]]);
    await backend.close();
    expect(unlockedContent(await open({ path }))).toEqual([[latin1(all), [[latin1(all), latin1(all)]]]]);
  });

  test('copies what it keeps: scribbling on the inputs changes nothing', async () => {
    const backend = await open();
    const bucket = Buffer.from('bucket');
    const key = Buffer.from('key');
    const value = Buffer.from('value');
    backend.update((tx) => {
      tx.unsafeCreateBucket(bucket);
      tx.unsafePut(bucket, key, value);
      value.fill(0);
      key.fill(0);
      tx.unsafeSeqPut(bucket, Buffer.from('kez').fill('kez'), value.fill('second'));
      value.fill(1);
      bucket.fill(0);
      expect(pairsOf(tx, 'bucket')).toEqual([
        ['key', 'value'],
        ['kez', 'secon'],
      ]);
    });
    await backend.forceCommit();
    expect(everything(backend.readTx())).toEqual([
      [
        'bucket',
        [
          ['key', 'value'],
          ['kez', 'secon'],
        ],
      ],
    ]);
  });

  test('takes views into larger buffers as the bytes of the view', async () => {
    const backend = await open();
    const large = Buffer.from('xxkeyvaluexx');
    putAll(backend, 'b', [[large.subarray(2, 5), new Uint8Array(large.buffer, large.byteOffset + 5, 5)]]);
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['key', 'value']]);
  });
});

describe('strings', () => {
  test('stand for their UTF-8 bytes', async () => {
    const backend = await open();
    putAll(backend, 'Bäume', [['Ωμέγα', '木 🌲']]);
    expect(backend.readTx().unsafeGet(Buffer.from('Bäume', 'utf8'), Buffer.from('Ωμέγα', 'utf8'))).toEqual(
      Buffer.from('木 🌲', 'utf8'),
    );
  });

  test('a lone surrogate stands for U+FFFD', async () => {
    const backend = await open();
    putAll(backend, 'b', [
      ['a\ud800', 'x\udc00y'],
      ['\udfff\ud8001', 'v'],
    ]);
    expect(backend.readTx().unsafeGet('b', Buffer.from('a\ufffd'))).toEqual(Buffer.from('x\ufffdy'));
    expect(backend.readTx().unsafeGet('b', '\ufffd\ufffd1')?.toString()).toBe('v');
  });

  test('are measured in bytes, not in characters', async () => {
    const backend = await open();
    putAll(backend, 'b', [['é'.repeat(16_384), 'v']]);
    expectCode(() => putAll(backend, 'b', [[`${'é'.repeat(16_384)}a`, 'v']]), 'VARVE_LIMIT');
  });
});

describe('seqPut', () => {
  test('keys in order, out of order and repeated all come out right, mixed with put', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    const pairs = numbered(2000, 40);
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      for (const [key, value] of pairs.slice(1000)) tx.unsafeSeqPut('b', key, value);
      for (const [key, value] of pairs.slice(0, 1000).reverse()) tx.unsafeSeqPut('b', key, value);
      tx.unsafePut('b', 'key00500', 'put over');
      tx.unsafeSeqPut('b', 'key00500', 'in order over');
      tx.unsafeSeqPut('b', 'key01500', 'in order over');
    });
    const expected = pairs.map(([key, value]) => [key, key === 'key00500' || key === 'key01500' ? 'in order over' : value]);
    expect(pairsOf(backend.readTx(), 'b')).toEqual(expected);
    for (const [key, value] of expected)
      expect(
        backend
          .readTx()
          .unsafeGet('b', key as string)
          ?.toString(),
      ).toBe(value);
    await backend.defrag();
    expect(pairsOf(backend.readTx(), 'b')).toEqual(expected);
  });

  test('has the limits and the codes of put', async () => {
    const backend = await open();
    backend.update((tx) => {
      expectCode(() => tx.unsafeSeqPut('missing', 'k', 'v'), 'VARVE_BUCKET_NOT_FOUND');
      tx.unsafeCreateBucket('b');
      expectCode(() => tx.unsafeSeqPut('b', '', 'v'), 'VARVE_LIMIT');
      expectCode(() => tx.unsafeSeqPut('b', Buffer.alloc(32_769), 'v'), 'VARVE_LIMIT');
      tx.unsafeSeqPut('b', Buffer.alloc(32_768), 'v');
    });
  });
});

describe('limits', () => {
  test('a key of 1 and one of 32768 bytes work, through compaction and reopening', async () => {
    const path = freshPath();
    const longest = 'k'.repeat(32_768);
    const backend = await open({ path, memtableBytes: 16_384 });
    putAll(backend, 'b', [
      ['k', 'short'],
      [longest, 'long'],
      [`${longest.slice(1)}l`, 'other'],
    ]);
    await backend.defrag();
    await backend.close();
    const again = await open({ path });
    expect(pairsOf(again.readTx(), 'b')).toEqual([
      ['k', 'short'],
      [longest, 'long'],
      [`${longest.slice(1)}l`, 'other'],
    ]);
    expect(again.readTx().unsafeGet('b', longest)?.toString()).toBe('long');
  });

  test('an empty key, a key of 32769 bytes and a value above 1 GiB throw VARVE_LIMIT, and nothing is written', async () => {
    const backend = await open();
    const huge = Buffer.alloc(1024 * 1024 * 1024 + 1);
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      expectCode(() => tx.unsafePut('b', '', 'v'), 'VARVE_LIMIT');
      expectCode(() => tx.unsafePut('b', Buffer.alloc(32_769, 'k'), 'v'), 'VARVE_LIMIT');
      expectCode(() => tx.unsafePut('b', 'k', huge), 'VARVE_LIMIT');
      expect(pairsOf(tx, 'b')).toEqual([]);
      tx.unsafePut('b', 'after', 'works');
    });
    await backend.forceCommit();
    expect(everything(backend.readTx())).toEqual([['b', [['after', 'works']]]]);
  });
});

describe('a delete', () => {
  test('is seen by the writer at once and by readers at unlock, before any commit', async () => {
    const backend = await open();
    putAll(backend, 'b', [
      ['k', 'v'],
      ['l', 'w'],
    ]);
    await backend.forceCommit();
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafeDelete('b', 'k');
    expect(pairsOf(tx, 'b')).toEqual([['l', 'w']]);
    expect(pairsOf(backend.readTx(), 'b')).toEqual([
      ['k', 'v'],
      ['l', 'w'],
    ]);
    tx.unlock();
    expect(backend.readTx().unsafeGet('b', 'k')).toBeUndefined();
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['l', 'w']]);
  });

  test('of a missing key is no error, nor one of a key that cannot be', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    deleteAll(backend, 'b', ['missing', 'missing', '', Buffer.alloc(40_000)]);
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['k', 'v']]);
  });

  test('and a put of one key in one section: the later one holds', async () => {
    const backend = await open();
    putAll(backend, 'b', [
      ['stays', '1'],
      ['goes', '1'],
    ]);
    backend.update((tx) => {
      tx.unsafeDelete('b', 'stays');
      tx.unsafePut('b', 'stays', '2');
      tx.unsafePut('b', 'goes', '2');
      tx.unsafeDelete('b', 'goes');
    });
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['stays', '2']]);
  });

  test('of many keys holds through flush, compaction and reopening', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384 });
    const pairs = numbered(3000, 50);
    putAll(backend, 'b', pairs);
    await backend.defrag();
    deleteAll(
      backend,
      'b',
      pairs.filter((_, index) => index % 3 !== 0).map(([key]) => key),
    );
    const left = pairs.filter((_, index) => index % 3 === 0);
    expect(pairsOf(backend.readTx(), 'b')).toEqual(left);
    await backend.close();
    const again = await open({ path });
    expect(pairsOf(again.readTx(), 'b')).toEqual(left);
    await again.defrag();
    expect(pairsOf(again.readTx(), 'b')).toEqual(left);
  });
});

test('there is one write transaction: what is locked through one reference is locked through each', async () => {
  const backend = await open();
  backend.batchTx().lock();
  backend.batchTx().unsafeCreateBucket('b');
  expectCode(() => backend.batchTx().lock(), 'VARVE_TX_LOCKED');
  backend.batchTx().unlock();
  expectCode(() => backend.batchTx().unlock(), 'VARVE_TX_NOT_LOCKED');
  expect(everything(backend.readTx())).toEqual([['b', []]]);
});
