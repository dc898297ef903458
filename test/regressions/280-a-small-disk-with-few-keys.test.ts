/**
 * A disk on which a database lives that is a sixth of it: few keys, written again and again. When twelve runs were to gather before the first merge,
 * they filled it; then nothing found room to merge them, and writers were refused for ever.
 */
import { expect, test } from 'vitest';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { openOn } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { SmallDisk } from '../support/small-disk.js';

const diskBytes = 1024 * 1024;
const valueBytes = 2000;

test('few keys that are written again and again live on a small disk', async () => {
  const disk = new SmallDisk(new MemoryFileSystem(), diskBytes, true);
  const backend = await openOn(disk.files, { path: '/db', memtableBytes: 64 * 1024, compression: 'none' }, {});
  backend.update((tx) => tx.unsafeCreateBucket('a'));
  const keys = Math.floor(diskBytes / 6 / valueBytes);
  let refusals = 0;
  for (let written = 0; written < 10 * keys;) {
    backend.update((tx) => tx.unsafePut('a', `key${String(written % keys)}`, Buffer.alloc(valueBytes, written)));
    try {
      await backend.forceCommit();
      written++;
    } catch (error) {
      // A writer that is ahead of merges is refused, and tries again.
      expect(error).toMatchObject({ code: 'VARVE_NO_SPACE' });
      expect(++refusals).toBeLessThan(100);
      await turnsOfTheLoop(40);
    }
  }
  expect(backend.stats().compactions).toBeGreaterThan(0);
  await backend.close();
});
