import { expect, test } from 'vitest';
import type { Backend } from '../../src/api.js';
import { logFileName, parseFileName } from '../../src/format/file-names.js';
import { readCurrent } from '../../src/version/current-file.js';
import { readManifest } from '../../src/version/manifest-reader.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { openOn, smallSizes } from '../support/memory-database.js';

const path = '/srv/db';
const open = (files: MemoryFileSystem, memtableBytes: number): Promise<Backend> =>
  openOn(files, { path, memtableBytes, cacheBytes: 4096 }, smallSizes);

/** Logs of a database that was left without a close, each of so many values of that size. */
async function someLogs(logs: readonly number[], valueBytes: number): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  let left = files;
  for (const [life, puts] of logs.entries()) {
    const backend = await open(left, 1024 * 1024);
    backend.update((tx) => {
      tx.unsafeCreateBucket('a');
    });
    for (let i = 0; i < puts; i++) backend.update((tx) => tx.unsafePut('a', `${life} ${i}`, Buffer.alloc(valueBytes, i)));
    await backend.batchTx().commit();
    const image = left.clone();
    await backend.close();
    left = image;
  }
  return left;
}

// Its records were flushed while it was still to be read to its end, and the memtable that the next flush took had none of them.
test('a log whose records end where a memtable was full is removed by the open that flushed them', async () => {
  for (const logs of [
    [1, 1, 3],
    [1, 1, 1, 1],
    [2, 1, 1, 2],
    [1, 2, 1, 1, 3],
  ])
    for (const valueBytes of [8000, 16_300, 20_000]) {
      const image = await someLogs(logs, valueBytes);
      const backend = await open(image, 16 * 1024);
      const { oldestLogNumber } = readManifest(image, path, readCurrent(image, path) ?? 0);
      const left = image.list(path).filter((name) => parseFileName(name)?.kind === 'log');
      for (const log of left)
        expect(
          log >= logFileName(oldestLogNumber),
          `${logs.join()} of ${valueBytes}: ${log}, needed from ${oldestLogNumber}`,
        ).toBe(true);
      await backend.close();
    }
});
