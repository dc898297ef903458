/** What could not be cut off behind a log at a close is zeros: nothing is lost, and close has nothing to tell. */
import { expect, test } from 'vitest';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { openOn } from '../support/memory-database.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

const path = '/db';

test('a close that cannot cut off the room behind its log resolves, leaves nothing open, and all is there afterwards', async () => {
  const memory = new MemoryFileSystem();
  const files = new FailingFileSystem(memory);
  const backend = await openOn(files, { path }, {});
  for (let i = 0; i < 50; i++) {
    backend.update((tx) => {
      tx.unsafeCreateBucket('a');
      tx.unsafePut('a', `key${String(i)}`, Buffer.alloc(1000, i));
    });
    await backend.forceCommit();
  }
  let refused = 0;
  files.onCall = ({ kind, path: file }) => {
    if (kind !== 'truncate') return;
    refused++;
    throw systemFailure('EIO', file);
  };
  await backend.close();
  expect(refused).toBe(1);
  expect(memory.openHandles).toBe(0);
  const reopened = await openOn(memory, { path }, {});
  for (let i = 0; i < 50; i++) expect(reopened.readTx().unsafeGet('a', `key${String(i)}`)).toEqual(Buffer.alloc(1000, i));
  await reopened.close();
});
