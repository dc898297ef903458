import { expect, test } from 'vitest';
import { openDatabase } from '../crash/workload.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { SmallDisk } from '../support/small-disk.js';

// One answer of the file system served many commits: a disk that another program filled in between was met in the log, and poisoned.
test('every commit asks anew whether there is room: who fills the disk after the last one poisons nothing', async () => {
  const disk = new SmallDisk(new MemoryFileSystem(), 1e9, true);
  const backend = await openDatabase(disk.files);
  const commit = (key: string): Promise<void> => {
    backend.update((tx) => {
      tx.unsafeCreateBucket('a');
      tx.unsafePut('a', key, Buffer.alloc(5000));
    });
    return backend.forceCommit();
  };
  await commit('1');
  disk.capacityBytes = 0;
  await expect(commit('2')).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' });
  disk.capacityBytes = 1e9;
  await commit('3');
  expect(backend.readTx().unsafeRange('a', '1', '9').keys.map(String)).toEqual(['1', '2', '3']);
  await backend.close();
});
