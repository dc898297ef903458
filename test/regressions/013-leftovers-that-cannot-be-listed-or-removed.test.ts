/**
 * Removing what nobody needs is no reason to fail. Where the directory could not be listed after a job had failed, the error
 * went out of a callback and ended the process; where an orphan could not be removed the database did not open.
 */
import { expect, test } from 'vitest';
import type { FileSystem } from '../../src/env/file-system.js';
import { config, openDatabase, path } from '../crash/workload.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

test('a flush that failed is counted and tried again, also where its output cannot be looked for', async () => {
  const memory = new MemoryFileSystem();
  let canList = true;
  const files: FileSystem = {
    open: (name, mode) => memory.open(name, mode),
    status: (name) => memory.status(name),
    list: (name) => {
      if (!canList) throw systemFailure('EMFILE', name);
      return memory.list(name);
    },
    makeDirectory: (name) => memory.makeDirectory(name),
    rename: (from, to) => memory.rename(from, to),
    unlink: (name) => memory.unlink(name),
    removeDirectory: (name) => memory.removeDirectory(name),
    syncDirectory: (name) => memory.syncDirectory(name),
    syncDirectoryAsync: (name) => memory.syncDirectoryAsync(name),
    availableBytes: () => memory.availableBytes(),
  };
  const backend = await openOn(files, config, smallSizes);
  memory.onOperation = ({ kind, path: name }) => {
    if (kind === 'create' && !name.endsWith('.log')) throw systemFailure('EMFILE', name);
  };
  canList = false;
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    for (let at = 0; at < 100; at++) tx.unsafePut('a', `key${at}`, Buffer.alloc(200));
  });
  await backend.forceCommit();
  await turnsOfTheLoop(5);
  expect(Reflect.get(backend.stats(), 'backgroundFailures')).toBeGreaterThan(0);
  memory.onOperation = undefined;
  canList = true;
  await backend.defrag();
  expect(backend.stats().flushes).toBe(1);
  await backend.close();
});

test('an orphan that cannot be removed does not keep a database from opening', async () => {
  const fileSystem = new MemoryFileSystem();
  await (await openDatabase(fileSystem)).close();
  fileSystem.open(`${path}/000099.tmp`, 'create').close();
  fileSystem.onOperation = ({ kind, path: name }) => {
    if (kind === 'unlink') throw systemFailure('EPERM', name);
  };
  const backend = await openDatabase(fileSystem);
  fileSystem.onOperation = undefined;
  expect(fileSystem.list(path)).toContain('000099.tmp');
  await backend.defrag();
  expect(fileSystem.list(path)).not.toContain('000099.tmp');
  await backend.close();
});
