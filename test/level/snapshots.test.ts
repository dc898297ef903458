/**
 * Views: iterators and snapshots show the state at their making, whatever happens to it meanwhile, and end with their database.
 */
import { describe, expect, test } from 'vitest';
import { level, rejection } from './support.js';

const many = Array.from({ length: 3000 }, (_, number) => ({
  type: 'put' as const,
  key: String(number).padStart(5, '0'),
  value: `first ${'.'.repeat(40)}`,
}));

test.each(['overwritten', 'deleted', 'cleared', 'cleared in parts'])(
  'an iterator and a snapshot show what has been %s and compacted since',
  async (what) => {
    const db = level(undefined, { memtableBytes: 65_536, unsafeNoFsync: true });
    await db.batch(many);
    const snapshot = db.snapshot();
    const iterator = db.iterator();
    const begun = await iterator.nextv(10);
    if (what === 'overwritten') await db.batch(many.map((put) => ({ ...put, value: 'second' })));
    else if (what === 'deleted') await db.batch(many.map(({ key }) => ({ type: 'del' as const, key })));
    else await db.clear(what === 'cleared' ? {} : { gte: '0' });
    await db.put('zzz', 'later');
    await db.defrag();
    expect((await db.keys().all()).length).toBe(what === 'overwritten' ? 3001 : 1);
    const expected = many.map(({ key, value }) => [key, value]);
    expect([...begun, ...(await iterator.all())]).toEqual(expected);
    expect(await db.iterator({ snapshot }).all()).toEqual(expected);
    expect(await db.get('02999', { snapshot })).toBe(many[2999]?.value);
    expect(await db.has('zzz', { snapshot })).toBe(false);
    await snapshot.close();
    await rejection(db.get('02999', { snapshot }), 'LEVEL_SNAPSHOT_NOT_OPEN');
  },
);

test('clear with a snapshot deletes what the snapshot holds, and nothing that came later', async () => {
  const db = level();
  await db.put('a', '1');
  await db.put('b', '1');
  const snapshot = db.snapshot();
  await db.put('c', '1');
  await db.put('a', '2');
  await db.clear({ snapshot });
  expect(await db.keys().all()).toEqual(['c']);
});

test('what no view needs any more leaves the files with the next compaction', async () => {
  const db = level(undefined, { unsafeNoFsync: true });
  await db.batch(many);
  const snapshot = db.snapshot();
  const iterator = db.iterator();
  await db.clear();
  await db.defrag();
  const held = db.stats().levels.reduce((sum, { bytes }) => sum + bytes, 0);
  await iterator.close();
  await snapshot.close();
  await db.defrag();
  expect(held).toBeGreaterThan(1000);
  expect(db.stats().levels.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(1000);
});

test('a snapshot holds what it shows also after a read through it has ended', async () => {
  const db = level(undefined, { memtableBytes: 65_536, unsafeNoFsync: true });
  await db.batch(many);
  const snapshot = db.snapshot();
  for (const iterator of [db.iterator({ snapshot }), db.keys({ snapshot }), db.values({ snapshot })]) {
    await iterator.next();
    await iterator.close();
  }
  await db.batch(many.map((put) => ({ ...put, value: 'second' })));
  await db.defrag();
  expect(await db.iterator({ snapshot }).all()).toEqual(many.map(({ key, value }) => [key, value]));
  await snapshot.close();
});

test('a snapshot of another database is refused, and leaves nothing that stands in the way of closing', async () => {
  const [db, other] = [level(), level()];
  await Promise.all([db.open(), other.open()]);
  const snapshot = other.snapshot();
  await rejection(db.get('a', { snapshot }), 'VARVE_INVALID_ARGUMENT');
  expect(() => db.iterator({ snapshot })).toThrow('snapshot');
  await db.close();
  await other.close();
});

describe('closing', () => {
  test('ends iterators that are open, and a clear that is under way goes on to its end before', async () => {
    const db = level(undefined, { unsafeNoFsync: true });
    await db.batch(many);
    const iterator = db.iterator();
    await iterator.next();
    const clearing = db.clear({ gte: '0' });
    await db.close();
    await clearing;
    await rejection(iterator.next(), 'LEVEL_ITERATOR_NOT_OPEN');
    await db.open();
    expect(await db.keys().all()).toEqual([]);
  });

  test('and opening again, in one turn or many, ends in the state that was asked for last', async () => {
    const db = level();
    await Promise.all([db.put('a', '1'), db.close(), db.open(), db.close(), db.open()]).catch(() => {});
    await db.open();
    await db.put('a', '2');
    await db.close();
    await rejection(db.get('a'), 'LEVEL_DATABASE_NOT_OPEN');
    await db.open();
    expect(await db.get('a')).toBe('2');
  });
});

test.each(['next', 'all'] as const)('a signal calls off a %s that is under way', async (method) => {
  const db = level();
  await db.batch(many.slice(0, 500));
  const controller = new AbortController();
  const iterator = db.iterator({ signal: controller.signal });
  const reading = iterator[method]();
  controller.abort('enough');
  const error = await rejection(reading, 'LEVEL_ABORTED');
  expect(error.name).toBe('AbortError');
});
