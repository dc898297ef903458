/**
 * The directory of a new database was made durable only by the opening that made it. One that a caller, or an opening that failed,
 * had made just before could vanish with a loss of power, and with it all commits.
 */
import { expect, test } from 'vitest';
import { openDatabase, path } from '../crash/workload.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

async function survivorOf(fileSystem: MemoryFileSystem): Promise<string | undefined> {
  const backend = await openDatabase(fileSystem);
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', 'key', 'value');
  });
  await backend.forceCommit();
  const survivor = await openDatabase(fileSystem.crash(1, 'dropUnsynced'));
  const names = survivor.readTx().unsafeBuckets().map(String);
  const value = names.includes('a') ? survivor.readTx().unsafeGet('a', 'key')?.toString() : undefined;
  await survivor.close();
  await backend.close();
  return value;
}

test('a directory that a caller made without a sync is durable with the first commit', async () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory('/srv/data');
  fileSystem.syncDirectory('/');
  fileSystem.syncDirectory('/srv');
  fileSystem.makeDirectory(path);
  expect(await survivorOf(fileSystem)).toBe('value');
});

test('a directory that an opening made and could not sync is durable with the first commit', async () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.onOperation = ({ kind, path: name }) => {
    if (kind === 'syncDirectory' && name === '/srv/data') throw systemFailure('EIO', name);
  };
  await expect(openDatabase(fileSystem)).rejects.toMatchObject({ code: 'VARVE_IO' });
  fileSystem.onOperation = undefined;
  expect(await survivorOf(fileSystem)).toBe('value');
});
