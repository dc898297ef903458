import { expect, test } from 'vitest';
import { restoreInto } from '../../src/backend/restore.js';
import { openDatabase, path } from '../crash/workload.js';
import { takeSnapshot } from '../contract/support/snapshots.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

async function* archive(): AsyncGenerator<Uint8Array> {
  const backend = await openDatabase(new MemoryFileSystem());
  const bytes = await takeSnapshot(backend);
  await backend.close();
  yield bytes;
}

// Making one's own directories durable and those of others were one step: a restore was told as done that a loss of power takes as a whole.
test('a restore to a new directory is refused, and leaves nothing, where its parent can be written but not read and synced', async () => {
  const parent = path.slice(0, path.lastIndexOf('/'));
  const files = new MemoryFileSystem();
  files.makeDirectory(parent);
  const failing = new FailingFileSystem(files);
  failing.onCall = ({ kind, path: name }) => {
    if (kind === 'syncDirectory' && name === parent) throw systemFailure('EACCES', name);
  };
  await expect(restoreInto(archive(), path, failing)).rejects.toMatchObject({ code: 'VARVE_IO' });
  expect(files.list(parent)).toEqual([]);
  failing.onCall = undefined;
  await restoreInto(archive(), path, failing);
  expect(files.list(parent)).toEqual(['db']);
});
