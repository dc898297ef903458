import { expect, test } from 'vitest';
import { Health } from '../../src/engine/health.js';
import { VersionStore } from '../../src/engine/version-store.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { OpenTables } from '../../src/sstable/open-tables.js';
import { LiveFiles } from '../../src/version/live-files.js';
import { initialState } from '../../src/version/manifest-state.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

const directory = '/db';

// Each install after the first failure wrote the whole state once more, in vain.
test('a manifest that cannot be renewed is tried again when it has grown by as much again, not at each change', async () => {
  await initializeChecksum();
  const memory = new MemoryFileSystem();
  memory.makeDirectory(directory);
  const files = new FailingFileSystem(memory);
  const openTables = new OpenTables(files, directory);
  const cache = new BlockCache(4096);
  const databaseId = new Uint8Array(16);
  const tableContext = { fileSystem: files, directory, databaseId, codec: undefined, openTables, cache };
  const liveFiles = new LiveFiles(files, directory);
  const surroundings = { fileSystem: files, directory, tableContext, liveFiles, health: new Health(false), onPoisoned: () => {} };
  const versions = new VersionStore(surroundings, initialState(databaseId), 0, 1);
  versions.startManifest();
  let isFull = true;
  let attempts = 0;
  files.onCall = ({ kind, path }) => {
    if (kind !== 'create' || !path.includes('MANIFEST')) return;
    attempts++;
    if (isFull) throw systemFailure('ENOSPC', path);
  };
  const sizeOf = (): number => memory.status(`${directory}/MANIFEST-000001`)?.sizeBytes ?? 0;
  const change = async (): Promise<void> => {
    versions.install({ removedTables: [], addedRuns: [], lastSequence: 1 }, [], [], () => {});
    await versions.settled();
  };
  while (sizeOf() < 600 * 1024) await change();
  expect(attempts).toBe(2);
  isFull = false;
  while (versions.currentManifestNumber === 1) await change();
  expect([attempts, memory.list(directory).filter((name) => name.startsWith('MANIFEST')).length]).toEqual([3, 1]);
  versions.close();
});
