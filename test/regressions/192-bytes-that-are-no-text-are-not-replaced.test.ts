import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openBackend } from 'varve';
import { varve, workplace } from '../cli/support.js';

const place = workplace();

function lineOf(bytes: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from('{"bucket":"b","key":"'), Buffer.from(bytes), Buffer.from('","value":"v"}\n')]);
}

// A decoder puts U+FFFD in the place of what is no UTF-8, and so other keys were stored than were given, without a word.
test.each([
  ['bytes that are no UTF-8', lineOf([0xff]), 'it is no UTF-8'],
  ['a character that is cut off', lineOf([0xe2, 0x82]), 'it is no UTF-8'],
  ['half a surrogate pair', Buffer.from('{"bucket":"b","key":"\\ud800","value":"v"}'), '"key" has half of a surrogate pair'],
  ['the other half', Buffer.from('{"bucket":"b","key":"k","value":"\\udc00\\ud800"}'), '"value" has half of a surrogate pair'],
  ['base64 of no whole byte', Buffer.from('{"bucket":"b","key":"k","value":{"base64":"A"}}'), '"value" is no base64'],
  [
    'base64 with bits that mean nothing',
    Buffer.from('{"bucket":"b","key":"k","value":{"base64":"AB=="}}'),
    '"value" is no base64',
  ],
])('a line with %s is refused', async (what, line, message) => {
  const path = join(place, what.replaceAll(' ', '-'));
  const good = Buffer.from('{"bucket":"b","key":"a","value":{"base64":"AA"}}\n');
  const { code, stderr } = await varve(['load', path], Buffer.concat([good, line]));
  expect(code).toBe(2);
  expect(stderr).toContain(`line 2: ${message}`);
  expect((await varve(['buckets', path])).stdout).toBe('');
});

test('words that were typed as no UTF-8 are refused, and U+FFFD has a form of its own', async () => {
  const path = join(place, 'typed');
  expect((await varve(['put', path, 'b', 'k', 'v', '--create'])).code).toBe(0);
  // What Node makes of the argument of a shell that is the byte 0xff.
  for (const words of [
    ['put', path, 'b', '\ufffd', 'v'],
    ['put', path, 'b', 'k', 'a\ufffdb'],
    ['delete', path, '\ufffd', 'k'],
  ]) {
    const { code, stderr } = await varve(words);
    expect(code).toBe(2);
    expect(stderr).toMatch(/no UTF-8 at character [01]: type them as \\xHH/);
  }
  await varve(['put', path, 'b', '\\xff', '\\xef\\xbf\\xbd']);
  const database = await openBackend({ path, readOnly: true });
  expect(database.readTx().unsafeGet('b', Buffer.of(0xff))?.toString()).toBe('\ufffd');
  await database.close();
  expect((await varve(['scan', path, 'b'])).stdout).toBe('k\tv\n\\xff\t\\xef\\xbf\\xbd\n');
});
