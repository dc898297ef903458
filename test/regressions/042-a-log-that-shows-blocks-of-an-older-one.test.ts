/**
 * A log was created where a deleted one had been, and power was lost before its first sync: the disk showed the blocks of the old log
 * under the name of the new one. Nothing in it had been acknowledged, and yet the database did not open: the header told of another log.
 */
import { expect, test } from 'vitest';
import { encodeLogHeader } from '../../src/wal/log-format.js';
import { openDatabase, path } from '../crash/workload.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

test('a log that shows the blocks of an older one holds nothing; where the manifest knows better, it is damage', async () => {
  const disk = new MemoryFileSystem();
  const backend = await openDatabase(disk);
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', 'key', 'value');
  });
  await backend.forceCommit();
  const image = disk.crash(1, 'dropUnsynced');
  const name = image.list(path).find((each) => each.endsWith('.log')) ?? '';
  const log = image.open(`${path}/${name}`, 'modify');
  const bytes = new Uint8Array(log.sizeBytes());
  log.read(bytes, 0);
  image.open(`${path}/000099.log`, 'create').write([bytes], 0);

  const opened = await openDatabase(image.clone());
  expect(opened.readTx().unsafeGet('a', 'key')?.toString()).toBe('value');
  await opened.close();

  // The same in the log that the manifest calls durable.
  image.unlink(`${path}/000099.log`);
  const header = { databaseId: new Uint8Array(16).fill(7), previousLogNumber: 0, previousLogBytes: 0, firstSequence: 1 };
  log.write([encodeLogHeader({ ...header, logNumber: 99 })], 0);
  await expect(openDatabase(image)).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', file: name });
  await backend.close();
});
