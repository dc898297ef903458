/**
 * Keys, values and ranges: the empty key is a key, an empty bound is a bound, and whatever is read is what a sorted list would give.
 */
import type { AbstractIteratorOptions } from 'abstract-level';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seedOf } from '../support/tier.js';
import { freshPath, level, rejection } from './support.js';

describe('the empty key', () => {
  test('is put, read, found and deleted like any other, by every call', async () => {
    const db = level();
    await db.put('', 'nothing');
    await db.batch([{ type: 'put', key: 'a', value: '' }]);
    expect(await db.get('')).toBe('nothing');
    expect(db.getSync('')).toBe('nothing');
    expect(db.getSync('a')).toBe('');
    expect(await db.getMany(['', 'b', 'a'])).toEqual(['nothing', undefined, '']);
    expect(await db.hasMany(['', 'b'])).toEqual([true, false]);
    expect(await db.keys().all()).toEqual(['', 'a']);
    await db.batch().del('').write();
    expect(await db.has('')).toBe(false);
  });

  test('survives flush, reopening and compaction', async () => {
    const path = freshPath();
    const db = level(path);
    await db.put('', 'nothing');
    await db.defrag();
    await db.put('b', 'other');
    await db.close();
    await db.open();
    expect(await db.iterator().all()).toEqual([
      ['', 'nothing'],
      ['b', 'other'],
    ]);
    await db.del('');
    await db.defrag();
    expect(await db.iterator().all()).toEqual([['b', 'other']]);
  });

  test('is what an empty bound means', async () => {
    const db = level();
    for (const key of ['', 'a', 'b']) await db.put(key, key);
    expect(await db.keys({ gt: '' }).all()).toEqual(['a', 'b']);
    expect(await db.keys({ gte: '' }).all()).toEqual(['', 'a', 'b']);
    expect(await db.keys({ lt: '' }).all()).toEqual([]);
    expect(await db.keys({ lte: '' }).all()).toEqual(['']);
    await db.clear({ lte: '' });
    expect(await db.keys().all()).toEqual(['a', 'b']);
  });
});

test('of two bounds on one side the inclusive one holds', async () => {
  const db = level();
  for (const key of ['a', 'b', 'c', 'd']) await db.put(key, key);
  expect(await db.keys({ gt: 'c', gte: 'b' }).all()).toEqual(['b', 'c', 'd']);
  expect(await db.keys({ lt: 'b', lte: 'c' }).all()).toEqual(['a', 'b', 'c']);
});

test('what is read is the caller’s to keep and to change, and what was given may be used again', async () => {
  const db = level<Buffer, Buffer>(freshPath(), { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await db.open();
  const key = Buffer.from('key');
  const value = Buffer.from('value');
  const batch = db.batch();
  batch.put(key, value);
  key.fill(0x78);
  value.fill(0x78);
  await batch.write();
  const first = await db.get(Buffer.from('key'));
  const [entry] = await db.iterator().all();
  expect(first?.toString()).toBe('value');
  first?.fill(0);
  entry?.forEach((bytes) => bytes.fill(0));
  await db.put(Buffer.from('key'), Buffer.from('other'));
  await db.defrag();
  expect(first).toEqual(Buffer.alloc(5));
  expect((await db.get(Buffer.from('key')))?.toString()).toBe('other');
});

test('a key beyond the limit is refused where it is written, and does not exist where it is read', async () => {
  const db = level();
  const long = 'k'.repeat(32_769);
  await db.put('a', '1');
  const error = await rejection(
    db.batch([
      { type: 'put', key: 'b', value: '2' },
      { type: 'put', key: long, value: '3' },
    ]),
    'VARVE_LIMIT',
  );
  expect(error.message).toContain('32768');
  expect(await db.has(long)).toBe(false);
  await db.del(long);
  expect(await db.keys({ lt: long }).all()).toEqual(['a']);
});

/** Keys over three bytes, so that they meet, the empty key and keys that begin others among them. */
const keys = fc.array(fc.constantFrom(0x00, 0x61, 0xff), { maxLength: 3 }).map((bytes) => Buffer.from(bytes));
const bound = fc.option(keys, { nil: undefined });
const range = fc.record({
  gte: bound,
  gt: bound,
  lte: bound,
  lt: bound,
  reverse: fc.boolean(),
  limit: fc.integer({ min: -1, max: 6 }),
});
type Range = typeof range extends fc.Arbitrary<infer R> ? R : never;
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), key: keys, bytes: fc.integer({ min: 0, max: 900 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('del' as const), key: keys }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), range }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clearAll' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('snapshot' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('defrag' as const) }) },
);

