/**
 * hash: the numbers that etcd gives for the same content, what is left out of it, and what it is taken of.
 */
import type { Backend, BytesInput } from 'varve';
import { describe, expect, test } from 'vitest';
import { bytes, deleteAll, everything, numbered, putAll } from './support/content.js';
import { crc32c } from './support/crc32c.js';
import { expectRejection, freshPath, open } from './support/harness.js';
import { openRestored, takeSnapshot } from './support/snapshots.js';

/** The hash by its definition, of everything that is unlocked. */
function computed(backend: Backend): number {
  return crc32c(everything(backend.readTx()).flatMap(([name, pairs]) => [bytes(name), bytes(pairs.flat().join(''))]));
}

test('the arithmetic of these tests gives the check value of CRC-32C', () => {
  expect(crc32c([Buffer.from('123456789')])).toBe(0xe3069283);
});

describe('known content', () => {
  const vectors: [what: string, content: [bucket: string, pairs: [string, string][]][], hash: number][] = [
    ['an empty backend', [], 0],
    ['a bucket without keys', [['test', []]], 2258662080],
    ['one key', [['test', [['foo', 'bar']]]], 330927568],
    [
      'two buckets and an empty value',
      [
        ['a', [['k1', 'v1']]],
        ['b', [['k2', '']]],
      ],
      2287578637,
    ],
    [
      'three keys',
      [
        [
          'key',
          [
            ['abc', 'bar'],
            ['def', 'baz'],
            ['overwrite', '2'],
          ],
        ],
      ],
      2087105598,
    ],
    ['ten thousand keys', [['test', Array.from({ length: 10_050 }, (_, index) => [`foo_${index + 50}`, 'bar'])]], 4071519318],
  ];
  test.each(vectors)('%s', async (_what, content, hash) => {
    const path = freshPath();
    const backend = await open({ path });
    for (const [bucket, pairs] of [...content].reverse()) putAll(backend, bucket, [...pairs].reverse());
    await backend.forceCommit();
    expect(await backend.hash()).toBe(hash);
    await backend.defrag();
    expect(await backend.hash()).toBe(hash);
    await backend.close();
    expect(await (await open({ path })).hash()).toBe(hash);
  });
});

describe('ignores', () => {
  async function sample(): Promise<Backend> {
    const backend = await open();
    putAll(backend, 'a', [
      ['k', '1'],
      ['l', '2'],
    ]);
    putAll(backend, 'b', [
      ['k', '3'],
      ['l', '4'],
    ]);
    await backend.forceCommit();
    return backend;
  }

  const cases: [what: string, ignores: { bucket: BytesInput; key: BytesInput }[], text: string][] = [
    ['none', [], 'ak1l2bk3l4'],
    ['a key of one bucket, not of the other', [{ bucket: 'a', key: 'k' }], 'al2bk3l4'],
    ['bytes as well as strings', [{ bucket: Buffer.from('b'), key: new Uint8Array([0x6c]) }], 'ak1l2bk3'],
    ['all keys: the names stay', ['a', 'b'].flatMap((bucket) => ['k', 'l'].map((key) => ({ bucket, key }))), 'ab'],
    [
      'the same twice',
      [
        { bucket: 'a', key: 'k' },
        { bucket: 'a', key: 'k' },
      ],
      'al2bk3l4',
    ],
    [
      'what does not exist, or cannot',
      [
        { bucket: 'c', key: 'k' },
        { bucket: 'a', key: 'm' },
        { bucket: '', key: '' },
      ],
      'ak1l2bk3l4',
    ],
    [
      'no prefix and no longer key',
      [
        { bucket: 'a', key: 'k1' },
        { bucket: 'ak', key: '1' },
        { bucket: 'a', key: '' },
      ],
      'ak1l2bk3l4',
    ],
  ];
  test.each(cases)('%s', async (_what, ignores, text) => {
    expect(await (await sample()).hash(ignores)).toBe(crc32c([bytes(text)]));
  });

  test('may be any iterable', async () => {
    const backend = await sample();
    const ignores = new Set([{ bucket: 'a', key: 'k' }]);
    expect(await backend.hash(ignores)).toBe(crc32c([bytes('al2bk3l4')]));
    expect(await backend.hash(ignores.values())).toBe(crc32c([bytes('al2bk3l4')]));
  });

  test('that throw are passed on as they are', async () => {
    const backend = await sample();
    const mine = new Error('mine');
    function* failing(): Generator<{ bucket: string; key: string }> {
      yield { bucket: 'a', key: 'k' };
      throw mine;
    }
    await expect(backend.hash(failing())).rejects.toBe(mine);
  });

  test('of something else than bytes are VARVE_INVALID_ARGUMENT', async () => {
    const backend = await sample();
    const wrong = [{ bucket: 'a', key: 7 as unknown as string }];
    await expectRejection(() => backend.hash(wrong), 'VARVE_INVALID_ARGUMENT');
  });
});

describe('it is taken of the committed content', () => {
  test('and does not commit: what is unlocked, or in an open section, is not in it', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', '1']]);
    expect(await backend.hash()).toBe(0);
    await backend.forceCommit();
    backend.update((tx) => tx.unsafePut('b', 'k', '2'));
    backend.batchTx().lock();
    backend.batchTx().unsafeDeleteBucket('b');
    expect(await backend.hash()).toBe(crc32c([bytes('bk1')]));
    expect(backend.commits()).toBe(1);
    backend.batchTx().rollback();
    await backend.forceCommit();
    expect(await backend.hash()).toBe(crc32c([bytes('bk2')]));
  });

  test('and is the same after defrag, reopening with other options, and restoring', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384 });
    for (const bucket of ['a', 'b', 'c']) putAll(backend, bucket, numbered(700, 60));
    deleteAll(
      backend,
      'b',
      numbered(700)
        .filter((_, index) => index % 3 === 0)
        .map(([key]) => key),
    );
    await backend.forceCommit();
    const hash = await backend.hash();
    expect(hash).toBe(computed(backend));
    await backend.defrag();
    expect(await backend.hash()).toBe(hash);
    expect(await (await openRestored(await takeSnapshot(backend))).hash()).toBe(hash);
    await backend.close();
    expect(await (await open({ path, compression: 'none', cacheBytes: 0 })).hash()).toBe(hash);
  });

  test('and is of one moment, though sections are committed meanwhile', async () => {
    const backend = await open({ memtableBytes: 16_384, cacheBytes: 0 });
    const first = numbered(2000, 100);
    putAll(backend, 'b', first);
    await backend.forceCommit();
    const before = computed(backend);
    const hashing = backend.hash();
    putAll(
      backend,
      'b',
      first.map(([key]) => [key, 'second'] as const),
    );
    const committing = backend.forceCommit();
    const after = computed(backend);
    expect([before, after]).toContain(await hashing);
    await committing;
    expect(await backend.hash()).toBe(after);
  });
});
