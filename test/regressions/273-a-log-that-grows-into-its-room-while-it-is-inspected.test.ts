/** A log of an open database takes groups over its room while somebody inspects it: what came meanwhile is no damage. */
import { beforeAll, expect, test } from 'vitest';
import type { FileHandle } from '../../src/env/file-system.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { frameHeaderBytes } from '../../src/format/frame-header.js';
import { LogReader } from '../../src/wal/log-reader.js';
import { LogWriter } from '../../src/wal/log-writer.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { databaseId, directory, frame, header } from '../wal/log-samples.js';

beforeAll(initializeChecksum);

/** As 8 bytes each nearly as long as the window of a reader, which then ends in the room behind the next group. */
const firstEntries = 120_000;

/** Calls `before` before each read, and `after` with what it gave. */
class WatchedFileSystem extends MemoryFileSystem {
  before: (position: number) => void = () => undefined;
  after: (target: Uint8Array, position: number) => void = () => undefined;

  override open(path: string, mode: 'read' | 'modify' | 'create'): FileHandle {
    const handle = super.open(path, mode);
    const read = handle.read.bind(handle);
    handle.read = (target, position) => {
      this.before(position);
      const bytes = read(target, position);
      this.after(target, position);
      return bytes;
    };
    return handle;
  }
}

test('groups that come over the room of a log while it is read are read, and are no sign of damage', () => {
  const fileSystem = new WatchedFileSystem();
  fileSystem.makeDirectory(directory);
  const writer = LogWriter.create(fileSystem, directory, header());
  let sequence = 100;
  const append = (entries: number): void => {
    const group = writer.beginGroup([frame(sequence, entries, 1)], 1 << 30);
    sequence += entries;
    writer.writePrepared(group);
    writer.completePrepared(group);
    writer.sync();
  };
  append(firstEntries);
  append(1);
  const reader = LogReader.open(fileSystem, directory, header().logNumber, databaseId);
  let reads = 0;
  fileSystem.before = () => {
    if (++reads < 3) return;
    fileSystem.before = () => undefined;
    append(1);
    append(1);
  };
  let groups = 0;
  while (reader.next((bytes) => new Uint8Array(bytes)) !== undefined) groups++;
  reader.close();
  expect(groups).toBeGreaterThanOrEqual(2);
});

test('a frame whose header was there before its payload is read', () => {
  const fileSystem = new WatchedFileSystem();
  fileSystem.makeDirectory(directory);
  const writer = LogWriter.create(fileSystem, directory, header());
  writer.appendGroup([frame(100, 5, 1)]);
  const payloadAt = writer.writtenBytes + frameHeaderBytes;
  writer.appendGroup([frame(105, 5, 2)]);
  const reader = LogReader.open(fileSystem, directory, header().logNumber, databaseId);
  fileSystem.after = (target, position) => {
    target.fill(0, payloadAt - position);
    fileSystem.after = () => undefined;
  };
  let groups = 0;
  while (reader.next((bytes) => new Uint8Array(bytes)) !== undefined) groups++;
  reader.close();
  expect(groups).toBe(2);
});
