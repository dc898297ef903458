/**
 * hash: the numbers that etcd gives for the same content, what is left out of it, and what it is taken of.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
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
    ['two buckets and an empty value', [['a', [['k1', 'v1']]], ['b', [['k2', '']]]], 2287578637],
    ['three keys', [['key', [['abc', 'bar'], ['def', 'baz'], ['overwrite', '2']]]], 2087105598],
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

interface Operation {
  op: 'create' | 'put' | 'seqput' | 'delete' | 'commit';
  bucket?: string;
  key?: string;
  val?: string;
}

function decoded(field: string | undefined): Buffer {
  return Buffer.from(field ?? '', 'base64');
}

function apply(backend: Backend, { op, bucket, key, val }: Operation): void {
  backend.update((tx) => {
    if (op === 'create') tx.unsafeCreateBucket(decoded(bucket));
    else if (op === 'put') tx.unsafePut(decoded(bucket), decoded(key), decoded(val));
    else if (op === 'seqput') tx.unsafeSeqPut(decoded(bucket), decoded(key), decoded(val));
    else if (op === 'delete') tx.unsafeDelete(decoded(bucket), decoded(key));
  });
}

describe.each(['backend-1', 'backend-2'])('the operations that etcd wrote into %s', (name) => {
  const directory = new URL(`../fixtures/etcd/${name}/`, import.meta.url);
  const expected = JSON.parse(readFileSync(fileURLToPath(new URL('expected.json', directory)), 'utf8'));
  const operations: Operation[] = readFileSync(fileURLToPath(new URL('ops.jsonl', directory)), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

  test.each([16_384, 1 << 20])('give the hash that etcd gives, whole and without its consistent index (memtable of %d bytes)', async (memtableBytes) => {
    const backend = await open({ memtableBytes });
    for (const operation of operations) {
      if (operation.op === 'commit') await backend.forceCommit();
      else apply(backend, operation);
    }
    await backend.forceCommit();
    const ignores = [{ bucket: 'meta', key: 'consistent_index' }];
    expect(await backend.hash()).toBe(expected.hash);
    expect(await backend.hash(ignores)).toBe(expected.hashIgnoringConsistentIndex);
    await backend.defrag();
    expect(await backend.hash()).toBe(expected.hash);
    expect(await backend.hash(ignores)).toBe(expected.hashIgnoringConsistentIndex);
  });
});

describe('ignores', () => {
  async function sample(): Promise<Backend> {
    const backend = await open();
    putAll(backend, 'a', [['k', '1'], ['l', '2']]);
    putAll(backend, 'b', [['k', '3'], ['l', '4']]);
    await backend.forceCommit();
    return backend;
  }

  const cases: [what: string, ignores: { bucket: BytesInput; key: BytesInput }[], text: string][] = [
    ['none', [], 'ak1l2bk3l4'],
    ['a key of one bucket, not of the other', [{ bucket: 'a', key: 'k' }], 'al2bk3l4'],
    ['bytes as well as strings', [{ bucket: Buffer.from('b'), key: new Uint8Array([0x6c]) }], 'ak1l2bk3'],
    ['all keys: the names stay', ['a', 'b'].flatMap((bucket) => ['k', 'l'].map((key) => ({ bucket, key }))), 'ab'],
    ['the same twice', [{ bucket: 'a', key: 'k' }, { bucket: 'a', key: 'k' }], 'al2bk3l4'],
    ['what does not exist, or cannot', [{ bucket: 'c', key: 'k' }, { bucket: 'a', key: 'm' }, { bucket: '', key: '' }], 'ak1l2bk3l4'],
    ['no prefix and no longer key', [{ bucket: 'a', key: 'k1' }, { bucket: 'ak', key: '1' }, { bucket: 'a', key: '' }], 'ak1l2bk3l4'],
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
    deleteAll(backend, 'b', numbered(700).filter((_, index) => index % 3 === 0).map(([key]) => key));
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
    putAll(backend, 'b', first.map(([key]) => [key, 'second'] as const));
    const committing = backend.forceCommit();
    const after = computed(backend);
    expect([before, after]).toContain(await hashing);
    await committing;
    expect(await backend.hash()).toBe(after);
  });
});

/** A message of etcd's: fields 1 to 5 of a stored key and value, zero fields left out. */
function stored(key: string, created: number, modified: number, version: number, value: string): Buffer {
  const varint = (field: number, number: number): number[] => {
    const out = [field << 3];
    let rest = number;
    for (; rest >= 0x80; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
    return number === 0 ? [] : [...out, rest];
  };
  const text = (field: number, content: string): number[] => [(field << 3) | 2, content.length, ...Buffer.from(content)];
  return Buffer.from([...text(1, key), ...varint(2, created), ...varint(3, modified), ...varint(4, version), ...text(5, value)]);
}

/** A revision as etcd stores it: the revision, an underscore, and zero. */
function revisionKey(revision: number): Buffer {
  const key = Buffer.alloc(17);
  key.writeBigUInt64BE(BigInt(revision), 0);
  key[8] = 0x5f;
  return key;
}

test('nineteen hashes of etcd\'s own test of revisions and compaction', async () => {
  const names = ['alice', 'bob', 'celine', 'dominik', 'eve', 'frederica', 'gorge'];
  const nameOf = (index: number): string => (index % 142 === 30 ? 'zenek' : index % 71 === 30 ? 'xavery' : (names[index % 7] as string));
  const backend = await open();
  putAll(backend, 'key', []);
  const history = new Map<string, { created: number; revisions: number[] }>();
  let revision = 1;
  const put = (index: number): void => {
    revision++;
    const name = nameOf(index);
    const entry = history.get(name) ?? { created: revision, revisions: [] };
    history.set(name, entry);
    entry.revisions.push(revision);
    versions.set(name, (versions.get(name) ?? 0) + 1);
    const value = stored(name, entry.created, revision, versions.get(name) as number, String(index));
    backend.update((tx) => tx.unsafeSeqPut('key', revisionKey(revision), value));
  };
  const versions = new Map<string, number>();
  const hashAt = async (asked: number): Promise<number> => {
    await backend.forceCommit();
    const later = Array.from({ length: revision - asked }, (_, index) => ({ bucket: 'key', key: revisionKey(asked + 1 + index) }));
    return backend.hash(later);
  };
  const compact = (at: number): void => {
    backend.update((tx) => {
      for (const entry of history.values()) {
        const newest = entry.revisions.filter((each) => each <= at).at(-1);
        for (const each of entry.revisions) if (each <= at && each !== newest) tx.unsafeDelete('key', revisionKey(each));
        entry.revisions = entry.revisions.filter((each) => each > at || each === newest);
      }
    });
  };
  const hashes: number[] = [];
  let from = 0;
  for (; from < 1210; from += 71) {
    for (let index = from; index <= from + 71; index++) put(index);
    hashes.push(await hashAt(from + 35));
    compact(from + 35);
  }
  for (let index = from; index <= from + 1210; index++) put(index);
  hashes.push(await hashAt(from + 605));
  expect(hashes).toEqual([
    4082599214, 2279933401, 3284231217, 126286495, 900108730, 2475485232, 1226296507, 2503661030, 4155130747, 106915399, 406914006,
    1882211381, 806177088, 664311366, 1496914449, 2434525091, 3988652253, 1122462288, 724436716,
  ]);
});
