/**
 * What somebody reads stays: views of one moment, the shared view, a walk under which everything is rewritten.
 */
import { describe, expect, test } from 'vitest';
import { ViewRegistry } from '../../src/engine/views.js';
import { openDatabase } from '../crash/workload.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

test('two views of one moment: the end of one does not let go of what the other reads', () => {
  const views = new ViewRegistry();
  for (const sequence of [9, 5, 5]) views.register(sequence);
  expect(views.sequences).toEqual([5, 9]);
  views.release(5);
  expect(views.sequences).toEqual([5, 9]);
  views.release(5);
  expect(views.sequences).toEqual([9]);
});

describe('what is overwritten, deleted and compacted meanwhile is still there', () => {
  test('for the shared view, between rlock and runlock', async () => {
    const backend = await openDatabase(new MemoryFileSystem());
    backend.update((tx) => {
      tx.unsafeCreateBucket('a');
      tx.unsafePut('a', 'k', 'old');
    });
    const reader = backend.readTx();
    reader.rlock();
    backend.update((tx) => tx.unsafePut('a', 'k', 'new'));
    await backend.defrag();
    expect(String(reader.unsafeGet('a', 'k'))).toBe('old');
    reader.runlock();
    await backend.close();
  });

  test('for a walk, whose visitor writes until memtables are flushed and runs are merged', async () => {
    const backend = await openDatabase(new MemoryFileSystem());
    const keys = Array.from({ length: 40 }, (_, i) => `key${String(i).padStart(2, '0')}`);
    backend.update((tx) => {
      tx.unsafeCreateBucket('a');
      for (const key of keys) tx.unsafePut('a', key, `old ${key}`);
    });
    await backend.forceCommit();
    const seen: string[] = [];
    backend.readTx().unsafeForEach('a', (key, value) => {
      seen.push(`${String(key)}=${String(value)}`);
      if (seen.length !== 3) return;
      for (let round = 0; round < 30; round++) {
        backend.update((tx) => {
          for (const other of keys) tx.unsafePut('a', other, Buffer.alloc(600, `new ${round}`));
        });
      }
    });
    expect(seen).toEqual(keys.map((key) => `${key}=old ${key}`));
    const { flushes, compactions } = backend.stats();
    expect(flushes).toBeGreaterThan(3);
    expect(compactions).toBeGreaterThan(0);
    await backend.close();
  });
});

test('a walk goes on over the tables that take the place of those that it began with', async () => {
  const backend = await openDatabase(new MemoryFileSystem());
  const keys = Array.from({ length: 90 }, (_, i) => `key${String(i).padStart(2, '0')}`);
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    for (const key of keys) tx.unsafePut('a', key, Buffer.alloc(200, key));
    for (const key of keys) if (key.endsWith('5')) tx.unsafeDelete('a', key);
  });
  await backend.forceCommit();
  await turnsOfTheLoop(12);
  expect(backend.stats().flushes).toBe(1);
  const walk = backend.readTx().unsafeIterate('a');
  const seen = [String(walk.next().value?.[0])];
  await backend.defrag();
  expect(backend.stats().compactions).toBe(1);
  for (const [key] of walk) seen.push(String(key));
  expect(seen).toEqual(keys.filter((key) => !key.endsWith('5')));
  await backend.close();
});

test('a section that moved to the next memtable and was rolled back is nowhere, also not in a table', async () => {
  const files = new MemoryFileSystem();
  const backend = await openDatabase(files);
  const tx = backend.batchTx();
  backend.update(() => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', 'kept', '1');
  });
  tx.lock();
  tx.unsafePut('a', 'undone', '2');
  await backend.defrag();
  tx.rollback();
  expect(backend.readTx().unsafeRange('a', 'a', 'z').keys.map(String)).toEqual(['kept']);
  await backend.close();
  const again = await openDatabase(files);
  expect(again.readTx().unsafeRange('a', 'a', 'z').keys.map(String)).toEqual(['kept']);
  await again.close();
});
