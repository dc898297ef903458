import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
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

// The catalogue was taken for whole where nobody knew which tables had been there: entries of the logs were dropped without a word.
test('without a manifest and tables, what logs hold is saved under names that are made up', async () => {
  const path = copyOf(sample, 'logs');
  for (const file of filesOf(path, /^MANIFEST|\.sst$|^CURRENT$/)) rmSync(file);
  const { entries: saved, inventedBuckets } = await repair(path);
  expect(saved).toBeGreaterThan(0);
  expect(inventedBuckets.length).toBeGreaterThan(0);
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
