/**
 * Closing stopped at the first error of the manifest and left it and the tables open; an opening that could not publish its
 * fresh manifest left that one open.
 */
import { expect, test } from 'vitest';
import { openDatabase } from '../crash/workload.js';
import { MemoryFileSystem, type MemoryOperation, systemFailure } from '../support/memory-file-system.js';

test('a close that cannot write the last frame of the manifest lets go of all files', async () => {
  const fileSystem = new MemoryFileSystem();
  const backend = await openDatabase(fileSystem);
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', 'key', 'value');
  });
  await backend.defrag();
  fileSystem.onOperation = ({ kind, path }) => {
    if (kind === 'write' && path.includes('MANIFEST-')) throw systemFailure('ENOSPC', path);
  };
  // Nothing is lost without that frame: the close resolves.
  await backend.close();
  expect(fileSystem.openHandles).toBe(0);
});

const refusals: [string, (operation: MemoryOperation) => boolean][] = [
  ['create its manifest', ({ kind, path }) => kind === 'create' && path.includes('MANIFEST-')],
  ['write its manifest', ({ kind, path }) => kind === 'write' && path.includes('MANIFEST-')],
  ['write the name of its manifest', ({ kind, path }) => kind === 'write' && path.endsWith('.tmp')],
  ['publish its manifest', ({ kind }) => kind === 'rename'],
];

test.each(refusals)('an open that cannot %s lets go of all files', async (_what, isRefused) => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.onOperation = (operation) => {
    if (isRefused(operation)) throw systemFailure('EIO', operation.path);
  };
  await expect(openDatabase(fileSystem)).rejects.toMatchObject({ code: 'VARVE_IO' });
  expect(fileSystem.openHandles).toBe(0);
  fileSystem.onOperation = undefined;
  await (await openDatabase(fileSystem)).close();
});
