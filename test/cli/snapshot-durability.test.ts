/**
 * `varve snapshot`: when the command says that it wrote the file, content and name are on the disk.
 *
 *   content synced, under the name FILE.partial ─▶ renamed ─▶ directory synced ─▶ "wrote"
 */
import { readdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { openBackend, restoreSnapshot, verify } from 'varve';
import { builtModule, varve, workplace } from './support.js';

const place = workplace();
const path = join(place, 'database');
const file = join(place, 'backup.tar');

beforeAll(async () => {
  const database = await openBackend({ path });
  database.update((tx) => {
    tx.unsafeCreateBucket('b');
    tx.unsafePut('b', 'key', 'value');
  });
  await database.close();
});

afterEach(() => void vi.restoreAllMocks());

/** What is there under either name. */
const there = (): string[] => readdirSync(place).filter((name) => name.startsWith('backup'));

/** Writes down each sync of a file and of the directory, with what was there under either name then, and what was printed. */
async function record(fail?: Error): Promise<{ steps: unknown[]; code: number | null; stderr: string }> {
  const steps: unknown[] = [];
  const handle = await open(place, 'r');
  const prototype = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();

  const sync = prototype.sync;
  vi.spyOn(prototype, 'sync').mockImplementation(async function (this: typeof handle) {
    await sync.call(this);
    steps.push(['file synced', ...there()]);
  });
  const { nodeFileSystem } = await builtModule<typeof import('../../src/env/node-file-system.js')>('env/node-file-system.js');
  const syncDirectory = nodeFileSystem.syncDirectory.bind(nodeFileSystem);
  vi.spyOn(nodeFileSystem, 'syncDirectory').mockImplementation((directory) => {
    if (directory === place) steps.push(['directory synced', ...there()]);
    if (directory === place && fail !== undefined) throw fail;
    syncDirectory(directory);
  });
  const seen = (text: string): void => void steps.push(text.trim().replace(/ .*/, ''));
  const { code, stderr } = await varve(['snapshot', path, file], '', { seen });
  return { steps, code, stderr };
}

test('the content is synced before the file has its name, and the name before the command says so', async () => {
  const { steps, code } = await record();
  expect(code).toBe(0);
  expect(steps).toEqual([['file synced', 'backup.tar.partial'], ['directory synced', 'backup.tar'], 'wrote']);
  await restoreSnapshot(file, join(place, 'restored'));
  expect((await verify(join(place, 'restored'))).problems).toEqual([]);
});

test('a directory that cannot be synced fails the command, which does not say that it wrote the file', async () => {
  rmSync(file, { force: true });
  const { steps, code, stderr } = await record(new Error('the disk is gone'));
  expect(code).toBe(1);
  expect(stderr).toContain('the disk is gone');
  expect(steps).not.toContain('wrote');
});
