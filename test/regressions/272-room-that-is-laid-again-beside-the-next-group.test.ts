/** A group that is complete lays no room when its write is repeated, also where the next group is not complete yet. */
import { beforeAll, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { LogWriter } from '../../src/wal/log-writer.js';
import { ArrayFileSystem } from '../wal/array-file-system.js';
import { directory, frame, header, logPath, readLog } from '../wal/log-samples.js';

beforeAll(initializeChecksum);

test('a write that is repeated while the next group is under way does not lie over it', () => {
  const fileSystem = new ArrayFileSystem();
  const writer = LogWriter.create(fileSystem, directory, header());
  writer.appendGroup([frame(100, 600, 1)]);
  writer.sync();
  const first = writer.beginGroup([frame(2000, 1, 2)], 1 << 30);
  expect(first.roomBytes).toBeGreaterThan(0);
  writer.writePrepared(first);
  writer.completePrepared(first);
  const second = writer.beginGroup([frame(2001, 1, 2)], 1 << 30);
  writer.writePrepared(second);
  writer.writePrepared(first);
  writer.completePrepared(second);
  expect(readLog(fileSystem.content(logPath)).groups).toHaveLength(3);
});
