/**
 * Defrag ends with a fresh manifest. Where the directory could not be synced after CURRENT was renamed, edits went on into the old
 * manifest, while CURRENT named the new one: after a restart flushes were forgotten, and their logs were gone.
 */
import { expect, test } from 'vitest';
import { Journal, shownBy } from '../crash/journal.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';
import { openDatabase } from '../crash/workload.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';

test('where CURRENT may name another manifest than the one that is written, nothing is committed any more', async () => {
  const fileSystem = new MemoryFileSystem();
  const journal = new Journal();
  const backend = await openDatabase(fileSystem);
  journal.update(backend, (section) => {
    section.create('a');
    section.puts('a', 0, 20, 100);
  });
  let switched = false;
  fileSystem.onOperation = ({ kind, path }) => {
    if (kind === 'syncDirectory' && switched) throw systemFailure('EIO', path);
    switched = kind === 'rename';
  };
  const defragged = journal.durable(() => backend.defrag());
  await expect(defragged).rejects.toMatchObject({ code: 'VARVE_IO' });
  for (let round = 0; round < 2; round++) {
    journal.update(backend, (section) => section.puts('a', round * 50, 100, 180));
    await expect(journal.durable(() => backend.forceCommit())).rejects.toMatchObject({ code: 'VARVE_POISONED' });
    await turnsOfTheLoop(6);
  }
  await backend.close().catch(() => {});
  fileSystem.onOperation = undefined;
  const reopened = await openDatabase(fileSystem);
  expect(journal.complaintAbout(shownBy(reopened.readTx()))).toBeUndefined();
  await reopened.close();
});

test('where CURRENT still names the old manifest, defrag fails and nothing else does', async () => {
  const fileSystem = new MemoryFileSystem();
  const journal = new Journal();
  const backend = await openDatabase(fileSystem);
  journal.update(backend, (section) => section.create('a'));
  fileSystem.onOperation = ({ kind, path }) => {
    if (kind === 'create' && path.endsWith('.tmp')) throw systemFailure('ENOSPC', path);
  };
  await expect(journal.durable(() => backend.defrag())).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' });
  journal.update(backend, (section) => section.puts('a', 0, 10, 10));
  await journal.durable(() => backend.forceCommit());
  const manifests = fileSystem.list('/srv/data/db').filter((name) => name.startsWith('MANIFEST'));
  expect(manifests).toHaveLength(1);
  await backend.close();
  fileSystem.onOperation = undefined;
  const reopened = await openDatabase(fileSystem);
  expect(journal.complaintAbout(shownBy(reopened.readTx()))).toBeUndefined();
  await reopened.close();
});
