/**
 * Where a new log could not be created (too many open files, no inode left) nothing had been written, and yet the database was poisoned:
 * it took no commit any more, although the next attempt would have succeeded.
 */
import { expect, test } from 'vitest';
import { VarveError } from '../../src/errors.js';
import { Journal, shownBy } from '../crash/journal.js';
import { openDatabase } from '../crash/workload.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

test.each([
  ['EMFILE', 'VARVE_IO'],
  ['ENOSPC', 'VARVE_NO_SPACE'],
])('%s at the creation of a log rejects the commit, and the next one works', async (code, ours) => {
  const memory = new MemoryFileSystem();
  const files = new FailingFileSystem(memory);
  const journal = new Journal();
  const backend = await openDatabase(files);
  let limit = true;
  files.onCall = ({ kind, path }) => {
    if (limit && kind === 'create') throw systemFailure(code, path);
  };
  journal.update(backend, (section) => section.create('a'));
  const first = journal.durable(() => backend.forceCommit());
  const second = journal.durable(() => backend.forceCommit());
  await expect(first).rejects.toMatchObject({ code: ours });
  await expect(second).rejects.toMatchObject({ code: ours });
  // A writer that never awaits meets it in its own call.
  expect(() => {
    for (let round = 0; round < 50; round++) journal.update(backend, (section) => section.puts('a', round, 20, 200));
  }).toThrow(VarveError);
  limit = false;
  await journal.durable(() => backend.forceCommit());
  const restarted = await openDatabase(memory.crash(1, 'dropUnsynced'));
  expect(journal.complaintAbout(shownBy(restarted.readTx()))).toBeUndefined();
  await restarted.close();
  await backend.close();
});

test('a header that cannot be written to a new log is a failed write of the log: it poisons', async () => {
  const files = new FailingFileSystem(new MemoryFileSystem());
  const backend = await openDatabase(files);
  let isFirst = true;
  files.onCall = ({ kind, path }) => {
    if (kind !== 'write' || !path.endsWith('.log') || !isFirst) return;
    isFirst = false;
    throw systemFailure('ENOSPC', path);
  };
  backend.update((tx) => tx.unsafeCreateBucket('a'));
  await expect(backend.forceCommit()).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' });
  await expect(backend.forceCommit()).rejects.toMatchObject({ code: 'VARVE_POISONED' });
  await backend.close().catch(() => {});
});
