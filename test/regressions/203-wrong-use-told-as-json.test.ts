import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ended, start, varve, workplace } from '../cli/support.js';

const place = workplace();

// The parser told of wrong use before anybody had looked for --json.
test.each([
  ['a missing word', ['get', 'fruit.db', '--json'], "missing required argument 'bucket'"],
  ['a word too many', ['stats', 'a', 'b', '--json'], "too many arguments for 'stats'. Expected 1 argument but got 2."],
  ['an unknown option', ['get', '--json', '--nope', 'a', 'b', 'c'], "unknown option '--nope'"],
  ['an unknown command', ['scna', 'fruit.db', '--json'], "unknown command 'scna' (Did you mean scan?)"],
  ['no command', ['--json'], 'no command was given'],
])('%s is one line of JSON where that was asked for', async (_what, words, message) => {
  const { code, stdout, stderr } = await varve(words);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr.trimEnd()).not.toContain('\n');
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'VARVE_INVALID_ARGUMENT', message } });
});

test('--json may stand before the command, and after -- it is a word like others', async () => {
  const path = join(place, 'words');
  expect((await varve(['put', path, 'b', '--create', '--', '--json', 'value'])).code).toBe(0);
  expect((await varve(['--json', 'get', path, 'b', '--', '--json'])).stdout).toBe(
    '{"key":"--json","found":true,"value":"value"}\n',
  );
  expect((await varve(['get', path, 'b', '--', '--json'])).stdout).toBe('value\n');
  expect((await varve(['nope', '--', '--json'])).stderr).toMatch(/^varve: unknown command/);
});

test('the bytes of a value as they are, and JSON, are not asked for at once', async () => {
  const path = join(place, 'raw');
  expect((await varve(['put', path, 'b', 'k', 'v', '--create'])).code).toBe(0);
  expect(await varve(['get', path, 'b', 'k', '--raw', '--json'])).toMatchObject({ code: 2, stdout: '' });
});

test('an interruption is told as JSON where that was asked for', async () => {
  const path = join(place, 'interrupted');
  const child = start(['load', path, '--json']);
  while (!existsSync(join(path, 'CURRENT'))) await new Promise((resolve) => setImmediate(resolve));
  child.kill('SIGINT');
  const { code, stderr } = await ended(child);
  expect({ code, stderr }).toEqual({ code: 130, stderr: '{"error":{"code":"VARVE_ABORTED","message":"interrupted"}}\n' });
});

// The database was made first.
test('a file that cannot be loaded makes no database', async () => {
  const path = join(place, 'unmade');
  mkdirSync(join(place, 'directory'));
  expect(await varve(['load', path, join(place, 'directory')])).toMatchObject({ code: 1 });
  expect((await varve(['load', path, join(place, 'nothing')])).stderr).toContain('there is no file');
  expect(existsSync(path)).toBe(false);
});

test.each([
  ['--entries', '0'],
  ['--entries', '99999999999'],
  ['--value-bytes', '99999999999'],
])('bench refuses %s %s, and says what is allowed', async (option, value) => {
  const { code, stderr } = await varve(['bench', option, value]);
  expect(code).toBe(2);
  expect(stderr).toMatch(new RegExp(`^varve bench: ${option} is \\d+ to \\d+\n$`));
});
