import { expect, test } from 'vitest';
import { config, openDatabase } from '../crash/workload.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

// A new manifest whose first record could not be written stayed behind, one more with each attempt.
test('a new manifest that cannot be written whole is removed, by a defrag and by an opening', async () => {
  const disk = new MemoryFileSystem();
  const files = new FailingFileSystem(disk);
  const manifests = (): string[] => disk.list(config.path).filter((name) => name.startsWith('MANIFEST'));
  const backend = await openDatabase(files);
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', 'key', 'value');
  });
  await backend.forceCommit();
  const before = manifests();
  const refuse = (isFull: (path: string) => boolean): void => {
    files.onCall = ({ kind, path, position }) => {
      if (kind === 'write' && isFull(path) && position !== 0) throw systemFailure('ENOSPC', path);
    };
  };
  refuse((path) => path.includes('MANIFEST') && !before.some((name) => path.endsWith(name)));
  for (let i = 0; i < 3; i++) await expect(backend.defrag()).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' });
  expect(manifests()).toEqual(before);
  files.onCall = undefined;
  await backend.close();
  refuse((path) => path.includes('MANIFEST'));
  for (let i = 0; i < 3; i++) await expect(openDatabase(files)).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' });
  expect(manifests()).toHaveLength(1);
  files.onCall = undefined;
  await (await openDatabase(files)).close();
});
