/**
 * Blocks, filters and indexes are given back when a database is closed, and rows were not: whoever still had the closed backend had all of
 * the cache in memory.
 */
import { expect, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { openEngine } from '../../src/engine/open.js';
import { resolveOptions } from '../../src/options.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

test('a database that is closed has nothing in its cache', async () => {
  const options = resolveOptions({ path: '/db', batchIntervalMs: 3_600_000 });
  const engine = await openEngine(options, inlineEnvironment(new MemoryFileSystem(), smallSizes));
  const backend = new EngineBackend(engine);
  backend.update((section) => {
    section.unsafeCreateBucket('b');
    section.unsafePut('b', 'key', 'value');
  });
  await backend.defrag();
  const { cache } = engine.parts;
  backend.readTx().unsafeGet('b', 'key');
  const { hits, misses } = cache;
  expect(backend.readTx().unsafeGet('b', 'key')?.toString()).toBe('value');
  // Once more, and nothing but the row was asked.
  expect([cache.hits, cache.misses]).toEqual([hits + 1, misses]);
  await backend.close();
  expect(cache.bytes).toBe(0);
});
