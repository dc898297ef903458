/**
 * A crash may leave a log with nothing but its header. The next log named it as the one before itself, and a snapshot, which holds only
 * logs with records, did not open: the log was missed.
 */
import { expect, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { takeCheckpoint } from '../../src/engine/checkpoint.js';
import { openEngine } from '../../src/engine/open.js';
import { bucketPrefix } from '../../src/format/internal-key.js';
import { kindValue } from '../../src/memtable/record.js';
import { resolveOptions } from '../../src/options.js';
import { LogWriter } from '../../src/wal/log-writer.js';
import { config, openDatabase, path } from '../crash/workload.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

/** A new file system with the bytes that a snapshot would hold. */
function copyOf(checkpoint: ReturnType<typeof takeCheckpoint>): MemoryFileSystem {
  const copy = new MemoryFileSystem();
  copy.makeDirectory(path);
  for (const { name, sizeBytes, content } of checkpoint.files) {
    const bytes = new Uint8Array(sizeBytes);
    if (content === undefined) checkpoint.fileSystem.open(`${path}/${name}`, 'read').read(bytes, 0);
    copy.open(`${path}/${name}`, 'create').write([content ?? bytes], 0);
  }
  return copy;
}

test('a snapshot opens where a log without records lies between two that it holds', async () => {
  const fileSystem = new MemoryFileSystem();
  const first = await openDatabase(fileSystem);
  first.update((tx) => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', 'before', '1');
  });
  await first.forceCommit();
  const image = fileSystem.crash(1, 'dropUnsynced');
  const name = image.list(path).find((each) => each.endsWith('.log')) ?? '';
  LogWriter.create(image, path, {
    databaseId: new Uint8Array(16).fill(7),
    logNumber: 50,
    previousLogNumber: Number.parseInt(name, 10),
    previousLogBytes: image.status(`${path}/${name}`)?.sizeBytes ?? 0,
    firstSequence: 100,
  }).close();
  const engine = await openEngine(resolveOptions(config), inlineEnvironment(image, smallSizes));
  const backend = new EngineBackend(engine);
  backend.update((tx) => tx.unsafePut('a', 'after', '2'));
  await backend.forceCommit();
  const checkpoint = takeCheckpoint(engine);
  const restored = await openDatabase(copyOf(checkpoint));
  expect(restored.readTx().unsafeRange('a', 'a', 'z').keys.map(String)).toEqual(['after', 'before']);
  checkpoint.release();
  for (const each of [restored, backend, first]) await each.close();
});

// An opening for reading removes no log, so its manifest goes on to count the one without records.
test('so does one of a database that is opened for reading', async () => {
  const fileSystem = new MemoryFileSystem();
  const first = await openDatabase(fileSystem);
  first.update((tx) => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', 'before', '1');
  });
  await first.defrag();
  await first.close();
  const key = Buffer.concat([bucketPrefix(1), Buffer.from('after')]);
  const record = Buffer.alloc(Math.ceil((8 + key.length + 1) / 8) * 8);
  record.writeUInt32LE(1, 0);
  record.writeUInt16LE(key.length, 4);
  record[6] = kindValue;
  record.set(key, 8);
  record[8 + key.length] = 0x32;
  const header = { databaseId: new Uint8Array(16).fill(7), firstSequence: 100 };
  // A session that found the log without records, took note of it, and lost power before it could let go of it.
  const owner = await openEngine(resolveOptions(config), inlineEnvironment(fileSystem, smallSizes));
  const empty = LogWriter.create(fileSystem, path, { ...header, logNumber: 50, previousLogNumber: 0, previousLogBytes: 0 });
  empty.sync();
  owner.parts.versions.noteLog(50, empty.syncedBytes);
  owner.parts.versions.syncManifest();
  const next = LogWriter.create(fileSystem, path, {
    ...header,
    logNumber: 51,
    previousLogNumber: 50,
    previousLogBytes: empty.syncedBytes,
  });
  next.appendGroup([{ firstSequence: 100, entryCount: 1, pieces: [record] }]);
  next.sync();
  const image = fileSystem.crash(1, 'dropUnsynced');
  for (const log of [empty, next]) log.close();
  await owner.shutDown();

  const engine = await openEngine(resolveOptions({ ...config, readOnly: true }), inlineEnvironment(image, smallSizes));
  const checkpoint = takeCheckpoint(engine);
  expect(checkpoint.files.map(({ name }) => name).filter((name) => name.endsWith('.log'))).toEqual(['000051.log']);
  const restored = await openDatabase(copyOf(checkpoint));
  expect(restored.readTx().unsafeRange('a', 'a', 'z').keys.map(String)).toEqual(['after', 'before']);
  checkpoint.release();
  await restored.close();
  await engine.shutDown();
});
