/**
 * Small values that are overwritten, in tables that also hold large ones, which are not. Within one table all entries counted as equally large:
 * so half of the large values passed for superseded, and all of them were rewritten for each round of the small ones, without end.
 */
import { expect, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { openEngine } from '../../src/engine/open.js';
import { resolveOptions } from '../../src/options.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { inlineEnvironment } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

const keys = 20_000;
const largeBytes = 300;

test('values that are not overwritten are not rewritten again and again for small ones beside them that are', async () => {
  const options = resolveOptions({ path: '/db', memtableBytes: 1 << 19, compression: 'none', batchIntervalMs: 3_600_000 });
  const engine = await openEngine(options, inlineEnvironment(new MemoryFileSystem(), {}));
  const backend = new EngineBackend(engine);
  const put = async (kind: string, valueBytes: number): Promise<void> => {
    for (let key = 0; key < keys; key++) {
      backend.update((tx) => tx.unsafePut('a', `${String((key * 7919) % keys)}/${kind}`, Buffer.alloc(valueBytes, key)));
      if (key % 1000 !== 999) continue;
      await backend.forceCommit();
      while (!engine.background.isIdle) await turnsOfTheLoop(1);
    }
  };
  backend.update((tx) => tx.unsafeCreateBucket('a'));
  await put('large', largeBytes);
  await put('small', 4);
  await backend.defrag();
  const { compactionBytesWritten } = backend.stats();
  for (let round = 0; round < 4; round++) await put('small', 4);
  expect(backend.stats().compactionBytesWritten - compactionBytesWritten).toBeLessThan(keys * largeBytes);
  await backend.close();
});
