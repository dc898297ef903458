/**
 * A disk that was full was met by the write of the log, which poisoned: room came back, and nothing was committed until the database was
 * reopened. Now the disk is asked first.
 */
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/api.js';
import { Journal, shownBy } from '../crash/journal.js';
import { config, openDatabase } from '../crash/workload.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';
import { SmallDisk } from '../support/small-disk.js';

const roomy = 100 * 1024 * 1024;

/** A database with a committed section, on a disk that is full from then on. */
async function fullDisk(): Promise<{ memory: MemoryFileSystem; disk: SmallDisk; journal: Journal; backend: Backend }> {
  const memory = new MemoryFileSystem();
  const disk = new SmallDisk(memory, roomy, true);
  const journal = new Journal();
  const backend = await openDatabase(disk.files);
  journal.update(backend, (section) => {
    section.create('a');
    section.puts('a', 0, 10, 100);
  });
  await journal.durable(() => backend.forceCommit());
  disk.capacityBytes = 0;
  return { memory, disk, journal, backend };
}

const noSpace = { code: 'VARVE_NO_SPACE' };

describe('on a full disk', () => {
  test('a commit, a snapshot and a defrag are refused, nothing is written, readers go on, and all work once there is room', async () => {
    const { disk, journal, backend } = await fullDisk();
    journal.update(backend, (section) => section.puts('a', 5, 10, 1000));
    const writes = disk.files.counts.write;
    for (const call of [() => backend.forceCommit(), () => backend.snapshot(), () => backend.defrag()]) {
      await expect(journal.durable(call)).rejects.toMatchObject(noSpace);
      expect(backend.readTx().unsafeRange('a', 'key', 'kez').keys).toHaveLength(15);
    }
    expect(disk.files.counts.write).toBe(writes);
    disk.capacityBytes = roomy;
    await journal.durable(() => backend.forceCommit());
    await (await backend.snapshot()).close();
    await backend.defrag();
    await backend.close();
  });

  test('sections that nobody commits are committed by themselves after the interval once there is room', async () => {
    const memory = new MemoryFileSystem();
    const disk = new SmallDisk(memory, roomy, true);
    const backend = await openOn(disk.files, { ...config, batchIntervalMs: 20 }, smallSizes);
    disk.capacityBytes = 0;
    backend.update((tx) => tx.unsafeCreateBucket('a'));
    await turnsOfTheLoop(30);
    expect(backend.commits()).toBe(0);
    disk.capacityBytes = roomy;
    await turnsOfTheLoop(30);
    expect(backend.commits()).toBe(1);
    await backend.close();
  });

  test('closing says that what was unlocked could not be committed, lets go of everything, and loses nothing that was', async () => {
    const { memory, journal, backend } = await fullDisk();
    journal.update(backend, (section) => section.puts('a', 5, 10, 1000));
    await expect(journal.durable(() => backend.close())).rejects.toMatchObject(noSpace);
    expect(memory.openHandles).toBe(0);
    const reopened = await openDatabase(memory);
    expect(journal.complaintAbout(shownBy(reopened.readTx()))).toBeUndefined();
    await reopened.close();
  });

  test('a writer that never awaits is told within its own call, and the memory stays bounded', async () => {
    const { disk, journal, backend } = await fullDisk();
    const write = (): void => {
      for (let round = 0; round < 50; round++) journal.update(backend, (section) => section.puts('a', round, 20, 200));
    };
    expect(write).toThrow(expect.objectContaining(noSpace));
    expect(backend.stats().memtableBytes).toBeLessThan(4 * 16 * 1024);
    disk.capacityBytes = roomy;
    write();
    await journal.durable(() => backend.close());
  });

  test('a group that another call takes over, and is refused in the middle of, is not committed', async () => {
    const { disk, memory, journal, backend } = await fullDisk();
    let roomBytes = roomy;
    disk.capacityBytes = roomy;
    disk.files.onRoomAsked = () => roomBytes;
    // What the logs lack shall not come from a table.
    disk.files.onCall = ({ kind, path }) => {
      if (kind === 'create' && path.endsWith('.sst')) throw systemFailure('EIO', path);
    };
    // The first part is so long that it is written off the event loop, and fills its memtable; the second is in the next one.
    journal.update(backend, (section) => section.put('a', 'large', 300_000));
    journal.update(backend, (section) => section.puts('a', 900, 10, 1200));
    const committed = await backend.hash();
    const writes = disk.files.counts.write;
    const refused = expect(journal.durable(() => backend.forceCommit())).rejects.toMatchObject(noSpace);
    while (disk.files.counts.write < writes + 1) await Promise.resolve();
    roomBytes = 0;
    expect(() => {
      for (let round = 0; round < 50; round++) journal.update(backend, (section) => section.puts('a', round, 20, 4000));
    }).toThrow(expect.objectContaining(noSpace));
    await refused;
    await turnsOfTheLoop(4);
    expect(await backend.hash()).toBe(committed);
    roomBytes = roomy;
    await journal.durable(() => backend.forceCommit());
    const restarted = await openDatabase(memory.crash(1, 'dropUnsynced'));
    expect(journal.complaintAbout(shownBy(restarted.readTx()))).toBeUndefined();
    await restarted.close();
    await journal.durable(() => backend.close());
  });

  test('what a writer left that could not flush can be opened, although it still cannot be flushed', async () => {
    const { disk, journal, memory, backend } = await fullDisk();
    disk.capacityBytes = roomy;
    const { onCall } = disk.files;
    disk.files.onCall = (call) => {
      if (call.kind === 'create' && call.path.endsWith('.sst')) throw systemFailure('ENOSPC', call.path);
      onCall?.(call);
    };
    const write = async (): Promise<void> => {
      for (let round = 0; round < 50; round++) {
        journal.update(backend, (section) => section.puts('a', 10 * round, 10, 200));
        await journal.durable(() => backend.forceCommit());
      }
    };
    await expect(write()).rejects.toMatchObject(noSpace);
    await backend.close();
    const reopened = await openDatabase(disk.files);
    expect(journal.complaintAbout(shownBy(reopened.readTx()))).toBeUndefined();
    await reopened.close();
    expect(memory.openHandles).toBe(0);
  });
});

test('a disk that cannot tell how much room it has refuses nothing', async () => {
  const disk = new SmallDisk(new MemoryFileSystem(), roomy, false);
  const backend = await openDatabase(disk.files);
  backend.update((tx) => tx.unsafeCreateBucket('a'));
  await backend.forceCommit();
  await backend.close();
});
