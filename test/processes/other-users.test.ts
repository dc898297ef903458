/** Files that belong to somebody else: refused by the system, by name, and left as they are. */
import { verify } from 'varve';
import { expect, test } from 'vitest';
import { run } from '../contract/support/child.js';
import { temporaryDirectory } from '../contract/support/harness.js';
import { processFixture } from './support/storm.js';

test('a database of another user is VARVE_IO with EACCES to whoever may not, readOnly to whoever may read, and stays as it is', async () => {
  const place = temporaryDirectory();
  expect(await run(processFixture('other-user.mjs'), [place])).toEqual([
    'open: VARVE_IO EACCES',
    'open readOnly: VARVE_IO EACCES',
    'verify: VARVE_IO EACCES',
    'write where one may read: VARVE_IO EACCES',
    'read where one may read: v',
    'verify where one may read: true',
    'create: VARVE_IO EACCES',
    'restore from: VARVE_IO EACCES',
    'restore to: VARVE_IO EACCES',
    'left: ',
  ]);
  expect((await verify(`${place}/readable`)).problems).toEqual([]);
});
