/** Room behind the last group of a log: where it is laid, that it never lies over a group, and that nobody takes it for one. */
import { beforeAll, describe, expect, it } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { roomBytesBehind, roomBytesMax } from '../../src/wal/log-room.js';
import { LogWriter } from '../../src/wal/log-writer.js';
import { ArrayFileSystem } from './array-file-system.js';
import { directory, frame, header, logPath, readLog, tryReadLog } from './log-samples.js';

beforeAll(initializeChecksum);

const plenty = 1 << 30;
const pageBytes = 4096;

/** A writer whose first group, which is longer than a page, is synced. */
function openWriter(): { fileSystem: ArrayFileSystem; writer: LogWriter } {
  const fileSystem = new ArrayFileSystem();
  const writer = LogWriter.create(fileSystem, directory, header());
  writer.appendGroup([frame(100, 600, 1)]);
  writer.sync();
  return { fileSystem, writer };
}

function append(writer: LogWriter, firstSequence: number, expectedBytes = plenty): number {
  const group = writer.beginGroup([frame(firstSequence, 1, 2)], expectedBytes);
  writer.writePrepared(group);
  writer.completePrepared(group);
  return group.roomBytes;
}

describe('room', () => {
  const lengths = { fileBytes: 100_000, syncedBytes: 100_000 };

  it('ends with a page, and is no longer than what lies before it, than the most, and than what is to come', () => {
    for (const position of [64, 5000, 8192, 100_000, 10_000_000]) {
      for (const expectedBytes of [0, 4095, 30_000, plenty]) {
        const bytes = 200;
        const roomBytes = roomBytesBehind({ position, bytes }, { fileBytes: position, syncedBytes: position }, expectedBytes);
        const most = Math.min(position, roomBytesMax, expectedBytes);
        expect(roomBytes).toBeLessThanOrEqual(most);
        expect(roomBytes).toBeGreaterThanOrEqual(Math.max(0, most - pageBytes + 1));
        if (roomBytes > 0) expect((position + bytes + roomBytes) % pageBytes).toBe(0);
      }
    }
  });

  it('is not laid where the log is not synced up to the group, where the group is large, or where there is some', () => {
    const place = { position: 100_000, bytes: 200 };
    expect(roomBytesBehind(place, lengths, plenty)).toBeGreaterThan(0);
    expect(roomBytesBehind(place, { ...lengths, syncedBytes: 99_999 }, plenty)).toBe(0);
    expect(roomBytesBehind({ ...place, bytes: 64 * 1024 + 1 }, lengths, plenty)).toBe(0);
    expect(roomBytesBehind(place, { ...lengths, fileBytes: 100_200 }, plenty)).toBe(0);
    expect(roomBytesBehind(place, { ...lengths, fileBytes: 100_199 }, plenty)).toBeGreaterThan(0);
  });
});

describe('a log with room', () => {
  it('does not grow again until its groups have filled it', () => {
    const { fileSystem, writer } = openWriter();
    const roomBytes = append(writer, 2000);
    expect(roomBytes).toBeGreaterThan(pageBytes / 2);
    const sizeBytes = fileSystem.content(logPath).length;
    expect(sizeBytes).toBe(writer.writtenBytes + roomBytes);
    let sequence = 2001;
    while (writer.writtenBytes + 48 <= sizeBytes) {
      writer.sync();
      expect(append(writer, sequence++)).toBe(0);
      expect(fileSystem.content(logPath).length).toBe(sizeBytes);
    }
    writer.sync();
    expect(append(writer, sequence)).toBeGreaterThan(0);
    expect(readLog(fileSystem.content(logPath)).groups).toHaveLength(sequence - 2000 + 2);
  });

  it('gives the groups that are whole in it, cut off at any byte', () => {
    const { fileSystem, writer } = openWriter();
    append(writer, 2000);
    writer.sync();
    append(writer, 2001);
    const bytes = fileSystem.content(logPath);
    const [firstEnd, secondEnd] = [writer.writtenBytes - 48, writer.writtenBytes];
    for (let length = firstEnd - 8; length <= bytes.length; length++) {
      const validBytes = length < firstEnd ? firstEnd - 48 : length < secondEnd ? firstEnd : secondEnd;
      expect(tryReadLog(bytes.slice(0, length)), `${length} bytes`).toMatchObject({ validBytes, tornBytes: length - validBytes });
    }
  });

  it('is damaged where a synced group in it was lost and another one followed', () => {
    const { fileSystem, writer } = openWriter();
    append(writer, 2000);
    writer.sync();
    append(writer, 2001);
    const bytes = fileSystem.content(logPath).slice();
    bytes.fill(0, writer.writtenBytes - 96, writer.writtenBytes - 48);
    expect(tryReadLog(bytes)).toBe('VARVE_CORRUPTION');
    bytes.fill(0, writer.writtenBytes - 48);
    expect(tryReadLog(bytes), 'with both gone nobody can tell').toMatchObject({ validBytes: writer.writtenBytes - 96 });
  });

  it('is as long as its groups once what is left was cut off, and cutting again does nothing', () => {
    const { fileSystem, writer } = openWriter();
    append(writer, 2000);
    writer.sync();
    writer.cutRoom();
    const { length } = fileSystem.operations;
    writer.cutRoom();
    expect(fileSystem.operations).toHaveLength(length);
    expect(fileSystem.content(logPath).length).toBe(writer.writtenBytes);
    expect(readLog(fileSystem.content(logPath)).tornBytes).toBe(0);
  });

  it('loses no group to a write of the one before that is repeated late', () => {
    const { fileSystem, writer } = openWriter();
    const group = writer.beginGroup([frame(2000, 1, 2)], plenty);
    writer.writePrepared(group);
    writer.completePrepared(group);
    append(writer, 2001);
    writer.writePrepared(group);
    expect(readLog(fileSystem.content(logPath)).groups).toHaveLength(3);
  });

  it('loses no group to an asynchronous write that was overtaken', async () => {
    const { fileSystem, writer } = openWriter();
    let open: () => void = () => undefined;
    fileSystem.gate = new Promise((resolve) => {
      open = resolve;
    });
    const group = writer.beginGroup([frame(2000, 1, 2)], plenty);
    const inFlight = writer.writePreparedAsync(group);
    writer.writePrepared(group);
    writer.completePrepared(group);
    append(writer, 2001);
    open();
    await inFlight;
    expect(readLog(fileSystem.content(logPath)).groups).toHaveLength(3);
  });
});
