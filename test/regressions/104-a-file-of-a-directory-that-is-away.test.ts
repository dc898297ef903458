import { expect, test, vi } from 'vitest';
import { LiveFiles } from '../../src/version/live-files.js';
import { VarveError } from '../../src/errors.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

// Nothing was found at the path, since the whole directory was elsewhere: the file counted as unlinked and stayed.
test('an unlink that is refused while the directory is away is tried again when it is back', () => {
  const disk = new MemoryFileSystem();
  disk.makeDirectory('/db');
  disk.open('/db/000001.sst', 'create').close();
  const live = new LiveFiles(disk, '/db');
  disk.rename('/db', '/elsewhere');
  // As the guard of an owner whose directory is gone refuses it.
  const refused = new VarveError('VARVE_IO', 'LOCK is gone', { file: '/db/LOCK', cause: systemFailure('ENOENT', '/db/LOCK') });
  const unlinking = vi.spyOn(disk, 'unlink').mockImplementation(() => {
    throw refused;
  });
  live.markObsolete('000001.sst', 9);
  expect([live.failureCount, live.obsoleteBytes]).toEqual([1, 9]);
  unlinking.mockRestore();
  disk.rename('/elsewhere', '/db');
  expect(live.retryDeletions()).toBe(0);
  expect(disk.list('/db')).toEqual([]);
});
