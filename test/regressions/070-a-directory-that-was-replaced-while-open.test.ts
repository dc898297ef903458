import { cpSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type Backend, openBackend, verify } from 'varve';
import { expect, test } from 'vitest';
import { numbered, pairsOf, putAll } from '../contract/support/content.js';
import { freshPath, hourMs, open, rejectionOf } from '../contract/support/harness.js';

const valueBytes = 4000;

function contentOf(directory: string): [string, string][] {
  const names = readdirSync(directory).sort();
  return names.map((name) => [name, readFileSync(join(directory, name), 'latin1')]);
}

/** Writes and commits until that fails; gives the number of keys that were acknowledged. */
async function writeUntilItFails(backend: Backend): Promise<number> {
  for (let number = 0; number < 200; number++) {
    putAll(backend, 'b', [[`more${String(number).padStart(6, '0')}`, 'v'.repeat(valueBytes)]]);
    const failure = await backend.forceCommit().catch((error: unknown) => error);
    if (failure === undefined) continue;
    expect(failure).toMatchObject({ code: 'VARVE_IO', file: expect.stringMatching(/LOCK$/) });
    return number;
  }
  return expect.fail('no commit failed');
}

// New logs and tables appeared in the database that stood where the directory had been, and files of that one were unlinked.
test('whoever has a directory open that was moved away touches no other one that takes its place', async () => {
  const path = freshPath();
  const other = freshPath();
  const prepared = await openBackend({ path: other, memtableBytes: 16_384 });
  putAll(prepared, 'other', numbered(1000));
  await prepared.close();
  const backend = await openBackend({ path, memtableBytes: 16_384, batchIntervalMs: hourMs });
  putAll(backend, 'b', numbered(100));
  await backend.forceCommit();

  renameSync(path, `${path}-moved`);
  cpSync(other, path, { recursive: true });
  const before = contentOf(path);
  const acknowledged = await writeUntilItFails(backend);
  expect(await rejectionOf(backend.forceCommit())).toMatchObject({ code: 'VARVE_IO' });
  expect(await rejectionOf(backend.defrag())).toMatchObject({ code: 'VARVE_IO' });
  expect(pairsOf(backend.readTx(), 'b').length).toBeGreaterThanOrEqual(100 + acknowledged);
  // It tells again that something unlocked was not committed.
  expect(await rejectionOf(backend.close())).toMatchObject({ code: 'VARVE_IO' });
  expect(contentOf(path)).toEqual(before);

  expect((await verify(`${path}-moved`)).problems).toEqual([]);
  const moved = await open({ path: `${path}-moved` });
  const keys = pairsOf(moved.readTx(), 'b').map(([key]) => key);
  expect(keys.length).toBeGreaterThanOrEqual(100 + acknowledged);
  expect(pairsOf((await open({ path })).readTx(), 'other')).toEqual(numbered(1000));
});
