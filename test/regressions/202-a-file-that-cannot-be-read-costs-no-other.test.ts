import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openBackend } from 'varve';
import { copyOf, filesOf, makeSample, varve, workplace } from '../cli/support.js';

const place = workplace();
const sample = join(place, 'sample');
let entries = 0;

beforeAll(async () => {
  await makeSample(sample);
  entries = (await varve(['dump', sample])).stdout.split('\n').filter((line) => line.includes('"key"')).length;
});

interface Repaired {
  readonly entries: number;
  readonly losses: {
    readonly file: string;
    readonly entries: number | null;
    readonly isAtMost?: boolean;
    readonly doubtfulEntries: number;
  }[];
  readonly inventedBuckets: string[];
}

async function repair(path: string): Promise<Repaired> {
  const { stdout, stderr } = await varve(['repair', path, `${path}-saved`, '--json']);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Repaired;
}

/** A file that is there, and that nobody can read. */
function makeUnreadable(file: string): void {
  rmSync(file);
  mkdirSync(file);
}

// Without a manifest each file was asked for the id of the database, and the first that could not be read ended the repair.
test('a manifest that cannot be read costs nothing', async () => {
  const path = copyOf(sample, 'manifest');
  for (const file of filesOf(path, /^MANIFEST/)) makeUnreadable(file);
  expect((await repair(path)).entries).toBeGreaterThanOrEqual(entries);
});

test('without a manifest, a table that cannot be read costs what it holds, and anything saved may be outdated by it', async () => {
  const path = copyOf(sample, 'table');
  for (const file of filesOf(path, /^MANIFEST/)) rmSync(file);
  const [table = ''] = filesOf(path, /\.sst$/).slice(-1);
  makeUnreadable(table);
  const repaired = await repair(path);
  expect(repaired.entries).toBeGreaterThan(0);
  const loss = repaired.losses.find(({ file }) => table.endsWith(file));
  expect(loss).toMatchObject({ entries: null, doubtfulEntries: repaired.entries });
  expect(loss).not.toHaveProperty('isOfUnknownAge');
});

// The catalogue was taken for whole where nobody knew which tables had been there: entries that could be read were dropped without a word.
test('without a manifest and the table with the catalogue, what others hold is saved under a name that is made up', async () => {
  const path = join(place, 'catalogue');
  const database = await openBackend({ path, memtableBytes: 16 * 1024, compression: 'none', unsafeNoFsync: true });
  database.update((tx) => {
    tx.unsafeCreateBucket('b');
    tx.unsafePut('b', 'first', 'value');
  });
  await database.defrag();
  const oldest = filesOf(path, /\.sst$/);
  // Until a flush is installed: a table that is being written has its name already.
  while (database.stats().levels[0]?.files === 0) {
    database.update((tx) => tx.unsafePut('b', 'key', Buffer.alloc(1000)));
    await database.forceCommit();
  }
  await database.close();
  for (const file of [...oldest, ...filesOf(path, /^MANIFEST|^CURRENT$|\.log$/)]) rmSync(file);
  const repaired = await repair(path);
  expect(repaired.inventedBuckets).toEqual(['recovered-bucket-1']);
  expect(repaired.entries).toBe(1);
});

test('of a log that is missing between others it is told how many entries it held at most', async () => {
  const path = join(place, 'chain');
  for (let i = 0; i < 3; i++) {
    expect((await varve(['put', path, 'b', `key ${i}`, 'value', '--create'])).code).toBe(0);
  }
  const logs = filesOf(path, /\.log$/);
  expect(logs).toHaveLength(3);
  rmSync(logs[1] ?? '');
  const { losses, entries: saved } = await repair(path);
  // Its one entry, and the two of the log before it, which was not read to its end when that was said.
  expect(losses).toMatchObject([{ entries: 3, isAtMost: true }]);
  expect(saved).toBe(2);
});

// The count began at what is in tables, not at what older logs hold.
test('a damaged group at the beginning of a log counts the records of that group alone', async () => {
  const path = join(place, 'first-group');
  for (let i = 0; i < 2; i++) {
    const lines = Array.from({ length: 20 }, (_, n) => `{"bucket":"b","key":"${i} ${n}","value":"value"}\n`).join('');
    expect((await varve(['load', path, '--section', '5'], lines)).code).toBe(0);
  }
  const log = filesOf(path, /\.log$/).at(-1) ?? '';
  const bytes = readFileSync(log);
  bytes[110] = (bytes[110] ?? 0) ^ 1;
  writeFileSync(log, bytes);
  expect((await repair(path)).losses).toMatchObject([{ entries: 5 }]);
});

// Names were compared, and not the places to which they lead.
test('the new database is never in the damaged one, through a link neither', async () => {
  const link = join(place, 'link');
  symlinkSync(sample, link);
  const before = readdirSync(sample);
  for (const [from, to] of [
    [link, join(sample, 'inside')],
    [sample, join(link, 'inside')],
    [link, join(link, 'deep', 'inside')],
  ] as const) {
    expect((await varve(['repair', from, to])).code).toBe(2);
  }
  expect(readdirSync(sample)).toEqual(before);
});
