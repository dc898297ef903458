/**
 * hash against etcd: operations that its backend executed, and the numbers of its own test of revisions and compaction.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Backend } from 'varve';
import { describe, expect, test } from 'vitest';
import { putAll } from './support/content.js';
import { open } from './support/harness.js';

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

  test.each([16_384, 1 << 20])(
    'give the hash that etcd gives, whole and without its consistent index (memtable of %d bytes)',
    async (memtableBytes) => {
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
    },
  );
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

test("nineteen hashes of etcd's own test of revisions and compaction", async () => {
  const names = ['alice', 'bob', 'celine', 'dominik', 'eve', 'frederica', 'gorge'];
  const nameOf = (index: number): string =>
    index % 142 === 30 ? 'zenek' : index % 71 === 30 ? 'xavery' : (names[index % 7] as string);
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
  /** etcd hashes up to a revision; of what is older than its compaction, only what is the newest of its key at that revision. */
  const hashAt = async (asked: number, compacted: number): Promise<number> => {
    await backend.forceCommit();
    const left = [...history.values()].flatMap(({ revisions }) => {
      const newest = revisions.filter((each) => each <= asked).at(-1);
      return revisions.filter((each) => each > asked || (each <= compacted && each !== newest));
    });
    return backend.hash(left.map((each) => ({ bucket: 'key', key: revisionKey(each) })));
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
    hashes.push(await hashAt(from + 35, from - 36));
    compact(from + 35);
  }
  for (let index = from; index <= from + 1210; index++) put(index);
  hashes.push(await hashAt(from + 605, from - 36));
  expect(hashes).toEqual([
    4082599214, 2279933401, 3284231217, 126286495, 900108730, 2475485232, 1226296507, 2503661030, 4155130747, 106915399,
    406914006, 1882211381, 806177088, 664311366, 1496914449, 2434525091, 3988652253, 1122462288, 724436716,
  ]);
});
