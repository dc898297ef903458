/**
 * Ids of buckets are given once, and a bucket lives until its deletion is durable.
 */
import { expect, test } from 'vitest';
import { BucketCatalog } from '../../src/engine/bucket-catalog.js';
import { openEngine } from '../../src/engine/open.js';
import { resolveOptions } from '../../src/options.js';
import { config, openDatabase } from '../crash/workload.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

test('an id is not given again after its bucket was rolled back, or deleted and forgotten', () => {
  const catalog = new BucketCatalog(1);
  const make = (name: string, sequence: number): number => {
    const bucket = catalog.create(Buffer.from(name), name, sequence);
    catalog.add(bucket);
    return bucket.id;
  };
  expect(make('a', 1)).toBe(1);
  expect(make('b', 2)).toBe(2);
  catalog.rollBack(2);
  expect(make('c', 3)).toBe(3);
  const deleted = catalog.find('c', 3);
  if (deleted !== undefined) catalog.markDeleted(deleted, 4);
  catalog.retire(4, []);
  expect([...catalog.liveIds]).toEqual([0, 1]);
  expect(make('c', 5)).toBe(4);
});

test('an id is not given again after its bucket was made and deleted in a log that is flushed and gone', async () => {
  const files = new MemoryFileSystem();
  const backend = await openDatabase(files);
  backend.update((tx) => {
    tx.unsafeCreateBucket('kept');
    tx.unsafeCreateBucket('deleted');
    tx.unsafeDeleteBucket('deleted');
    for (let i = 0; i < 100; i++) tx.unsafePut('kept', `key${i}`, Buffer.alloc(200, i));
  });
  await backend.forceCommit();
  await turnsOfTheLoop(12);
  expect(backend.stats().flushes).toBe(1);
  await backend.close();
  const options = resolveOptions({ batchIntervalMs: 3_600_000, batchLimit: 1_000_000_000, ...config });
  const engine = await openEngine(options, inlineEnvironment(files, smallSizes));
  expect(engine.parts.catalog.nextBucketId).toBe(3);
  await engine.shutDown();
});

test('a bucket whose deletion is not durable comes back from a crash with all its keys', async () => {
  const files = new MemoryFileSystem();
  const backend = await openDatabase(files);
  backend.update((tx) => {
    tx.unsafeCreateBucket('b');
    for (let i = 0; i < 100; i++) tx.unsafePut('b', `key${i}`, Buffer.alloc(200, i));
  });
  await backend.forceCommit();
  backend.update((tx) => tx.unsafeDeleteBucket('b'));
  await turnsOfTheLoop(12);
  expect(backend.stats().flushes).toBe(1);
  const survivor = await openDatabase(files.crash(1, 'dropUnsynced'));
  expect(survivor.readTx().unsafeRange('b', 'k', 'l').keys.length).toBe(100);
  await survivor.close();
  await backend.close();
});
