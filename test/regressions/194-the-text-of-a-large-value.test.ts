import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openBackend } from 'varve';
import { main, workplace } from '../cli/support.js';

const place = workplace();
const valueBytes = 8 * 1024 * 1024;

// A string that grew by a character for each byte took forty times the memory of the value, and the process ended for want of it.
test('a value that is no UTF-8 is printed in memory that is a small multiple of it', async () => {
  const path = join(place, 'large');
  const database = await openBackend({ path });
  database.update((tx) => {
    tx.unsafeCreateBucket('b');
    tx.unsafePut('b', 'k', Buffer.alloc(valueBytes, 0xff));
  });
  await database.close();
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--max-old-space-size=96', main, 'get', path, 'b', 'k'], {
    maxBuffer: 8 * valueBytes,
  });
  expect(status, stderr.toString().slice(0, 400)).toBe(0);
  expect(stdout.length).toBe(4 * valueBytes + 1);
  expect(stdout.subarray(-9).toString()).toBe('\\xff\\xff\n');
});
