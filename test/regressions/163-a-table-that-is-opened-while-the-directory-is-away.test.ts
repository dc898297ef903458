import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openBackend } from 'varve';
import { expect, test } from 'vitest';
import type { Job, JobResult } from '../../src/compaction/job.js';
import { JobExecutor } from '../../src/compaction/job-execution.js';
import { acquireDirectoryLock } from '../../src/env/directory-lock.js';
import { nodeFileSystem } from '../../src/env/node-file-system.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { databaseId, everybody, metadataOf } from '../compaction/compaction-fixture.js';
import { numbered, pairsOf, putAll } from '../contract/support/content.js';
import { expectCode, freshPath, open, temporaryDirectory } from '../contract/support/harness.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';

const pairs = numbered(2000, 200);
const lastKey = pairs.at(-1)?.[0] ?? '';

/** A database of many tables, of which only those with the buckets are open. */
async function freshlyOpened(): Promise<{ path: string; backend: Awaited<ReturnType<typeof open>> }> {
  const path = freshPath();
  const config = { path, memtableBytes: 16_384 };
  const writer = await openBackend(config);
  putAll(writer, 'b', pairs);
  await writer.defrag();
  await writer.close();
  expect(readdirSync(path).filter((name) => name.endsWith('.sst')).length).toBeGreaterThan(5);
  return { path, backend: await open(config) };
}

// It was told that the table is missing from the database: VARVE_CORRUPTION.
test('a read that needs a table while the directory is away is VARVE_IO that names LOCK; all is there when it is back', async () => {
  const { path, backend } = await freshlyOpened();
  renameSync(path, `${path}-moved`);
  const atRead = expectCode(() => backend.readTx().unsafeGet('b', lastKey), 'VARVE_IO');
  expect(atRead.file).toBe(join(path, 'LOCK'));
  renameSync(`${path}-moved`, path);
  expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs);
});

test('a table that somebody removed while LOCK is in its place is VARVE_CORRUPTION that names the table', async () => {
  const { path, backend } = await freshlyOpened();
  const tables = readdirSync(path).filter((name) => name.endsWith('.sst'));
  for (const table of tables) renameSync(join(path, table), `${path}-${table}`);
  expect(tables).toContain(expectCode(() => backend.readTx().unsafeGet('b', lastKey), 'VARVE_CORRUPTION').file);
  for (const table of tables) renameSync(`${path}-${table}`, join(path, table));
  await backend.close();
  rmSync(path, { recursive: true });
});

test('a compaction that needs a table while the directory is away fails with VARVE_IO that names LOCK', async () => {
  await initializeChecksum();
  const directory = join(temporaryDirectory(), 'jobs');
  mkdirSync(directory);
  const lock = acquireDirectoryLock(nodeFileSystem, directory, { readOnly: false });
  const sizes = { blockBytes: 512, targetTableBytes: 4096, flushReserveBytes: 0, compactionReserveBytes: 0 };
  const settings = { directory, databaseId, compress: false, unsafeNoFsync: true, lock: lock.identity, ...sizes };
  const executor = new JobExecutor(nodeFileSystem, settings);
  const run = (job: Job): JobResult => {
    const slices = executor.run(job);
    for (;;) {
      const slice = slices.next();
      if (slice.done === true) return slice.value;
    }
  };
  const base = { id: 1, retention: everybody, filterBitsPerKey: 10 };
  const memtable = new Memtable(1, 1 << 16);
  put(memtable, internalKey(1, 'k'), 'v');
  const flushed = run({ ...base, kind: 'flush', fileNumbers: { first: 1, end: 9 }, records: memtable.freeze() });
  const merges = flushed.ok ? [metadataOf(flushed)] : expect.fail(flushed.message);
  renameSync(directory, `${directory}-moved`);
  const merged = run({ ...base, kind: 'compaction', fileNumbers: { first: 9, end: 19 }, merges, dropTombstones: true });
  expect(merged).toMatchObject({ ok: false, code: 'VARVE_IO', file: join(directory, 'LOCK') });
  lock.release();
});
