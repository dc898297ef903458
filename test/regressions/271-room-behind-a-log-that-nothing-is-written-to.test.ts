/** The log of a memtable that was sealed before it was full, as a defrag does, takes no room: nothing comes that would use it. */
import { expect, test } from 'vitest';
import { openOn } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

const path = '/db';

test('the last group of a memtable that a defrag sealed lays no room behind it', async () => {
  const memory = new MemoryFileSystem();
  const backend = await openOn(memory, { path }, {});
  const put = (key: string, bytes: number): void =>
    backend.update((tx) => {
      tx.unsafeCreateBucket('a');
      tx.unsafePut('a', key, Buffer.alloc(bytes, key));
    });
  put('first', 300_000);
  await backend.forceCommit();
  const writes: number[] = [];
  memory.onOperation = ({ kind, path: file, sizeBytes = 0 }) => {
    if (!file.endsWith('.log')) return;
    if (kind === 'write') writes.push(sizeBytes);
    // What is unlocked while a commit is on its way is left to the next one: the third comes behind the seal.
    if (kind === 'sync' && writes.length === 1) put('second', 100_000);
    if (kind === 'sync' && writes.length === 2) put('third', 10);
  };
  put('first of the defrag', 100_000);
  await backend.defrag();
  expect(writes).toHaveLength(3);
  expect(writes[2]).toBeLessThan(1000);
  await backend.close();
});
