/**
 * Files that etcd wrote, read by the built package: our figures are etcd's.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { etcdEntries, type EtcdReadOptions, etcdSnapshotStatus, importEtcd } from 'varve/etcd';
import { describe, expect, test } from 'vitest';
import { unlockedContent } from '../contract/support/content.js';
import { expectCode, expectRejection, freshPath, open, temporaryDirectory } from '../contract/support/harness.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/etcd/${name}`, import.meta.url));
const figures = (name: string): Record<string, unknown> => JSON.parse(readFileSync(fixture(`${name}/expected.json`), 'utf8'));
const snapshot = fixture('server/snapshot.db');
const consistentIndex = [{ bucket: 'meta', key: 'consistent_index' }];

test('of a snapshot we say what etcdctl snapshot status says', async () => {
  const { hash, revision, totalKey, totalSize, ...ours } = await etcdSnapshotStatus(snapshot);
  expect({ hash, revision, totalKey, totalSize }).toEqual(figures('server')['status']);
  expect(ours).toEqual({ buckets: 10, pageSize: 4096, checksum: 'verified' });
});

test.each([
  ['backend-1', 1141, 532_480],
  ['backend-2', 1179, 729_088],
])('of the db of %s we tell the hash that etcd tells', async (name, totalKey, totalSize) => {
  const status = await etcdSnapshotStatus(fixture(`${name}/db`));
  expect(status).toMatchObject({ hash: figures(name)['hash'], totalKey, totalSize, checksum: 'absent' });
});

describe.each(['backend-1/db', 'backend-2/db', 'server/snapshot.db'])('the import of %s', (name) => {
  test('is a database with the same hash, whole and without the consistent index, and with every entry', async () => {
    const path = freshPath();
    const status = await importEtcd(fixture(name), { path, memtableBytes: 16_384 });
    expect(status).toEqual(await etcdSnapshotStatus(fixture(name)));
    const backend = await open({ path, createIfMissing: false });
    expect(await backend.hash()).toBe(status.hash);
    const expected = figures(name.slice(0, name.indexOf('/')))['hashIgnoringConsistentIndex'];
    if (expected !== undefined) expect(await backend.hash(consistentIndex)).toBe(expected);
    const entries: [string, string, string][] = [];
    for await (const [bucket, key, value] of etcdEntries(fixture(name))) {
      entries.push([bucket.toString('hex'), key.toString('hex'), value.toString('hex')]);
    }
    const transaction = backend.concurrentReadTx();
    const stored = transaction
      .unsafeBuckets()
      .flatMap((bucket) =>
        [...transaction.unsafeIterate(bucket)].map(([key, value]) => [
          bucket.toString('hex'),
          key.toString('hex'),
          value.toString('hex'),
        ]),
      );
    expect(JSON.stringify(entries)).toBe(JSON.stringify(stored));
    expect(entries).toHaveLength(status.totalKey);
    expect(transaction.unsafeBuckets()).toHaveLength(status.buckets);
  });
});

describe('the SHA-256 of a snapshot', () => {
  const bytes = readFileSync(snapshot);
  const written = (content: Uint8Array): string => {
    const path = join(temporaryDirectory(), 'file.db');
    writeFileSync(path, content);
    return path;
  };

  test.each<[EtcdReadOptions['checksum'], string]>([
    [undefined, 'verified'],
    ['verify-if-present', 'verified'],
    ['require', 'verified'],
    ['skip', 'skipped'],
  ])('with the rule %s is %s', async (checksum, expected) => {
    const status = await etcdSnapshotStatus(snapshot, checksum === undefined ? {} : { checksum });
    expect(status.checksum).toBe(expected);
  });

  test('is required of a member’s db in vain', async () => {
    const error = await expectRejection(
      () => etcdSnapshotStatus(fixture('backend-1/db'), { checksum: 'require' }),
      'VARVE_CORRUPTION',
    );
    expect(error).toMatchObject({ file: fixture('backend-1/db'), offset: 532_480 });
  });

  test('that is wrong refuses the file, names it, and leaves nothing; skipped, it does not', async () => {
    const zeros = written(Buffer.concat([bytes.subarray(0, -32), Buffer.alloc(32)]));
    const path = freshPath();
    const error = await expectRejection(() => importEtcd(zeros, { path }), 'VARVE_CORRUPTION');
    expect(error).toMatchObject({ file: zeros, offset: bytes.length - 32 });
    expect(existsSync(path)).toBe(false);
    await importEtcd(zeros, { path, checksum: 'skip' });
    expect(existsSync(join(path, 'CURRENT'))).toBe(true);
  });

  test.each([1, 16, 31, 33])('that %d bytes are missing of is damage', async (missing) => {
    await expectRejection(() => etcdSnapshotStatus(written(bytes.subarray(0, -missing))), 'VARVE_CORRUPTION');
  });
});

describe('the file', () => {
  test('may be a link to one', async () => {
    const link = join(temporaryDirectory(), 'latest.db');
    symlinkSync(snapshot, link);
    expect((await etcdSnapshotStatus(link)).hash).toBe(574_556_490);
  });

  test('that is not there is VARVE_NOT_FOUND; a directory is VARVE_IO', async () => {
    const path = freshPath();
    await expectRejection(() => etcdSnapshotStatus(join(path, 'none.db')), 'VARVE_NOT_FOUND');
    await expectRejection(() => importEtcd(join(path, 'none.db'), { path }), 'VARVE_NOT_FOUND');
    await expectRejection(() => etcdEntries(join(path, 'none.db')).next(), 'VARVE_NOT_FOUND');
    await expectRejection(() => etcdSnapshotStatus(temporaryDirectory()), 'VARVE_IO');
    expect(existsSync(path)).toBe(false);
  });

  test('that is no bbolt file is VARVE_INVALID_ARGUMENT, whatever its size', async () => {
    const directory = temporaryDirectory();
    for (const size of [0, 1, 15, 16, 20, 4096, 8192, 100_000]) {
      const path = join(directory, `${size}.db`);
      writeFileSync(path, Buffer.alloc(size, 'nothing of bbolt '));
      const error = await expectRejection(() => etcdSnapshotStatus(path), 'VARVE_INVALID_ARGUMENT');
      expect(error.message).toContain('magic number');
      expect(error.file).toBe(path);
    }
  });
});

describe('arguments', () => {
  // The compiler would refuse these.
  const call = (run: (...given: never[]) => unknown, ...given: unknown[]): unknown => run(...(given as never[]));

  test.each([
    [undefined, {}],
    [7, {}],
    ['', {}],
    ['a\0b', {}],
    [snapshot, null],
    [snapshot, 'skip'],
    [snapshot, { checksum: 'maybe' }],
    [snapshot, { signal: {} }],
    [snapshot, { onProgress: 1 }],
  ])('of a reading: %s with %o is refused', async (file, options) => {
    await expectRejection(async () => call(etcdSnapshotStatus, file, options), 'VARVE_INVALID_ARGUMENT');
    expectCode(() => call(etcdEntries, file, options), 'VARVE_INVALID_ARGUMENT');
  });

  test.each([{}, { path: '' }, { path: 7 }, { path: 'x', memtableBytes: 1 }, { path: 'x', compression: 'gzip' }, undefined])(
    'of an import: %o is refused',
    async (options) => {
      await expectRejection(async () => call(importEtcd, snapshot, options), 'VARVE_INVALID_ARGUMENT');
    },
  );

  test('what is read back is told key by key to the last, and whoever throws there ends the import', async () => {
    const directory = temporaryDirectory();
    const told: [number, number][] = [];
    const { totalKey } = await importEtcd(snapshot, {
      path: join(directory, 'told'),
      onCheck: (done, total) => told.push([done, total]),
    });
    expect(told.at(-1)).toEqual([totalKey, totalKey]);
    const thrown = new Error('enough');
    const onCheck = (): void => {
      throw thrown;
    };
    await expect(importEtcd(snapshot, { path: join(directory, 'ended'), onCheck })).rejects.toBe(thrown);
    expect(readdirSync(directory)).toEqual(['told']);
    await expectRejection(async () => call(importEtcd, snapshot, { path: 'never', onCheck: 1 }), 'VARVE_INVALID_ARGUMENT');
  });

  test('a target that is not empty, or no directory, is refused and stays as it is', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'mine'), 'mine');
    await expectRejection(() => importEtcd(snapshot, { path: directory }), 'VARVE_INVALID_ARGUMENT');
    await expectRejection(() => importEtcd(snapshot, { path: join(directory, 'mine') }), 'VARVE_INVALID_ARGUMENT');
    expect(readdirSync(directory)).toEqual(['mine']);
  });

  test('a target that is an empty directory, a missing one below missing ones, or a link is taken', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'empty'));
    mkdirSync(join(directory, 'linked'));
    symlinkSync(join(directory, 'linked'), join(directory, 'link'));
    for (const path of ['empty', 'a/b/c', 'link']) {
      await importEtcd(snapshot, { path: join(directory, path) });
      expect(unlockedContent(await open({ path: join(directory, path), createIfMissing: false }))).toHaveLength(10);
    }
    expect(readdirSync(directory).sort()).toEqual(['a', 'empty', 'link', 'linked']);
  });
});

describe('reading entry by entry', () => {
  test('gives buffers that stay as they are', async () => {
    const kept: Buffer[] = [];
    let concatenated = Buffer.alloc(0);
    for await (const entry of etcdEntries(snapshot)) {
      kept.push(...entry);
      concatenated = Buffer.concat([concatenated, ...entry]);
    }
    expect(Buffer.concat(kept).equals(concatenated)).toBe(true);
  });

  test('closes the file where the loop is left early, and where it is damaged', async () => {
    const descriptors = (): string[] => readdirSync('/proc/self/fd').sort();
    const before = descriptors();
    for await (const [bucket] of etcdEntries(snapshot)) {
      expect(bucket.length).toBeGreaterThan(0);
      break;
    }
    const damaged = join(temporaryDirectory(), 'damaged.db');
    cpSync(fixture('backend-1/db'), damaged);
    const bytes = readFileSync(damaged);
    bytes.fill(0, 20 * 4096, 40 * 4096);
    writeFileSync(damaged, bytes);
    await expectRejection(async () => {
      for await (const entry of etcdEntries(damaged)) expect(entry).toHaveLength(3);
    }, 'VARVE_CORRUPTION');
    await expectRejection(() => importEtcd(damaged, { path: freshPath() }), 'VARVE_CORRUPTION');
    expect(descriptors()).toEqual(before);
  });
});
