import { expect, test } from 'vitest';
import { config, openDatabase } from '../crash/workload.js';
import { LogWriter } from '../../src/wal/log-writer.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

// It resolved with a backend that was poisoned: only the first commit told.
test('an opening that cannot write to its manifest any more rejects with that error', async () => {
  const disk = new MemoryFileSystem();
  await (await openDatabase(disk)).close();
  // What a crash leaves of a log, with a number that the manifest has set aside, before its first group: the opening lets go of it, and notes that.
  const previous = { previousLogNumber: 0, previousLogBytes: 0 };
  const databaseId = new Uint8Array(16).fill(7);
  const log = LogWriter.create(disk, config.path, { databaseId, logNumber: 50, firstSequence: 100, ...previous });
  log.sync();
  log.close();
  const files = new FailingFileSystem(disk);
  let isNamed = false;
  files.onCall = ({ kind, path }) => {
    if (kind === 'rename') isNamed = true;
    if (isNamed && kind === 'write' && path.includes('MANIFEST')) throw systemFailure('EIO', path);
  };
  await expect(openDatabase(files)).rejects.toMatchObject({ code: 'VARVE_IO' });
  expect(disk.openHandles).toBe(0);
  await (await openDatabase(disk)).close();
});
