/**
 * What a VarveLevel can do beyond abstract-level's own methods, and what its manifest says of it.
 */
import { join } from 'node:path';
import { restoreSnapshot, verify } from 'varve';
import { describe, expect, test } from 'vitest';
import { Collector, inChunks } from '../contract/support/snapshots.js';
import { freshPath, level, rejection, temporaryDirectory } from './support.js';

const name = (number: number): string => String(number).padStart(6, '0');

/** Puts keys of a range, each with a value that does not compress. */
function puts(from: number, to: number): { type: 'put'; key: string; value: string }[] {
  return Array.from({ length: to - from }, (_, place) => ({
    type: 'put' as const,
    key: name(from + place),
    value: Array.from({ length: 20 }, (_unused, at) => ((from + place) * 7919 + at * 104_729).toString(36)).join(''),
  }));
}

test('the manifest names every one of them, and they are there', () => {
  const db = level();
  const { additionalMethods } = db.supports;
  expect(Object.keys(additionalMethods).sort()).toEqual(['approximateSize', 'backup', 'compactRange', 'defrag', 'hash', 'stats']);
  for (const method of Object.keys(additionalMethods)) expect(typeof Reflect.get(db, method)).toBe('function');
});

describe('approximateSize', () => {
  test('is the bytes of the tables that hold a range: parts sum to the whole, and what is not there takes nothing', async () => {
    const db = level(undefined, { unsafeNoFsync: true, compression: false });
    expect(await db.approximateSize('', '~')).toBe(0);
    const all = puts(0, 8000);
    await db.batch(all);
    await db.defrag();
    const userBytes = all.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    const whole = await db.approximateSize('', '~');
    expect(whole).toBeGreaterThan(userBytes);
    expect(whole / db.stats().levels.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(0.95);
    expect((await db.approximateSize('', name(2000))) + (await db.approximateSize(name(2000), '~'))).toBe(whole);
    const half = await db.approximateSize(name(2000), name(6000));
    expect(half / userBytes).toBeGreaterThan(0.45);
    expect(half / userBytes).toBeLessThan(0.6);
    expect(await db.approximateSize(name(6000), name(2000))).toBe(0);
    expect(await db.approximateSize('x', '~')).toBe(0);
  });

  test('and compactRange take keys in the encoding that is asked for, and need both', async () => {
    const db = level();
    await db.put('a', '1');
    await db.compactRange('a', 'b');
    const encoded = { keyEncoding: 'hex' };
    await db.compactRange('61', '62', encoded);
    expect(await db.approximateSize('61', '62', encoded)).toBe(await db.approximateSize('a', 'b'));
    await rejection(db.approximateSize('a', undefined as unknown as string), 'VARVE_INVALID_ARGUMENT');
    await rejection(db.compactRange(null as unknown as string, 'b'), 'VARVE_INVALID_ARGUMENT');
  });
});

test('compactRange and defrag give the room back that deleted keys took', async () => {
  for (const method of ['compactRange', 'defrag'] as const) {
    const db = level(undefined, { unsafeNoFsync: true });
    await db.batch(puts(0, 3000));
    await db.defrag();
    const before = await db.approximateSize('', '~');
    await db.clear({ lt: name(2900) });
    await (method === 'defrag' ? db.defrag() : db.compactRange('', '~'));
    expect(await db.approximateSize('', '~')).toBeLessThan(before / 10);
    expect(await db.keys().all()).toHaveLength(100);
  }
});

test('hash is that of the durable content, however it came to be', async () => {
  const [one, other] = [level(), level()];
  await one.batch(puts(0, 100), { sync: true });
  await other.batch(puts(0, 200));
  await other.clear();
  for (const put of puts(0, 100).reverse()) await other.put(put.key, put.value);
  expect(await other.hash()).not.toBe(await one.hash());
  await other.defrag();
  expect(await other.hash()).toBe(await one.hash());
});

describe('backup', () => {
  test('streams a copy that opens, with the empty key, while the database goes on', async () => {
    const db = level();
    await db.batch([...puts(0, 500), { type: 'put', key: '', value: 'empty' }]);
    const target = new Collector();
    const backup = db.backup(target);
    await db.put('later', '1');
    expect(await backup).toBe(target.bytes().length);
    const path = join(temporaryDirectory(), 'restored');
    await restoreSnapshot(inChunks(target.bytes()), path);
    expect((await verify(path)).problems).toEqual([]);
    const copy = level(path, { createIfMissing: false });
    expect(await copy.get('')).toBe('empty');
    expect(await copy.keys({ gte: '0' }).all()).toEqual(puts(0, 500).map(({ key }) => key));
  });

  test('that is called off or fails says so, and holds nothing back', async () => {
    const db = level();
    await db.put('a', '1');
    const controller = new AbortController();
    controller.abort();
    const error = await rejection(db.backup(new Collector(), { signal: controller.signal }), 'LEVEL_ABORTED');
    expect(error.cause?.code).toBe('VARVE_ABORTED');
    await rejection(db.backup('a file' as unknown as Collector), 'VARVE_INVALID_ARGUMENT');
    const broken = new Collector();
    broken.destroy();
    await rejection(db.backup(broken), 'LEVEL_IO_ERROR');
    await db.close();
  });
});

test('stats tells of levels, cache and commits', async () => {
  const db = level();
  await db.put('a', '1', { sync: true });
  const stats = db.stats();
  expect(stats.commits).toBe(1);
  expect(stats.userBytesWritten).toBe(2);
  expect(stats.levels).toHaveLength(7);
});

test('while the database opens they wait for it; when it is closed they say so', async () => {
  const db = level(freshPath());
  expect(() => db.stats()).toThrow('not open');
  const calls = [db.approximateSize('a', 'b'), db.compactRange('a', 'b'), db.defrag(), db.hash(), db.backup(new Collector())];
  expect(db.status).toBe('opening');
  await Promise.all(calls);
  await db.close();
  for (const call of [
    () => db.approximateSize('a', 'b'),
    () => db.compactRange('a', 'b'),
    () => db.defrag(),
    () => db.hash(),
    () => db.backup(new Collector()),
  ]) {
    await rejection(call(), 'LEVEL_DATABASE_NOT_OPEN');
  }
  expect(() => db.stats()).toThrow('not open');
});
