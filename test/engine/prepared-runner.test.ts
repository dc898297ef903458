/**
 * When the runner of background jobs is told that jobs will come.
 */
import { expect, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { openEngine } from '../../src/engine/open.js';
import { resolveOptions } from '../../src/options.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

const memtableBytes = 64 * 1024;

test('a runner is prepared once, when a quarter of a memtable is committed, and for readers never', async () => {
  const fileSystem = new MemoryFileSystem();
  const environment = inlineEnvironment(fileSystem, smallSizes);
  let prepared = 0;
  const open = async (readOnly: boolean): Promise<EngineBackend> => {
    const options = resolveOptions({ path: '/db', memtableBytes, batchIntervalMs: 3_600_000, readOnly });
    const createRunner: typeof environment.createRunner = (settings, handler) => {
      const runner = environment.createRunner(settings, handler);
      runner.prepare = () => void prepared++;
      return runner;
    };
    return new EngineBackend(await openEngine(options, { ...environment, createRunner }));
  };
  const backend = await open(false);
  const write = async (bytes: number): Promise<void> => {
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      tx.unsafePut('b', 'k', Buffer.alloc(bytes));
    });
    await backend.forceCommit();
  };
  await write(memtableBytes / 8);
  expect(prepared).toBe(0);
  await write(memtableBytes / 6);
  expect(prepared).toBe(1);
  for (let i = 0; i < 12; i++) await write(memtableBytes / 3);
  expect([prepared, (await backend.stats()).flushes > 0]).toEqual([1, true]);
  await backend.close();
  const reader = await open(true);
  expect(reader.readTx().unsafeGet('b', 'k')?.length).toBe(Math.floor(memtableBytes / 3));
  await reader.close();
  expect(prepared).toBe(1);
});
