/**
 * `varve repair`: whatever is damaged, only sound entries come over, the newest first of all, and what is lost is said.
 *
 * The history of the sample is known, so each key can be judged:
 * - no loss reaches it: it has its newest value;
 * - a loss reaches it: it has one of its values, or is not there.
 */
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { openBackend, verify } from 'varve';
import { byTier, report as tellCounts, seedOf } from '../support/tier.js';
import { copyOf, filesOf, type History, makeSample, varve, workplace } from './support.js';

const place = workplace();
const sample = join(place, 'sample');
let history: History;
let bucketIds: Map<string, number>;

interface KeyJson {
  readonly bucketId: number;
  readonly key: string;
}

interface Repaired {
  readonly losses: {
    readonly file: string;
    readonly offset?: number;
    readonly entries: number | null;
    readonly smallestKey?: KeyJson;
    readonly largestKey?: KeyJson;
    readonly doubtfulEntries: number;
  }[];
  readonly doubts: string[];
  readonly inventedBuckets: string[];
  readonly entries: number;
}

beforeAll(async () => {
  history = await makeSample(sample);
  // Ids are given in the order of creation.
  bucketIds = new Map(['animals', 'fruit', 'tools'].map((name, i) => [name, i + 1]));
});

const isBelow = (a: KeyJson, b: KeyJson): boolean => a.bucketId < b.bucketId || (a.bucketId === b.bucketId && a.key < b.key);

/** Whether what is lost may have held the key. */
function reaches({ losses, doubts }: Repaired, key: KeyJson): boolean {
  return (
    doubts.length > 0 ||
    losses.some(({ entries, smallestKey, largestKey }) => {
      if (entries === 0) return false;
      const isBefore = smallestKey !== undefined && isBelow(key, smallestKey);
      const isBehind = largestKey !== undefined && isBelow(largestKey, key);
      return !isBefore && !isBehind;
    })
  );
}

async function repair(path: string): Promise<{ code: number | null; report: Repaired; content: Map<string, string> }> {
  const target = `${path}-saved`;
  const before = readdirSync(path).map((name) => `${name} ${readFileSync(join(path, name), 'latin1')}`);
  const { code, stdout, stderr } = await varve(['repair', path, target, '--json']);
  expect(stderr).toBe('');
  expect(readdirSync(path).map((name) => `${name} ${readFileSync(join(path, name), 'latin1')}`)).toEqual(before);
  expect((await verify(target)).problems).toEqual([]);
  const database = await openBackend({ path: target, readOnly: true });
  const content = new Map<string, string>();
  for (const bucket of database.readTx().unsafeBuckets())
    for (const [key, value] of database.readTx().unsafeIterate(bucket)) content.set(`${bucket}/${key}`, value.toString());
  await database.close();
  return { code, report: JSON.parse(stdout) as Repaired, content };
}

/** Judges every key; the number of keys that are not what they were. */
function judge(report: Repaired, content: Map<string, string>): number {
  let changed = 0;
  for (const [name, values] of history) {
    const [bucket = '', key = ''] = name.split('/');
    const id = bucketIds.get(bucket) ?? -1;
    const found = content.get(name) ?? content.get(`recovered-bucket-${id}/${key}`);
    if (found !== undefined) expect(values).toContain(found);
    if (found === values.at(-1)) continue;
    changed++;
    expect(reaches(report, { bucketId: id, key }), `${name} changed, and no loss says so`).toBe(true);
  }
  const strangers = [...content.keys()].filter((name) => !history.has(name));
  // Entries of a bucket whose name or deletion is lost: said, under a name of its own, or under the one it had.
  for (const name of strangers) {
    const [bucket = ''] = name.split('/');
    expect(report.inventedBuckets.includes(bucket) || (bucket === 'gone' && report.losses.length > 0)).toBe(true);
  }
  return changed;
}

function flip(file: string, offset: number): void {
  const bytes = readFileSync(file);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
  writeFileSync(file, bytes);
}

test('a sound database comes over as it is, and nothing is said to be lost', async () => {
  const { code, report, content } = await repair(copyOf(sample, 'sound'));
  expect([code, report.losses, report.doubts]).toEqual([0, [], []]);
  expect(judge(report, content)).toBe(0);
  expect(content.size).toBe(report.entries);
});

test('a damaged block costs the entries of that block, and the report names it', async () => {
  const path = copyOf(sample, 'block');
  const [table = ''] = filesOf(path, /\.sst$/).slice(-1);
  flip(table, 20);
  const { code, report, content } = await repair(path);
  expect(code).toBe(1);
  expect(report.losses).toMatchObject([{ file: table.slice(path.length + 1), offset: 0, entries: expect.any(Number) as number }]);
  expect(report.losses[0]?.entries).toBeGreaterThan(0);
  judge(report, content);
});

