/**
 * A crash may lose the name of a new log, while its frames have reached the disk. The number of that log was free again after the next
 * opening: the next log had the same number, and on a disk that shows what blocks held before, the frames of the lost log were sound
 * frames of the new one. Sections came back that an opening had shown to be gone.
 */
import { expect, test } from 'vitest';
import type { Backend } from '../../src/api.js';
import { openDatabase, path } from '../crash/workload.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { MemoryFileSystem, PowerLoss, systemFailure } from '../support/memory-file-system.js';

const put = (backend: Backend, key: string, bytes: number): void =>
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', key, Buffer.alloc(bytes, key));
  });

/** Loses power at the sync of a log that was created after this call; gives its name. */
async function crashInNewLog(disk: MemoryFileSystem, activity: () => Promise<void>): Promise<string> {
  let created = '';
  const { onOperation } = disk;
  disk.onOperation = (operation) => {
    onOperation?.(operation);
    const { kind, path: file } = operation;
    if (kind === 'create' && file.endsWith('.log')) created = file;
    if (kind === 'sync' && file === created) throw new PowerLoss();
  };
  await expect(activity()).rejects.toThrow();
  return created;
}

test('the log after a lost one has another number', async () => {
  const disk = new MemoryFileSystem();
  const first = await openDatabase(disk);
  put(first, 'kept', 10);
  await first.forceCommit();
  const lost = await crashInNewLog(disk, async () => {
    put(first, 'fills the memtable', 17_000);
    put(first, 'lost', 5000);
    await first.forceCommit();
  });
  await first.close().catch(() => {});
  expect(disk.crash(1, 'keepAll').list(path)).toContain(lost.slice(path.length + 1));
  const image = disk.crash(1, 'dropUnsynced');
  expect(image.list(path)).not.toContain(lost.slice(path.length + 1));

  const second = await openDatabase(image);
  expect(second.readTx().unsafeGet('a', 'lost')).toBeUndefined();
  const next = await crashInNewLog(image, async () => {
    put(second, 'in the next log', 10);
    await second.forceCommit();
  });
  await second.close().catch(() => {});
  expect(next).not.toBe(lost);
});

// The manifest says of some numbers more than were given that they are gone; flushes that fail use them up.
test('also where many numbers were given since the manifest was written', async () => {
  const disk = new MemoryFileSystem();
  const first = await openDatabase(disk);
  disk.onOperation = ({ kind, path: file }) => {
    if (kind === 'create' && file.endsWith('.sst')) throw systemFailure('EIO', file);
  };
  put(first, 'fills the memtable', 17_000);
  put(first, 'kept', 10);
  await first.forceCommit();
  await turnsOfTheLoop(1000);
  const lost = await crashInNewLog(disk, async () => {
    put(first, 'fills the next memtable', 17_000);
    put(first, 'lost', 10);
    await first.forceCommit();
  });
  await first.close().catch(() => {});
  const image = disk.crash(1, 'dropUnsynced');
  expect(image.list(path)).not.toContain(lost.slice(path.length + 1));

  const second = await openDatabase(image);
  const next = await crashInNewLog(image, async () => {
    put(second, 'in the next log', 10);
    await second.forceCommit();
  });
  await second.close().catch(() => {});
  expect(next > lost, `${next} after ${lost}`).toBe(true);
});
