/** When the log of an open database has room behind it (wal/log-room.ts), and when it has none. */
import { expect, test } from 'vitest';
import type { Backend, BackendConfig } from '../../src/api.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { openOn } from '../support/memory-database.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

const path = '/db';

interface Opened {
  readonly memory: MemoryFileSystem;
  readonly files: FailingFileSystem;
  readonly backend: Backend;
}

async function open(config: Partial<BackendConfig> = {}): Promise<Opened> {
  const memory = new MemoryFileSystem();
  const files = new FailingFileSystem(memory);
  const backend = await openOn(files, { path, ...config }, {});
  return { memory, files, backend };
}

/** Commits of one entry each; the file of the log after each of them. */
async function logSizes({ memory, backend }: Opened, commits: number): Promise<number[]> {
  const sizes: number[] = [];
  for (let i = 0; i < commits; i++) {
    backend.update((tx) => {
      tx.unsafeCreateBucket('a');
      tx.unsafePut('a', `key${String(i)}`, Buffer.alloc(1000, i));
    });
    await backend.forceCommit();
    sizes.push(logSize(memory));
  }
  return sizes;
}

function logSize(memory: MemoryFileSystem): number {
  const logs = memory.list(path).filter((name) => name.endsWith('.log'));
  expect(logs).toHaveLength(1);
  return memory.status(`${path}/${String(logs[0])}`)?.sizeBytes ?? 0;
}

test('commits that are synced one by one seldom make their log longer', async () => {
  const opened = await open();
  const sizes = await logSizes(opened, 200);
  expect(new Set(sizes).size).toBeLessThan(20);
  expect(sizes.at(-1)).toBeLessThan(3 * 200 * 1100);
  expect(opened.backend.size()).toBeGreaterThanOrEqual(sizes.at(-1) ?? 0);
  await opened.backend.close();
});

test('a log that was closed is as long as what was written to it', async () => {
  const opened = await open();
  const [size = 0] = (await logSizes(opened, 50)).slice(-1);
  await opened.backend.close();
  const closed = logSize(opened.memory);
  expect(closed).toBeLessThan(size);
  expect(closed).toBeLessThan(50 * 1200);
  const reopened = await openOn(opened.memory, { path }, {});
  expect(reopened.readTx().unsafeGet('a', 'key49')).toEqual(Buffer.alloc(1000, 49));
  await reopened.close();
});

test('a log that failed keeps its room: nothing is done to it any more', async () => {
  const { memory, files, backend } = await open();
  await logSizes({ memory, files, backend }, 50);
  files.onCall = ({ kind, path: file }) => {
    if (kind === 'sync' && file.endsWith('.log')) throw systemFailure('EIO', file);
  };
  backend.update((tx) => tx.unsafePut('a', 'lost', 'perhaps'));
  await expect(backend.forceCommit()).rejects.toMatchObject({ code: 'VARVE_IO' });
  const size = logSize(memory);
  await expect(backend.close()).rejects.toMatchObject({ code: 'VARVE_POISONED' });
  expect(files.counts.truncate).toBe(0);
  expect(logSize(memory)).toBe(size);
  expect(memory.openHandles).toBe(0);
});

test.each<[string, Partial<BackendConfig>, number | undefined]>([
  ['whose syncs are left out', { unsafeNoFsync: true }, 2 ** 40],
  ['on a disk that is nearly full', {}, 4 * 1024 * 1024],
  ['on a disk that does not say how full it is', {}, undefined],
])('a log %s has none', async (_, config, availableBytes) => {
  const opened = await open(config);
  opened.files.onRoomAsked = () => availableBytes;
  const sizes = await logSizes(opened, 50);
  expect(new Set(sizes).size).toBe(50);
  await opened.backend.close();
});

test('a log is not made longer than its memtable', async () => {
  const memtableBytes = 64 * 1024;
  const opened = await open({ memtableBytes });
  for (const size of await logSizes(opened, 50)) expect(size).toBeLessThanOrEqual(memtableBytes);
  await opened.backend.close();
});

test('what power was lost over has its acknowledged commits, with room behind them', async () => {
  const opened = await open();
  await logSizes(opened, 50);
  for (let seed = 0; seed < 20; seed++) {
    const after = await openOn(opened.memory.crash(seed, 'keepRandomOverGarbage'), { path }, {});
    expect(after.readTx().unsafeGet('a', 'key49')).toEqual(Buffer.alloc(1000, 49));
    await after.close();
  }
  await opened.backend.close();
});
