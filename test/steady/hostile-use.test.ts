/**
 * Uses that are legal and unkind: names that mean something to JavaScript, keys at their limits, callers that scribble, close in the
 * middle of everything. What test/contract shows for one call at a time is here done all at once, and in tables, logs and memory.
 */
import { describe, expect, test } from 'vitest';
import { type Backend, VarveError } from 'varve';
import { bytes, everything, latin1, numbered, pairsOf, putAll, unlockedContent } from '../contract/support/content.js';
import { expectRejection, freshPath, open, turns } from '../contract/support/harness.js';
import { Collector, openRestored, takeSnapshot } from '../contract/support/snapshots.js';
import { byTier } from '../support/tier.js';
import { unaccountedFiles } from './process.js';

const keyBytesMax = 32_768;

/** Bytes as latin1: names of the language, no UTF-8, zeros, the highest byte, the longest key. */
const names = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '\0',
  '\0\0',
  '\0a',
  '\xff',
  '\xff\xff\xff\xff',
  '\xc3\x28',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
  '../../etc/passwd',
  'k'.repeat(keyBytesMax),
  '\0'.repeat(keyBytesMax),
  '\xff'.repeat(keyBytesMax),
].sort();

describe('names that mean something elsewhere', () => {
  test('are buckets and keys byte for byte, in memory, in logs, in tables, in a snapshot and after a defrag', async () => {
    const path = freshPath();
    let backend = await open({ path, memtableBytes: 1 << 20 });
    for (const bucket of names.slice(0, 8))
      putAll(
        backend,
        bytes(bucket),
        names.map((key) => [bytes(key), bytes(`${bucket}/`)]),
      );
    const wanted = names.slice(0, 8).map((bucket) => [bucket, names.map((key) => [key, `${bucket}/`])]);
    expect(unlockedContent(backend)).toEqual(wanted);
    await backend.close();
    backend = await open({ path });
    expect(unlockedContent(backend)).toEqual(wanted);
    expect(unlockedContent(await openRestored(await takeSnapshot(backend)))).toEqual(wanted);
    await backend.defrag();
    expect(unlockedContent(backend)).toEqual(wanted);
    const seen = backend.readTx().unsafeRange(bytes('__proto__'), bytes('\0'), bytes('\xff\xff\xff\xff\xff'));
    expect(seen.keys.map(latin1)).toEqual(names.filter((name) => name < '\xff\xff\xff\xff\xff'));
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test('ten thousand buckets, made and deleted by halves, come back after a reopening', async () => {
    const path = freshPath();
    const count = byTier(1000, 10_000);
    const backend = await open({ path, memtableBytes: 65_536 });
    backend.update((tx) => {
      for (let bucket = 0; bucket < count; bucket++) tx.unsafeCreateBucket(`bucket${bucket}`);
    });
    backend.update((tx) => {
      for (let bucket = 0; bucket < count; bucket += 2) tx.unsafeDeleteBucket(`bucket${bucket}`);
      for (let bucket = 1; bucket < count; bucket += 2) tx.unsafePut(`bucket${bucket}`, 'k', `${bucket}`);
    });
    await backend.close();
    const again = await open({ path });
    const left = everything(again.readTx());
    expect(left).toHaveLength(count / 2);
    for (const [bucket, pairs] of left) expect(pairs).toEqual([['k', bucket.slice(6)]]);
  });
});

/** Every buffer that the library gives for one bucket, by every way of reading. */
function handedOut(backend: Backend): Buffer[] {
  const found: Buffer[] = [];
  const tx = backend.readTx();
  tx.unsafeForEach('b', (key, value) => void found.push(key, value));
  for (const [key, value] of tx.unsafeIterate('b', { reverse: true })) found.push(key, value);
  const { keys, vals } = tx.unsafeRange('b', 'k', 'l');
  for (const [key] of tx.unsafeIterate('b', { limit: 20 })) found.push(tx.unsafeGet('b', key) ?? Buffer.alloc(0));
  return [...found, ...keys, ...vals, ...tx.unsafeBuckets()];
}

describe('a caller that scribbles', () => {
  test('over all that it gave and all that it got, again and again, changes neither content nor checksums', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384, cacheBytes: 65_536 });
    const pairs = numbered(300, 50);
    const given: Buffer[] = [];
    backend.update((tx) => {
      const bucket = Buffer.from('b');
      tx.unsafeCreateBucket(bucket);
      for (const [key, value] of pairs) {
        const [keyBytes, valueBytes] = [bytes(key), bytes(value)];
        tx.unsafePut(bucket, keyBytes, valueBytes);
        given.push(keyBytes, valueBytes);
        // Before the section ends, the log is written and the memtable is sorted.
        keyBytes.fill(0xee);
        valueBytes.fill(0xee);
      }
    });
    for (const step of [() => {}, () => backend.forceCommit(), () => backend.defrag(), () => {}]) {
      await step();
      for (const buffer of [...given, ...handedOut(backend)]) buffer.fill(0xdd);
      expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs);
    }
    await backend.close();
    expect(pairsOf((await open({ path })).readTx(), 'b')).toEqual(pairs);
  });
});

