import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openBackend, type Backend } from 'varve';
import { varve, workplace } from '../cli/support.js';

const place = workplace();

interface Repaired {
  readonly losses: { readonly file: string; readonly isAtMost?: boolean; readonly message: string }[];
  readonly doubts: string[];
}

const namesOf = (path: string, pattern: RegExp): string[] => readdirSync(path).filter((name) => pattern.test(name));

/** The manifest as it is now, to be put back later: what it is after its end was cut off. */
function manifestOf(path: string): () => void {
  const current = readFileSync(join(path, 'CURRENT'));
  const [name = ''] = namesOf(path, /^MANIFEST/);
  const bytes = readFileSync(join(path, name));
  return () => {
    for (const other of namesOf(path, /^MANIFEST/)) rmSync(join(path, other));
    writeFileSync(join(path, name), bytes);
    writeFileSync(join(path, 'CURRENT'), current);
  };
}

function putRound(database: Backend, round: number): Promise<void> {
  database.update((tx) => {
    tx.unsafeCreateBucket('b');
    for (let i = 0; i < 20; i++) tx.unsafePut('b', `key ${(round * 7 + i * 13) % 500}`, `${round}`.padEnd(100, '.'));
  });
  return database.forceCommit();
}

/** Repairs the database after `damage`; what was saved is compared with what was there before. */
async function repairAfter(path: string, damage: () => void): Promise<Repaired & { code: number | null }> {
  const dumped = (await varve(['dump', path])).stdout;
  damage();
  const { code, stdout, stderr } = await varve(['repair', path, `${path}-saved`, '--json']);
  expect(stderr).toBe('');
  expect((await varve(['dump', `${path}-saved`])).stdout).toBe(dumped);
  return { ...(JSON.parse(stdout) as Repaired), code };
}

// Such a manifest is sound, and older than what lies beside it: a log that it named was called lost, and the table that had come of it, of
// which it did not know, was not read.
test('logs that were flushed after the end of a manifest that was cut off are no loss', async () => {
  const path = join(place, 'flushed');
  const database = await openBackend({ path, memtableBytes: 16 * 1024, compression: 'none', unsafeNoFsync: true });
  await putRound(database, 0);
  const cutManifest = manifestOf(path);
  const [log = ''] = namesOf(path, /\.log$/);
  for (let round = 1; namesOf(path, /\.log$/).includes(log); round++) await putRound(database, round);
  await putRound(database, 1000);
  await database.close();
  const { code, losses, doubts } = await repairAfter(path, cutManifest);
  expect([code, losses]).toEqual([1, []]);
  expect(doubts[0]).toContain('it may have lost its end');
});

test('tables that were merged after the end of a manifest that was cut off are told, and cost nothing', async () => {
  const path = join(place, 'merged');
  const database = await openBackend({ path, compression: 'none', unsafeNoFsync: true });
  for (let round = 0; round < 20; round++) await putRound(database, round);
  await database.defrag();
  const cutManifest = manifestOf(path);
  const tables = namesOf(path, /\.sst$/);
  for (let round = 20; round < 40; round++) await putRound(database, round);
  await database.defrag();
  await database.close();
  expect(namesOf(path, /\.sst$/)).not.toContain(tables[0]);
  const { code, losses, doubts } = await repairAfter(path, cutManifest);
  expect(code).toBe(1);
  const merged = losses.filter(({ file }) => file.endsWith('.sst'));
  expect(merged.map(({ file, isAtMost }) => [file, isAtMost])).toEqual(tables.map((file) => [file, true]));
  expect(merged[0]?.message).toContain('may be in tables that the manifest does not name');
  expect(doubts[0]).toContain('it may have lost its end');
});
