/**
 * Options as ClassicLevel and varve name them, and errors as Level codes them, with the error of varve as the cause.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBackend } from 'varve';
import { type DatabaseOptions, levelBucketName, VarveLevel } from 'varve/level';
import { describe, expect, test } from 'vitest';
import { toBackendConfig } from '../../src/level/options.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { type CodedError, freshPath, level, rejection, temporaryDirectory } from './support.js';

/** Why opening failed: the cause of the error that abstract-level makes of it. */
async function whyNotOpen(location: string, options: DatabaseOptions<string, string> = {}): Promise<CodedError> {
  const error = await rejection(level(location, options).open(), 'LEVEL_DATABASE_NOT_OPEN');
  return error.cause as CodedError;
}

describe('opening', () => {
  test('a database that another has is LEVEL_LOCKED', async () => {
    const first = level();
    await first.open();
    const cause = await whyNotOpen(first.location);
    expect(cause.code).toBe('LEVEL_LOCKED');
    expect(cause.cause).toMatchObject({ code: 'VARVE_LOCKED' });
  });

  test('one that is not there, and may not be made, says that it does not exist', async () => {
    const path = freshPath();
    const cause = await whyNotOpen(path, { createIfMissing: false });
    expect(cause.message).toMatch(/does not exist/);
    expect(cause.code).toBe('VARVE_NOT_FOUND');
    expect((await whyNotOpen(path, { readOnly: true })).code).toBe('VARVE_NOT_FOUND');
  });

  test('one that is there, and may not be, says that it exists, and is as it was', async () => {
    const db = level();
    await db.put('a', '1');
    await db.close();
    const files = readdirSync(db.location);
    expect((await whyNotOpen(db.location, { errorIfExists: true })).message).toMatch(/exists/);
    expect(readdirSync(db.location)).toEqual(files);
    await db.open();
    expect(await db.get('a')).toBe('1');
  });

  test('damage is LEVEL_CORRUPTION, and nothing of the directory of a LevelDB is touched', async () => {
    const path = temporaryDirectory();
    const files = { CURRENT: 'MANIFEST-000004\n', 'MANIFEST-000004': 'leveldb', '000005.ldb': 'table', '000003.log': 'log' };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
    const cause = await whyNotOpen(path);
    expect(cause.code).toBe('LEVEL_CORRUPTION');
    expect(cause.cause).toBeInstanceOf(Error);
    for (const [name, content] of Object.entries(files)) expect(readFileSync(join(path, name), 'utf8')).toBe(content);
  });

  test('a path that is no directory is LEVEL_IO_ERROR, a directory of something else is refused', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'file'), 'text');
    expect((await whyNotOpen(join(directory, 'file'))).code).toBe('LEVEL_IO_ERROR');
    expect((await whyNotOpen(directory)).code).toBe('VARVE_INVALID_ARGUMENT');
  });

  test('that failed may be tried again', async () => {
    const parent = temporaryDirectory();
    writeFileSync(join(parent, 'foreign'), '');
    const db = level(join(parent, 'db'), { createIfMissing: false });
    await rejection(db.open(), 'LEVEL_DATABASE_NOT_OPEN');
    mkdirSync(join(parent, 'db'));
    await db.open({ createIfMissing: true });
    await db.put('a', '1');
    expect(await db.get('a')).toBe('1');
  });
});

test.each(['', 7, undefined, null])('a location that is %j is refused by the constructor', (location) => {
  expect(() => new VarveLevel(location as string)).toThrow('location is the name of a directory');
});

