import { expect, test } from 'vitest';
import { pairsOf, putAll } from '../contract/support/content.js';
import { openDatabase } from '../crash/workload.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

// The next attempt found the directories, took their names for durable, and acknowledged commits; a loss of power took all of it.
test('directories that a failed creation made and could not take away are durable before the next one acknowledges anything', async () => {
  for (let failingSync = 0; failingSync < 4; failingSync++) {
    const files = new MemoryFileSystem();
    const failing = new FailingFileSystem(files);
    let syncs = 0;
    failing.onCall = ({ kind, path }) => {
      if (kind === 'removeDirectory') throw systemFailure('EIO', path);
      if (kind === 'syncDirectory' && syncs++ === failingSync) throw systemFailure('EIO', path);
    };
    await expect(openDatabase(failing)).rejects.toMatchObject({ code: 'VARVE_IO' });
    failing.onCall = undefined;
    const backend = await openDatabase(files);
    putAll(backend, 'b', [['key', 'value']]);
    await backend.forceCommit();
    const image = files.crash(1, 'dropUnsynced');
    await backend.close();
    const reopened = await openDatabase(image);
    expect(pairsOf(reopened.readTx(), 'b'), `the sync that failed was number ${failingSync}`).toHaveLength(1);
    await reopened.close();
  }
});
