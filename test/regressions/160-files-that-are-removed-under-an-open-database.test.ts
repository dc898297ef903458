import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Backend, openBackend } from 'varve';
import { expect, test } from 'vitest';
import { numbered, pairsOf, putAll } from '../contract/support/content.js';
import { expectRejection, freshPath, hourMs, open, rejectionOf } from '../contract/support/harness.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

const pairs = numbered(400, 100);

/** A database with a table and a log that is needed. */
async function filled(readOnly = false): Promise<{ path: string; backend: Backend }> {
  const path = freshPath();
  const config = { path, memtableBytes: 16_384, batchIntervalMs: hourMs };
  let backend = await openBackend(config);
  putAll(backend, 'b', pairs);
  await backend.defrag();
  putAll(backend, 'b', [['later', 'in the log']]);
  await backend.forceCommit();
  if (readOnly) {
    await backend.close();
    backend = await openBackend({ ...config, readOnly });
  }
  return { path, backend };
}

function remove(path: string, isMeant: (name: string) => boolean): string[] {
  const names = readdirSync(path).filter((name) => name !== 'LOCK' && isMeant(name));
  for (const name of names) rmSync(join(path, name));
  return names;
}

// Commits and close resolved, and the next open made an empty database.
test('a database all of whose files but LOCK were removed says so at close, and gives everything back', async () => {
  const { path, backend } = await filled();
  remove(path, () => true);
  const error = await expectRejection(() => backend.close(), 'VARVE_IO');
  expect(error.file).toBe(join(path, 'CURRENT'));
  expect(error.message).toMatch(/CURRENT, MANIFEST-\d+, \d+\.log, \d+\.sst/);
  await (await open({ path })).close();
});

test.each([
  ['CURRENT', /^CURRENT$/],
  ['the manifest', /^MANIFEST/],
  ['the log', /\.log$/],
  ['the tables', /\.sst$/],
])('a close names %s where somebody removed it', async (_what, pattern) => {
  const { path, backend } = await filled();
  const [first] = remove(path, (name) => pattern.test(name));
  const error = await expectRejection(() => backend.close(), 'VARVE_IO');
  expect(error.file).toBe(join(path, first ?? 'none was removed'));
});

test('a commit that needs a new log is refused while files are gone; it works again when they are back', async () => {
  const { path, backend } = await filled();
  renameSync(join(path, 'CURRENT'), join(path, 'elsewhere'));
  const refused = async (): Promise<unknown> => {
    for (let number = 0; number < 100; number++) {
      putAll(backend, 'more', numbered(20, 100, `${number}`));
      const failure = await backend.forceCommit().catch((error: unknown) => error);
      if (failure !== undefined) return failure;
    }
    return 'no commit failed';
  };
  expect(await refused()).toMatchObject({ code: 'VARVE_IO', file: join(path, 'CURRENT') });
  expect(await rejectionOf(backend.forceCommit())).toMatchObject({ code: 'VARVE_IO', file: join(path, 'CURRENT') });
  const before = pairsOf(backend.readTx(), 'more');
  renameSync(join(path, 'elsewhere'), join(path, 'CURRENT'));
  await backend.forceCommit();
  await backend.close();
  expect(pairsOf((await open({ path })).readTx(), 'more')).toEqual(before);
});

test('where the directory was moved a close resolves: the data is where it went', async () => {
  const { path, backend } = await filled();
  renameSync(path, `${path}-moved`);
  await backend.close();
  expect(existsSync(path)).toBe(false);
  expect(pairsOf((await open({ path: `${path}-moved` })).readTx(), 'b')).toHaveLength(401);
});

test('who only reads has acknowledged nothing: its close resolves', async () => {
  const { path, backend } = await filled(true);
  remove(path, () => true);
  await backend.close();
});

test('a file that cannot be looked up counts as there', async () => {
  const disk = new MemoryFileSystem();
  const backend = await openOn(disk, { path: '/db', memtableBytes: 16_384 }, smallSizes);
  putAll(backend, 'b', pairs);
  await backend.forceCommit();
  disk.status = () => {
    throw new Error('no look');
  };
  await backend.close();
});