test.each([
  ['filter', (path: string) => footerSection(path, 0)],
  ['properties', (path: string) => footerSection(path, 64)],
])('a damaged %s costs nothing', async (name, offsetIn) => {
  const path = copyOf(sample, name);
  const [table = ''] = filesOf(path, /\.sst$/).slice(-1);
  flip(table, offsetIn(table));
  const { code, report, content } = await repair(path);
  expect([code, report.losses.map(({ entries }) => entries)]).toEqual([1, [0]]);
  expect(judge(report, content)).toBe(0);
});

/** Where a section begins, as the footer says. */
function footerSection(table: string, at: number): number {
  const bytes = readFileSync(table);
  return bytes.readDoubleLE(bytes.length - 144 + at);
}

test.each([
  ['index', (table: string) => flip(table, footerSection(table, 32))],
  ['footer', (table: string) => flip(table, readFileSync(table).length - 20)],
  ['tail', (table: string) => truncateSync(table, 100)],
  ['missing-table', (table: string) => rmSync(table)],
])('a table with a damaged %s is lost, with the number of its entries', async (name, damage) => {
  const path = copyOf(sample, name);
  const [table = ''] = filesOf(path, /\.sst$/).slice(-1);
  damage(table);
  const { code, report, content } = await repair(path);
  expect(code).toBe(1);
  expect(report.losses).toHaveLength(1);
  expect(report.losses[0]?.entries).toBeGreaterThan(0);
  judge(report, content);
});

test('behind a damaged group the rest of the log is saved, and the report says how many records are lost at most', async () => {
  const path = copyOf(sample, 'group');
  const [log = ''] = filesOf(path, /\.log$/).filter((file) => readFileSync(file).length > 2000);
  flip(log, Math.floor(readFileSync(log).length / 2));
  const { code, report, content } = await repair(path);
  expect(code).toBe(1);
  expect(report.losses).toHaveLength(1);
  expect(report.losses[0]?.entries).toBeLessThanOrEqual(40);
  judge(report, content);
});

test.each([
  ['CURRENT', /^CURRENT$/],
  ['manifest', /^MANIFEST/],
])('without %s the content is saved, and what is not known is said', async (name, pattern) => {
  const path = copyOf(sample, name);
  for (const file of filesOf(path, pattern)) rmSync(file);
  const { code, report, content } = await repair(path);
  expect(code).toBe(1);
  expect(report.losses.length + report.doubts.length).toBeGreaterThan(0);
  judge(report, content);
});

test('logs that are gone are named', async () => {
  const path = copyOf(sample, 'logs');
  const logs = filesOf(path, /\.log$/);
  for (const log of logs) rmSync(log);
  const { code, report, content } = await repair(path);
  expect(code).toBe(1);
  expect(report.losses).toMatchObject([{ entries: null }]);
  judge(report, content);
});

test('whatever bytes are damaged, a key that no loss reaches has its newest value, and no other is invented', async () => {
  const seed = seedOf('cli repair');
  const names = readdirSync(sample).filter((name) => name !== 'LOCK');
  let cases = 0;
  let damaged = 0;
  const damage = fc.record({
    file: fc.constantFrom(...names),
    place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), fc.boolean(), async (damages, cuts) => {
      const path = copyOf(sample, `case-${cases++}`);
      for (const { file, place: share } of damages) {
        const at = Math.floor(readFileSync(join(path, file)).length * share);
        if (cuts) truncateSync(join(path, file), at);
        else flip(join(path, file), at);
      }
      const { report, content } = await repair(path);
      damaged += judge(report, content);
      rmSync(path, { recursive: true });
      rmSync(`${path}-saved`, { recursive: true });
    }),
    { seed, numRuns: byTier(3, 150) },
  );
  tellCounts('cli repair', `${cases} damaged databases repaired, ${damaged} keys changed, each said`);
});

test('the new database is never in the damaged one, and never in the place of something', async () => {
  expect((await varve(['repair', sample, join(sample, 'inside')])).code).toBe(2);
  expect(existsSync(join(sample, 'inside'))).toBe(false);
  writeFileSync(join(place, 'file'), 'mine');
  expect((await varve(['repair', sample, join(place, 'file')])).code).toBe(2);
  expect(readFileSync(join(place, 'file'), 'utf8')).toBe('mine');
});
