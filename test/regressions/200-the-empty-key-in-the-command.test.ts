import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { verify } from 'varve';
import { VarveLevel } from 'varve/level';
import { varve, workplace } from '../cli/support.js';

const place = workplace();
const path = join(place, 'level');

beforeAll(async () => {
  const db = new VarveLevel(path);
  await db.batch([
    { type: 'put', key: '', value: 'nothing' },
    { type: 'put', key: 'a', value: 'something' },
  ]);
  await db.close();
});

const hashOf = async (database: string): Promise<string> => (await varve(['hash', database])).stdout;

// The command went through the interface of etcd, which refuses the empty key: of a VarveLevel that had one nothing at all was salvaged.
test('repair saves the empty key of a VarveLevel', async () => {
  const saved = join(place, 'saved');
  expect(await varve(['repair', path, saved])).toMatchObject({
    code: 0,
    stdout: `2 entries in 1 bucket saved to ${saved}; nothing was lost\n`,
  });
  expect((await verify(saved)).problems).toEqual([]);
  const db = new VarveLevel(saved, { createIfMissing: false });
  expect(await db.get('')).toBe('nothing');
  await db.close();
});

test('the empty key of a VarveLevel comes back through dump and load', async () => {
  const copy = join(place, 'copy');
  const { stdout } = await varve(['dump', path]);
  expect(await varve(['load', copy], stdout)).toMatchObject({ code: 0, stdout: 'loaded 2 entries\n' });
  expect(await hashOf(copy)).toBe(await hashOf(path));
});

test('get, put and delete take the empty key in the bucket of a VarveLevel', async () => {
  expect(await varve(['get', path, 'level', ''])).toMatchObject({ code: 0, stdout: 'nothing\n' });
  expect((await varve(['put', path, 'level', '', 'new'])).code).toBe(0);
  expect(await varve(['get', path, 'level', '', '--json'])).toMatchObject({
    code: 0,
    stdout: '{"key":"","found":true,"value":"new"}\n',
  });
  expect(await varve(['delete', path, 'level', ''])).toMatchObject({ code: 0, stdout: 'deleted 1 key\n' });
  expect((await varve(['get', path, 'level', ''])).code).toBe(1);
  expect((await varve(['delete', path, 'level', ''])).code).toBe(1);
  expect((await varve(['put', path, 'level', '', 'nothing'])).code).toBe(0);
});

test('in any other bucket, where its programs could not read it, the empty key is refused', async () => {
  const other = join(place, 'other');
  expect((await varve(['put', other, 'fruit', 'apple', 'red', '--create'])).code).toBe(0);
  const { code, stderr } = await varve(['put', other, 'fruit', '', 'red']);
  expect(code).toBe(2);
  expect(stderr).toContain('a key has 1 to 32768 bytes, not 0');
  expect((await varve(['load', other], '{"bucket":"fruit","key":"","value":"red"}')).code).toBe(2);
  expect((await varve(['scan', other, 'fruit', '--count'])).stdout).toBe('1\n');
});
