/** The process around the command: exit codes, pipes whose reader goes, signals. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openBackend, verify } from 'varve';
import { ended, filesOf, start, varve, varveProcess, workplace } from './support.js';

const place = workplace();
const large = join(place, 'large');

beforeAll(async () => {
  const database = await openBackend({ path: large, compression: 'none', unsafeNoFsync: true });
  database.update((tx) => {
    tx.unsafeCreateBucket('b');
    for (let i = 0; i < 5000; i++) tx.unsafePut('b', `key ${i}`, Buffer.alloc(400, String(i)));
  });
  await database.close();
});

test('exit codes are 0 done, 1 failed, 2 wrong use', async () => {
  const lines = [['--version'], ['get', large, 'b', 'no such key'], ['get', large]];
  const ends = await Promise.all(lines.map((words) => varveProcess(words)));
  expect(ends.map(({ code }) => code)).toEqual([0, 1, 2]);
  expect(ends[0]?.stdout).toMatch(/^\d+\.\d+\.\d+/);
  expect(ends.map(({ stderr }) => stderr === '')).toEqual([true, true, false]);
});

test.each([
  ['dump', large],
  ['snapshot', large, '-'],
])('a reader that goes ends %s quietly, and the lock is released', async (...words) => {
  const child = start(words);
  await once(child.stdout ?? child, 'data');
  child.stdout?.destroy();
  expect(await ended(child)).toEqual({ code: 0, stdout: '', stderr: '' });
  expect((await varve(['get', large, 'b', 'key 1'])).code).toBe(0);
});

test('a signal ends load: what is committed stays, the lock is released, the code is 130', async () => {
  const path = join(place, 'loaded');
  const child = start(['load', path, '--section', '1']);
  child.stdin?.write('{"bucket":"b","key":"1","value":"x"}\n{"bucket":"b","key":"2","value":"x"}\n');
  // When both lines are in the log the command waits for a third one, which never comes.
  const framesInLog = async (): Promise<number> => {
    const [log] = existsSync(path) ? filesOf(path, /\.log$/) : [];
    return log === undefined ? 0 : (await varve(['inspect', log])).stdout.split(' frame ').length - 1;
  };
  while ((await framesInLog()) < 2) await new Promise((resolve) => setImmediate(resolve));
  child.kill('SIGINT');
  const { code, stderr } = await ended(child);
  expect({ code, stderr }).toEqual({ code: 130, stderr: 'varve load: interrupted\n' });
  expect((await verify(path)).ok).toBe(true);
  expect((await varve(['scan', path, 'b', '--count'])).stdout).toBe('2\n');
});

test('signals that come together are one: npx and timeout pass on what a terminal has told already', async () => {
  const temporary = join(place, 'temporary');
  mkdirSync(temporary);
  const child = start(['bench'], { env: { ...process.env, TMPDIR: temporary } });
  while (readdirSync(temporary).length === 0) await new Promise((resolve) => setImmediate(resolve));
  child.kill('SIGINT');
  child.kill('SIGTERM');
  child.kill('SIGHUP');
  const { code, stderr } = await ended(child);
  expect([129, 130, 143]).toContain(code);
  expect(stderr).toBe('varve bench: interrupted\n');
  expect(readdirSync(temporary)).toEqual([]);
});

test('a signal ends snapshot, and the unfinished file is removed', async () => {
  const file = join(place, 'unfinished.tar');
  const child = start(['snapshot', large, file]);
  while (!existsSync(`${file}.partial`)) await new Promise((resolve) => setImmediate(resolve));
  child.kill('SIGTERM');
  const { code } = await ended(child);
  // It may have been whole already: then it is there as a whole.
  expect([143, 0]).toContain(code);
  expect(existsSync(`${file}.partial`)).toBe(false);
  expect(existsSync(file)).toBe(code === 0);
});

test('a pipe from dump to load copies a database', async () => {
  const copy = join(place, 'copy');
  const [from, to] = [start(['dump', large]), start(['load', copy])];
  if (from.stdout === null || to.stdin === null) throw new Error('no pipes');
  from.stdout.pipe(to.stdin);
  const [loaded] = await Promise.all([ended(to), once(from, 'close')]);
  expect(loaded).toMatchObject({ code: 0, stdout: 'loaded 5,000 entries\n' });
  expect((await varve(['hash', copy])).stdout).toBe((await varve(['hash', large])).stdout);
});

test('a snapshot that is under way, or was killed, is not written over', async () => {
  const file = join(place, 'taken.tar');
  writeFileSync(`${file}.partial`, 'somebody');
  const { code, stderr } = await varve(['snapshot', large, file]);
  expect(code).toBe(2);
  expect(stderr).toContain('another snapshot is being written');
  expect(existsSync(file)).toBe(false);
});
