/**
 * A crash may leave a log of which no group is whole behind one that is needed. It is needed by nobody, and yet it stayed, with all that
 * had been written to it, until the database was opened once more.
 */
import { expect, test } from 'vitest';
import { LogWriter } from '../../src/wal/log-writer.js';
import { logFileName } from '../../src/format/file-names.js';
import { openDatabase, path } from '../crash/workload.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

test('an opening removes a log without records behind one that is needed, and what is needed stays', async () => {
  const fileSystem = new MemoryFileSystem();
  const first = await openDatabase(fileSystem);
  first.update((tx) => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', 'key', 'value');
  });
  await first.forceCommit();
  const image = fileSystem.crash(1, 'dropUnsynced');
  const needed = image.list(path).find((name) => name.endsWith('.log')) ?? '';
  const header = { databaseId: new Uint8Array(16).fill(7), previousLogNumber: Number.parseInt(needed, 10), firstSequence: 100 };
  LogWriter.create(image, path, {
    ...header,
    logNumber: 50,
    previousLogBytes: image.status(`${path}/${needed}`)?.sizeBytes ?? 0,
  });
  const second = await openDatabase(image);
  expect(image.list(path)).toContain(needed);
  expect(image.list(path)).not.toContain(logFileName(50));
  await second.close();
  const third = await openDatabase(image.crash(2, 'dropUnsynced'));
  expect(third.readTx().unsafeGet('a', 'key')?.toString()).toBe('value');
  await third.close();
  await first.close();
});
