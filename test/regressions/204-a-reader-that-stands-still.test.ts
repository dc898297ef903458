import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openBackend } from 'varve';
import { start, varve, workplace } from '../cli/support.js';

const place = workplace();

// The command waited for its reader (a pager that shows a page), and heard the signal only when that had gone on.
test('a signal ends a command whose output nobody takes, and the lock is released', async () => {
  const path = join(place, 'database');
  const database = await openBackend({ path, compression: 'none', unsafeNoFsync: true });
  database.update((tx) => {
    tx.unsafeCreateBucket('b');
    for (let i = 0; i < 5000; i++) tx.unsafePut('b', `key ${i}`, Buffer.alloc(400, String(i)));
  });
  await database.close();
  const child = start(['dump', path]);
  // One piece shows that it is at work; far more than a pipe holds is left.
  await once(child.stdout ?? child, 'readable');
  child.kill('SIGINT');
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(130);
  child.stdout?.destroy();
  expect((await varve(['get', path, 'b', 'key 1'])).code).toBe(0);
});