/** What may be under way when close comes. What it gives settles, one way or the other. */
const phases: Readonly<Record<string, (backend: Backend) => Promise<unknown>[]>> = {
  'a commit': (backend) => {
    putAll(backend, 'late', numbered(50));
    return [backend.forceCommit(), backend.batchTx().commit()];
  },
  'a flush': (backend) => {
    for (let part = 0; part < 4; part++) putAll(backend, 'late', numbered(200, 100, `p${part}`));
    return [backend.forceCommit()];
  },
  'a defrag, by two callers': (backend) => {
    putAll(backend, 'late', numbered(500, 100));
    return [backend.defrag(), backend.defrag({ onProgress: () => {}, signal: new AbortController().signal })];
  },
  'a snapshot and its stream': (backend) => [
    backend.snapshot(),
    backend.snapshot().then((snapshot) => snapshot.writeTo(new Collector())),
    backend.snapshot().then((snapshot) => snapshot.writeTo(new WritableStream({}))),
  ],
  'a hash': (backend) => [backend.hash(), backend.hash()],
  'an open section with others that wait': (backend) => {
    backend.batchTx().lock();
    return [backend.batchTx().acquire(), backend.batchTx().acquire(), backend.forceCommit()];
  },
  'iterators and views': (backend) => {
    backend.readTx().rlock();
    backend.readTx().unsafeIterate('b').next();
    backend.concurrentReadTx().unsafeIterate('b', { reverse: true }).next();
    return [];
  },
};

describe('a close in the middle', () => {
  test.each(Object.entries(phases))(
    'of %s, at once or some turns later, twice: all settles, and the directory is whole',
    async (_name, begin) => {
      const path = freshPath();
      for (const turnCount of byTier([2], [0, 1, 2, 3, 5, 8, 13, 21, 50, 100, 200])) {
        const backend = await open({ path, memtableBytes: 16_384 });
        putAll(backend, 'b', numbered(300, 100));
        const underWay = begin(backend);
        const settled = Promise.allSettled(underWay);
        await turns(turnCount);
        await Promise.all([backend.close(), backend.close()]);
        for (const outcome of await settled) {
          if (outcome.status === 'fulfilled') continue;
          expect(outcome.reason).toBeInstanceOf(VarveError);
          expect((outcome.reason as VarveError).code).toBe('VARVE_CLOSED');
        }
        await expectRejection(() => backend.forceCommit(), 'VARVE_CLOSED');
        const again = await open({ path });
        expect(pairsOf(again.readTx(), 'b')).toEqual(numbered(300, 100));
        await again.close();
        expect(unaccountedFiles(path)).toEqual([]);
      }
    },
  );

  test('from within a visitor, an iteration, a view, a section and a progress function', async () => {
    const places: ((backend: Backend, close: () => void) => unknown)[] = [
      (backend, close) => backend.readTx().unsafeForEach('b', close),
      (backend, close) => {
        for (const pair of backend.readTx().unsafeIterate('b')) if (pair.length === 2) close();
      },
      (backend, close) =>
        backend.view((tx) => {
          close();
          tx.unsafeGet('b', 'key00000');
        }),
      (backend, close) =>
        backend.update((tx) => {
          close();
          tx.unsafePut('b', 'k', 'never');
        }),
      (backend, close) => backend.defrag({ onProgress: close }),
    ];
    for (const place of places) {
      const path = freshPath();
      const backend = await open({ path });
      putAll(backend, 'b', numbered(100));
      let closed: Promise<void> | undefined;
      const outcome = await Promise.allSettled([
        Promise.resolve().then(() => place(backend, () => (closed ??= backend.close()))),
      ]);
      expect(outcome[0]).toMatchObject({ status: 'rejected', reason: { code: 'VARVE_CLOSED' } });
      await closed;
      expect(pairsOf((await open({ path })).readTx(), 'b')).toEqual(numbered(100));
    }
  });
});
