import { expect, test } from 'vitest';
import { openDatabase } from '../crash/workload.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

// They were refused as in an open backend, where the write transaction has no such calls.
test('after close rlock of the write transaction is VARVE_CLOSED, and runlock is nothing', async () => {
  const backend = await openDatabase(new MemoryFileSystem());
  const tx = backend.batchTx();
  expect(() => tx.rlock()).toThrow(expect.objectContaining({ code: 'VARVE_INVALID_ARGUMENT' }));
  await backend.close();
  expect(() => tx.rlock()).toThrow(expect.objectContaining({ code: 'VARVE_CLOSED' }));
  expect(() => tx.runlock()).not.toThrow();
});
