/** What a group needs of the disk before it is written, and what jobs leave of it. */
import { expect, test } from 'vitest';
import { InlineRunner } from '../../src/compaction/inline-runner.js';
import type { JobSettings } from '../../src/compaction/job.js';
import { compactionTuning } from '../../src/compaction/tuning.js';
import { checkRoom, isRoomShort } from '../../src/engine/disk-room.js';
import type { Environment } from '../../src/engine/environment.js';
import { openEngine } from '../../src/engine/open.js';
import { headroomBytesMax, reservedBytes } from '../../src/limits.js';
import { resolveOptions } from '../../src/options.js';
import { openDatabase } from '../crash/workload.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { inlineEnvironment, openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

const noSpace = { code: 'VARVE_NO_SPACE' };

test('a group fits beside the reserve and what flushes need, to the byte; where room is not known it fits', () => {
  const files = new FailingFileSystem(new MemoryFileSystem());
  let roomBytes: number | undefined = reservedBytes + 3000;
  files.onRoomAsked = () => roomBytes;
  expect(() => checkRoom(files, '/db', 1000, 2001)).toThrow(expect.objectContaining(noSpace));
  expect(() => checkRoom(files, '/db', 1000, 2000)).not.toThrow();
  roomBytes--;
  expect(() => checkRoom(files, '/db', 1000, 2000)).toThrow(expect.objectContaining(noSpace));
  roomBytes = undefined;
  expect(() => checkRoom(files, '/db', 1000, 2000)).not.toThrow();
});

test('room is short where a merge beside its inputs, a reserve and what is unflushed would fill the disk, to the byte', () => {
  const files = new FailingFileSystem(new MemoryFileSystem());
  let roomBytes: number | undefined = reservedBytes + headroomBytesMax + 2 * 5000 + 300;
  files.onRoomAsked = () => roomBytes;
  expect(isRoomShort(files, '/db', 5000, 300)).toBe(false);
  roomBytes--;
  expect(isRoomShort(files, '/db', 5000, 300)).toBe(true);
  roomBytes = undefined;
  expect(isRoomShort(files, '/db', 5000, 300)).toBe(false);
});

test('what is to be merged is looked for once in each version, not at each commit', async () => {
  const files = new FailingFileSystem(new MemoryFileSystem());
  const { runsToMergeDown } = compactionTuning('balanced');
  const backend = await openOn(files, { path: '/db', memtableBytes: 16_384 }, {});
  const put = (): void =>
    backend.update((tx) => {
      tx.unsafeCreateBucket('a');
      tx.unsafePut('a', 'key', Buffer.alloc(20_000));
    });
  while ((backend.stats().levels[0]?.runs ?? 0) < runsToMergeDown) {
    put();
    await backend.forceCommit();
    await turnsOfTheLoop(4);
  }
  let asked = 0;
  files.onRoomAsked = () => {
    asked++;
    return 1e9;
  };
  for (let i = 0; i < 20; i++) {
    backend.update((tx) => tx.unsafePut('a', 'small', Buffer.alloc(10, i)));
    await backend.forceCommit();
  }
  // Each commit asks once for itself.
  expect(asked).toBeGreaterThanOrEqual(20);
  expect(asked).toBeLessThan(25);
  await backend.close();
});

test('a commit leaves room to flush what was committed before it', async () => {
  const files = new FailingFileSystem(new MemoryFileSystem());
  let roomBytes = 1e9;
  files.onRoomAsked = () => roomBytes;
  const backend = await openDatabase(files);
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', 'before', Buffer.alloc(8000));
  });
  await backend.forceCommit();
  backend.update((tx) => tx.unsafePut('a', 'next', Buffer.alloc(1000)));
  roomBytes = reservedBytes + 8000;
  await expect(backend.forceCommit()).rejects.toMatchObject(noSpace);
  roomBytes = reservedBytes + 12_000;
  await backend.forceCommit();
  await backend.close();
});

test('where a file system does not say its room, flushes and compactions work as well', async () => {
  const files = new FailingFileSystem(new MemoryFileSystem());
  files.onRoomAsked = () => undefined;
  const backend = await openDatabase(files);
  for (let i = 0; i < 8; i++) {
    backend.update((tx) => {
      tx.unsafeCreateBucket('a');
      tx.unsafePut('a', 'key', Buffer.alloc(20_000, i));
    });
    await backend.forceCommit();
  }
  await backend.defrag();
  expect(backend.stats()).toMatchObject({ backgroundFailures: 0 });
  await backend.close();
});

test.each([16_384, 4 * headroomBytesMax])(
  'compactions beside memtables of %d bytes leave headroom to the log',
  async (memtableBytes) => {
    let given: JobSettings | undefined;
    const files = new MemoryFileSystem();
    const environment = {
      ...inlineEnvironment(files, smallSizes),
      createRunner: (...[settings, handler]: Parameters<Environment['createRunner']>) => {
        given = settings;
        return new InlineRunner(files, settings, handler);
      },
    };
    const engine = await openEngine(resolveOptions({ path: '/db', memtableBytes }), environment);
    expect(given?.flushReserveBytes).toBe(reservedBytes);
    expect((given?.compactionReserveBytes ?? 0) - reservedBytes).toBe(Math.min(memtableBytes, headroomBytesMax));
    await engine.shutDown();
  },
);
