/**
 * A session that opens, writes a little and closes leaves a log. The flush that its successor began was cut off by the next close,
 * so logs gathered without end, and each open read all of them.
 */
import { expect, test } from 'vitest';
import { parseFileName } from '../../src/format/file-names.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { openOn, smallSizes } from '../support/memory-database.js';

const sessions = 60;

test('short sessions leave few logs, and everything that they wrote', async () => {
  const files = new MemoryFileSystem();
  let mostLogs = 0;
  for (let session = 0; session < sessions; session++) {
    const backend = await openOn(files, { path: '/db', memtableBytes: 16_384 }, smallSizes);
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      tx.unsafePut('b', `key${session}`, 'v');
    });
    await backend.close();
    const logs = files.list('/db').filter((name) => parseFileName(name)?.kind === 'log');
    mostLogs = Math.max(mostLogs, logs.length);
  }
  expect(mostLogs).toBeLessThanOrEqual(17);
  const backend = await openOn(files, { path: '/db', memtableBytes: 16_384 }, smallSizes);
  expect(backend.readTx().unsafeRange('b', 'k', 'l').keys).toHaveLength(sessions);
  await backend.close();
});
