/**
 * LOCK is the one file that is written where it is found. A hard link to somebody else's file, planted under that name, had its
 * content replaced by the owner's line, and was emptied at the close.
 */
import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectRejection, open, temporaryDirectory } from '../contract/support/harness.js';

test("a LOCK that is another name of somebody's file is refused, and the file stays as it was", async () => {
  const directory = temporaryDirectory();
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'precious');
  const path = join(directory, 'db');
  mkdirSync(path);
  linkSync(victim, join(path, 'LOCK'));
  const error = await expectRejection(() => open({ path }), 'VARVE_IO');
  expect(error.file).toBe(join(path, 'LOCK'));
  expect(readFileSync(victim, 'utf8')).toBe('precious');
});

test('a copy made of hard links, LOCK too, opens: what LOCK holds is ours', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'db');
  const first = await open({ path });
  // While it is open LOCK has a line in it, as after a kill.
  linkSync(join(path, 'LOCK'), join(directory, 'LOCK'));
  await first.close();
  await (await open({ path })).close();
});
