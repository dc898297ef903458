import { expect, test } from 'vitest';
import { verifyDirectory } from '../../src/engine/verify.js';
import { VarveError } from '../../src/errors.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

// Whoever stops a verification from its listener was told of a damaged table.
test('what the listener of a verification throws to end it is no problem of a file', async () => {
  const files = new MemoryFileSystem();
  const backend = await openOn(files, { path: '/db' }, smallSizes);
  backend.update((tx) => {
    tx.unsafeCreateBucket('b');
    tx.unsafePut('b', 'k', 'v');
  });
  await backend.defrag();
  await backend.close();
  const abort = new VarveError('VARVE_ABORTED', 'enough');
  const stop = (): void => {
    throw abort;
  };
  await expect(verifyDirectory(files, '/db', undefined, stop)).rejects.toBe(abort);
  expect(files.openHandles).toBe(0);
});
