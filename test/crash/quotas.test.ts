/**
 * A quota is met by the write, without a warning: EDQUOT is a full disk by another name, whatever file it hits.
 */
import { expect, test } from 'vitest';
import { numbered, pairsOf, putAll } from '../contract/support/content.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';
import { openDatabase } from './workload.js';

const pairs = numbered(200, 100);
const noSpace = { code: 'VARVE_NO_SPACE' };

/** Fails every write to files with such names, as long as `isOver` says so. */
function withQuota(memory: MemoryFileSystem, pattern: RegExp): { files: FailingFileSystem; quota: { isOver: boolean } } {
  const files = new FailingFileSystem(memory);
  const quota = { isOver: false };
  files.onCall = ({ kind, path }) => {
    if (quota.isOver && kind === 'write' && pattern.test(path)) throw systemFailure('EDQUOT', path);
  };
  return { files, quota };
}

test('EDQUOT at the log is VARVE_NO_SPACE and poisons: after reopening everything acknowledged is there', async () => {
  const memory = new MemoryFileSystem();
  const { files, quota } = withQuota(memory, /\.log$/);
  const backend = await openDatabase(files);
  putAll(backend, 'b', pairs);
  await backend.forceCommit();
  quota.isOver = true;
  putAll(backend, 'b', [['zz', 'refused']]);
  await expect(backend.forceCommit()).rejects.toMatchObject(noSpace);
  await expect(backend.forceCommit()).rejects.toMatchObject({ code: 'VARVE_POISONED' });
  expect(pairsOf(backend.readTx(), 'b')).toHaveLength(201);
  await backend.close().catch(() => {});
  expect(memory.openHandles).toBe(0);
  const reopened = await openDatabase(memory);
  expect(pairsOf(reopened.readTx(), 'b')).toEqual(pairs);
  await reopened.close();
});

test('EDQUOT at a table fails a flush and a defrag with VARVE_NO_SPACE, poisons nothing, and is over when the quota is', async () => {
  const memory = new MemoryFileSystem();
  const { files, quota } = withQuota(memory, /\.sst$/);
  const backend = await openDatabase(files);
  quota.isOver = true;
  putAll(backend, 'b', pairs);
  await backend.forceCommit();
  await expect(backend.defrag()).rejects.toMatchObject(noSpace);
  expect(memory.list('/srv/data/db').filter((name) => name.endsWith('.sst'))).toEqual([]);
  quota.isOver = false;
  await backend.defrag();
  await backend.close();
  const reopened = await openDatabase(memory);
  expect(pairsOf(reopened.readTx(), 'b')).toEqual(pairs);
  await reopened.close();
});

test('EDQUOT at the manifest of an opening is VARVE_NO_SPACE, leaves nothing open, and loses nothing', async () => {
  const memory = new MemoryFileSystem();
  const { files, quota } = withQuota(memory, /MANIFEST/);
  const backend = await openDatabase(files);
  putAll(backend, 'b', pairs);
  await backend.close();
  quota.isOver = true;
  await expect(openDatabase(files)).rejects.toMatchObject(noSpace);
  expect(memory.openHandles).toBe(0);
  quota.isOver = false;
  const reopened = await openDatabase(files);
  expect(pairsOf(reopened.readTx(), 'b')).toEqual(pairs);
  await reopened.close();
});
