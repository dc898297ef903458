/**
 * A new manifest, the numbers that it must go on from, and what is left over beside it.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { Health } from '../../src/engine/health.js';
import { VersionStore } from '../../src/engine/version-store.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { joinPath } from '../../src/env/path.js';
import { logFileName, tableFileName } from '../../src/format/file-names.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { OpenTables } from '../../src/sstable/open-tables.js';
import { readCurrent } from '../../src/version/current-file.js';
import { LiveFiles } from '../../src/version/live-files.js';
import { readManifest } from '../../src/version/manifest-reader.js';
import { initialState, type ManifestState } from '../../src/version/manifest-state.js';
import { openDatabase, path } from '../crash/workload.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

beforeAll(initializeChecksum);

const directory = '/db';
const databaseId = new Uint8Array(16).fill(7);

function storeOn(files: MemoryFileSystem, state: ManifestState, nextFileNumber: number): VersionStore {
  const tableContext = {
    fileSystem: files,
    directory,
    databaseId,
    codec: undefined,
    openTables: new OpenTables(files, directory),
    cache: new BlockCache(4096),
  };
  const liveFiles = new LiveFiles(files, directory);
  const surroundings = { fileSystem: files, directory, tableContext, liveFiles, health: new Health(false), onPoisoned: () => {} };
  return new VersionStore(surroundings, state, 0, nextFileNumber);
}

function filesWithDirectory(): MemoryFileSystem {
  const files = new MemoryFileSystem();
  files.makeDirectory(directory);
  return files;
}

describe('a version store', () => {
  test('that starts a manifest beside an edit under way has the edit in both', async () => {
    const files = filesWithDirectory();
    const versions = storeOn(files, initialState(databaseId), 1);
    versions.startManifest();
    let isDone = false;
    versions.install({ removedTables: [], addedRuns: [], oldestLogNumber: 77 }, [], [], () => {
      isDone = true;
    });
    versions.startManifest();
    expect(isDone).toBe(true);
    expect(readManifest(files, directory, readCurrent(files, directory) ?? 0).oldestLogNumber).toBe(77);
    await versions.settled();
    versions.close();
  });

  test('that installs an edit in place removes what the edit replaced only when the edit is durable', () => {
    const files = filesWithDirectory();
    const versions = storeOn(files, initialState(databaseId), 1);
    versions.startManifest();
    const log = joinPath(directory, logFileName(76));
    files.open(log, 'create').close();
    let oldestWhenRemoved = -1;
    files.onOperation = ({ kind, path: file }) => {
      if (kind !== 'unlink' || file !== log) return;
      const image = files.crash(1, 'keepNames');
      oldestWhenRemoved = readManifest(image, directory, readCurrent(image, directory) ?? 0).oldestLogNumber;
    };
    versions.install({ removedTables: [], addedRuns: [], oldestLogNumber: 77 }, [], [76], () => {});
    versions.installNow();
    expect(oldestWhenRemoved).toBe(77);
    versions.close();
  });

  test('gives numbers above those of the manifest and of the directory, each once', () => {
    const state = { ...initialState(databaseId), nextFileNumber: 50 };
    expect(storeOn(filesWithDirectory(), state, 3).allocateFileNumber()).toBe(50);
    const versions = storeOn(filesWithDirectory(), state, 60);
    const given = [versions.allocateFileNumber(), versions.allocateFileNumber()];
    const range = versions.allocateFileNumbers(3);
    given.push(range.first, range.first + 1, range.end - 1, versions.allocateFileNumber());
    expect(given).toEqual([60, 61, 62, 63, 64, 65]);
    expect(versions.state.nextFileNumber).toBe(66);
  });
});

test('a number that was reserved is gone after a crash, also where a record that says so waits for its sync', async () => {
  const files = filesWithDirectory();
  files.syncDirectory('/');
  const versions = storeOn(files, initialState(databaseId), 1);
  versions.startManifest();
  const nextAfterCrash = (): number => {
    const image = files.crash(1, 'dropUnsynced');
    return readManifest(image, directory, readCurrent(image, directory) ?? 0).nextFileNumber;
  };
  let number = 0;
  while (number < 200) number = versions.allocateFileNumber();
  expect(nextAfterCrash()).toBeLessThan(number);
  // A record that says so, not synced yet.
  versions.noteLog(5, 100);
  expect(nextAfterCrash()).toBeLessThan(number);
  versions.reserveNumber(number);
  expect(nextAfterCrash()).toBeGreaterThan(number);
  await versions.settled();
  versions.close();
});

test('an opening removes what nothing names, and nothing that is foreign or needed', async () => {
  const files = new MemoryFileSystem();
  const backend = await openDatabase(files);
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', 'flushed', 'x');
  });
  await backend.defrag();
  backend.update((tx) => tx.unsafePut('a', 'logged', 'y'));
  await backend.close();
  const orphans = [tableFileName(900), '000901.tmp', 'MANIFEST-000902'];
  const foreign = ['notes.txt', '1.sst', 'MANIFEST-1'];
  for (const name of [...orphans, ...foreign]) files.open(`${path}/${name}`, 'create').close();
  const again = await openDatabase(files);
  const names = files.list(path);
  for (const name of orphans) expect(names).not.toContain(name);
  for (const name of foreign) expect(names).toContain(name);
  expect(again.readTx().unsafeRange('a', 'a', 'z').keys.map(String)).toEqual(['flushed', 'logged']);
  await again.close();
});
