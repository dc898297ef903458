import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openBackend } from 'varve';
import { varve, workplace } from '../cli/support.js';

const place = workplace();

// U+2028 and U+2029 stand in JSON as they are, and a reader of lines of Node takes them for ends of lines: what was dumped could not be loaded.
test('every character comes back through dump and load, those too that other readers take for the end of a line', async () => {
  const path = join(place, 'source');
  const database = await openBackend({ path });
  const characters = ['\u2028', '\u2029', '\u0085', '\r', '\n', '\v', '\f', '\ufeff', '\ufffd', '\u0000'];
  database.update((tx) => {
    tx.unsafeCreateBucket('b');
    for (const character of characters) tx.unsafePut('b', `${character} key`, `a${character}b`);
  });
  await database.close();
  const { stdout } = await varve(['dump', path]);
  for (const [name, lines] of [
    ['unix', stdout],
    ['windows', `\ufeff${stdout.replaceAll('\n', '\r\n')}`],
    ['cut', stdout.trimEnd()],
  ] as const) {
    expect(await varve(['load', join(place, name)], lines)).toMatchObject({ code: 0, stdout: 'loaded 10 entries\n' });
    expect((await varve(['hash', join(place, name)])).stdout).toBe((await varve(['hash', path])).stdout);
  }
});
