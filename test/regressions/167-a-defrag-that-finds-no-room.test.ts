import { expect, test } from 'vitest';
import { numbered, pairsOf, putAll } from '../contract/support/content.js';
import { openDatabase, path } from '../crash/workload.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { SmallDisk } from '../support/small-disk.js';

const roomy = 100 * 1024 * 1024;
const tablesOf = (files: MemoryFileSystem): string[] => files.list(path).filter((name) => name.endsWith('.sst'));

test.each([
  ['says how much room it has', true],
  ['does not say so', false],
])(
  'a defrag that fills a disk that %s is VARVE_NO_SPACE, leaves nothing, loses nothing, and works once there is room',
  async (_how, tells) => {
    const memory = new MemoryFileSystem();
    const disk = new SmallDisk(memory, roomy, tells);
    const backend = await openDatabase(disk.files);
    putAll(backend, 'b', numbered(1000, 400));
    await backend.defrag();
    const pairs = numbered(1000, 400).filter((_pair, index) => index % 2 === 0);
    backend.update((tx) => {
      for (const [key] of numbered(1000, 400).filter((_pair, index) => index % 2 === 1)) tx.unsafeDelete('b', key);
    });
    await backend.forceCommit();
    // Enough for commits and flushes, not for a second copy of all that stays.
    disk.capacityBytes = disk.usedBytes + 160 * 1024;
    const before = disk.usedBytes;
    await expect(backend.defrag()).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' });
    expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs);
    expect(disk.usedBytes).toBeLessThan(before + 64 * 1024);
    putAll(backend, 'b', [['zz', 'more']]);
    await backend.forceCommit();
    disk.capacityBytes = roomy;
    await backend.defrag();
    expect(pairsOf(backend.readTx(), 'b')).toEqual([...pairs, ['zz', 'more']]);
    expect(disk.usedBytes).toBeLessThan(before);
    const { length } = tablesOf(memory);
    await backend.close();
    const reopened = await openDatabase(memory);
    expect([pairsOf(reopened.readTx(), 'b'), tablesOf(memory).length]).toEqual([[...pairs, ['zz', 'more']], length]);
    await reopened.close();
  },
);