describe('options', () => {
  test.each<[DatabaseOptions<string, string>, Record<string, unknown>]>([
    [{}, {}],
    [{ compression: true }, { compression: 'auto' }],
    [{ compression: false }, { compression: 'none' }],
    [{ compression: 'zstd' }, { compression: 'zstd' }],
    [{ cacheSize: 1000 }, { cacheBytes: 1000 }],
    [{ cacheSize: 1000, cacheBytes: 2000 }, { cacheBytes: 2000 }],
    [{ writeBufferSize: 1 }, { memtableBytes: 65_536 }],
    [{ writeBufferSize: 2 ** 40 }, { memtableBytes: 2 ** 30 }],
    [{ writeBufferSize: 200_000 }, { memtableBytes: 200_000 }],
    [{ writeBufferSize: 200_000, memtableBytes: 300_000 }, { memtableBytes: 300_000 }],
    [
      { compaction: 'read', batchIntervalMs: 0, batchLimit: 5, readOnly: true, unsafeNoFsync: true },
      { compaction: 'read', batchIntervalMs: 0, batchLimit: 5, readOnly: true, unsafeNoFsync: true },
    ],
    [{ blockSize: 1, maxOpenFiles: 1, blockRestartInterval: 1, maxFileSize: 1, multithreading: false }, {}],
  ])('%j become %j', (given, expected) => {
    expect(toBackendConfig('db', given)).toEqual({ path: 'db', ...expected });
  });

  test.each<DatabaseOptions<string, string>>([
    { multithreading: true },
    { cacheSize: -1 },
    { memtableBytes: 1 },
    { writeBufferSize: Number.NaN },
    { compression: 'snappy' as 'zstd' },
    { compaction: 'never' as 'read' },
  ])('%j is refused, and nothing is made', async (options) => {
    const parent = temporaryDirectory();
    expect((await whyNotOpen(join(parent, 'db'), options)).code).toBe('VARVE_INVALID_ARGUMENT');
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe('readOnly', () => {
  test('reads everything and refuses every write', async () => {
    const path = freshPath();
    const writer = level(path);
    await writer.put('a', '1');
    await writer.close();
    const db = level(path, { readOnly: true });
    expect(await db.iterator().all()).toEqual([['a', '1']]);
    expect(await db.hash()).toEqual(expect.any(Number));
    for (const write of [
      db.put('b', '2'),
      db.del('a'),
      db.clear(),
      db.clear({ gte: 'a' }),
      db.defrag(),
      db.batch([{ type: 'del', key: 'a' }]),
    ]) {
      await rejection(write, 'VARVE_READ_ONLY');
    }
    expect(await db.get('a')).toBe('1');
  });

  test('of a database without the bucket of Level finds nothing in it', async () => {
    const path = freshPath();
    const backend = await openBackend({ path });
    backend.update((tx) => tx.unsafeCreateBucket('other'));
    await backend.close();
    const db = level(path, { readOnly: true });
    expect(await db.get('a')).toBe(undefined);
    expect(await db.keys().all()).toEqual([]);
    const iterator = db.iterator({ snapshot: db.snapshot() });
    iterator.seek('a');
    expect(await iterator.next()).toBe(undefined);
    expect(await db.approximateSize('', '~')).toBe(0);
  });
});

test('the data is in one bucket of a known name, which a backend reads', async () => {
  const db = level();
  await db.put('a', '1');
  await db.close();
  const backend = await openBackend({ path: db.location, createIfMissing: false });
  expect(backend.readTx().unsafeBuckets().map(String)).toEqual([levelBucketName]);
  expect(backend.readTx().unsafeGet(levelBucketName, 'a')?.toString()).toBe('1');
  await backend.close();
});

test('after a failed sync every write is refused, and reads go on', async () => {
  const fileSystem = new MemoryFileSystem();
  const backend = await openOn(fileSystem, { path: '/db' }, smallSizes);
  const store = backend.bucketStore('level');
  store.write([{ type: 'put', key: 'a', value: '1' }]);
  await store.commit();
  fileSystem.onOperation = ({ kind, path }) => {
    if (kind === 'sync' && path.endsWith('.log')) throw systemFailure('EIO', path);
  };
  store.write([{ type: 'put', key: 'b', value: '2' }]);
  await rejection(store.commit(), 'VARVE_IO');
  expect(() => store.write([{ type: 'put', key: 'c', value: '3' }])).toThrow('an earlier write or sync failed');
  expect(() => store.clear()).toThrow('an earlier write or sync failed');
  expect(store.find('a', undefined)).toBeDefined();
  expect(store.find('c', undefined)).toBe(undefined);
  await backend.close().catch(() => {});
});