class Model {
  constructor(readonly values = new Map<string, string>()) {}

  /** The keys of a range, as latin1 strings, in the order and number that the options ask for. */
  keysIn(options: Range): string[] {
    const { gte, gt, lte, lt, reverse, limit } = options;
    const found = [...this.values.keys()].sort().filter((key) => {
      const bytes = Buffer.from(key, 'latin1');
      const isAbove = gte !== undefined ? bytes.compare(gte) >= 0 : gt === undefined || bytes.compare(gt) > 0;
      return isAbove && (lte !== undefined ? bytes.compare(lte) <= 0 : lt === undefined || bytes.compare(lt) < 0);
    });
    if (reverse) found.reverse();
    return limit < 0 ? found : found.slice(0, limit);
  }
}

/** Options without those that are undefined: an undefined bound would be encoded. */
const given = (options: Range): AbstractIteratorOptions<Buffer, Buffer> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

test('ranges, seeks, clears and snapshots give what sorted maps give, through flushes and compactions', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.array(range, { minLength: 4, maxLength: 8 }),
      keys,
      async (steps, ranges, target) => {
        const db = level<Buffer, Buffer>(freshPath(), {
          keyEncoding: 'buffer',
          valueEncoding: 'buffer',
          memtableBytes: 16_384,
          unsafeNoFsync: true,
        });
        await db.open();
        let model = new Model();
        const pinned: { model: Model; snapshot: ReturnType<typeof db.snapshot> }[] = [];
        for (const [place, each] of steps.entries()) {
          if (each.kind === 'put') {
            const value = `${place}:`.padEnd(each.bytes + 4, '.');
            await db.put(each.key, Buffer.from(value));
            model.values.set(each.key.toString('latin1'), value);
          } else if (each.kind === 'del') {
            await db.del(each.key);
            model.values.delete(each.key.toString('latin1'));
          } else if (each.kind === 'clear') {
            await db.clear(given(each.range));
            for (const key of model.keysIn(each.range)) model.values.delete(key);
          } else if (each.kind === 'clearAll') {
            await db.clear();
            model = new Model();
          } else if (each.kind === 'snapshot') pinned.push({ model: new Model(new Map(model.values)), snapshot: db.snapshot() });
          else await db.defrag();
        }
        for (const options of ranges) {
          for (const { model: state, snapshot } of [{ model, snapshot: undefined }, ...pinned]) {
            const at = { ...given(options), ...(snapshot === undefined ? {} : { snapshot }) };
            const expected = state.keysIn(options).map((key) => [key, state.values.get(key)]);
            const text = (entries: [Buffer, Buffer][]): string[][] =>
              entries.map(([key, value]) => [key.toString('latin1'), value.toString()]);
            expect(text(await db.iterator(at).all())).toEqual(expected);
            expect((await db.keys(at).all()).map((key) => key.toString('latin1'))).toEqual(expected.map(([key]) => key));
            expect((await db.values(at).all()).map(String)).toEqual(expected.map(([, value]) => value));
            const iterator = db.iterator({ ...at, limit: -1 });
            iterator.seek(target);
            const all = state.keysIn({ ...options, limit: -1 });
            const isInside = new Model(new Map([[target.toString('latin1'), '']])).keysIn({ ...options, limit: -1 }).length > 0;
            const order = options.reverse ? -1 : 1;
            const rest = all.filter((key) => isInside && order * Buffer.from(key, 'latin1').compare(target) >= 0);
            expect(text(await iterator.all()).map(([key]) => key)).toEqual(rest);
          }
        }
        await db.close();
      },
    ),
    { seed: seedOf('level ranges'), numRuns: 12 },
  );
});
