/** What the writer puts where, what it promises, and what it does after a failure. */
import { beforeAll, describe, expect, it } from 'vitest';
import { VarveError } from '../../src/errors.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { checksum32 } from '../../src/format/frame-header.js';
import { logFormatVersion } from '../../src/wal/log-format.js';
import { readLogHeader } from '../../src/wal/log-reader.js';
import { LogWriter } from '../../src/wal/log-writer.js';
import { ArrayFileSystem } from './array-file-system.js';
import { buildLog, databaseId, directory, frame, header, logNumber, logPath, readLog, tryReadLog } from './log-samples.js';

beforeAll(initializeChecksum);

function openWriter(): { fileSystem: ArrayFileSystem; writer: LogWriter } {
  const fileSystem = new ArrayFileSystem();
  return { fileSystem, writer: LogWriter.create(fileSystem, directory, header()) };
}

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('the bytes of a log', () => {
  it('are those of the golden file', async () => {
    const log = buildLog({
      groups: [
        { entryCounts: [2], sync: true },
        { entryCounts: [1, 1], sync: true },
      ],
      close: true,
    });
    const lines = Buffer.from(log.bytes)
      .toString('hex')
      .replace(/(.{32})/g, '$1\n');
    await expect(lines).toMatchFileSnapshot('../golden/log.hex');
  });

  it('begin with a header that reads back', () => {
    const { fileSystem } = openWriter();
    expect(readLogHeader(fileSystem, directory, logNumber, databaseId)).toEqual(header());
  });

  it('of an unknown version are refused as such, when the header is whole', () => {
    const { bytes } = buildLog({ groups: [], close: false });
    bytes[8] = logFormatVersion + 1;
    expect(readLog(bytes), 'a flipped version is a torn header').toMatchObject({ validBytes: 0 });
    const checksum = checksum32(Uint8Array.from([...bytes.subarray(0, 12), ...bytes.subarray(16, 64)]));
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(12, checksum, true);
    expect(tryReadLog(bytes)).toBe('VARVE_UNSUPPORTED_VERSION');
  });
});

describe('a group', () => {
  it('is one write, whatever the number of its frames', () => {
    const { fileSystem, writer } = openWriter();
    writer.appendGroup([frame(100, 1, 1), frame(101, 2, 2), frame(103, 1, 3)]);
    expect(fileSystem.operations).toEqual([
      `create ${logPath}`,
      `write ${logPath} at 0, 64 bytes`,
      `write ${logPath} at 64, 152 bytes`,
    ]);
    expect(writer.writtenBytes).toBe(216);
  });

  it('may be written again at once while its asynchronous write is in flight', async () => {
    const { fileSystem, writer } = openWriter();
    let open: () => void = () => undefined;
    fileSystem.gate = new Promise((resolve) => {
      open = resolve;
    });
    const group = writer.beginGroup([frame(100, 1, 1)]);
    const inFlight = writer.writePreparedAsync(group);
    writer.writePrepared(group);
    writer.completePrepared(group);
    writer.appendGroup([frame(101, 1, 2)]);
    open();
    await inFlight;
    writer.completePrepared(group);
    expect(writer.writtenBytes).toBe(64 + 48 + 48);
    expect(readLog(fileSystem.content(logPath)).groups).toHaveLength(2);
  });

  it('is refused while another is prepared, with no frame, out of sequence, or behind the closing frame', () => {
    const { writer } = openWriter();
    const group = writer.beginGroup([frame(100, 1, 1)]);
    expect(() => writer.beginGroup([frame(101, 1, 1)])).toThrow(code('VARVE_ASSERTION'));
    writer.writePrepared(group);
    writer.completePrepared(group);
    expect(() => writer.appendGroup([])).toThrow(code('VARVE_ASSERTION'));
    expect(() => writer.appendGroup([frame(99, 1, 1)])).toThrow(code('VARVE_ASSERTION'));
    writer.appendClose();
    expect(() => writer.appendGroup([frame(101, 1, 1)])).toThrow(code('VARVE_ASSERTION'));
  });

  it('with a payload that is larger than the window reads back', () => {
    const { fileSystem, writer } = openWriter();
    const large = new Uint8Array(3 * 1024 * 1024 + 8).map((_, i) => i % 251);
    writer.appendGroup([{ firstSequence: 100, entryCount: 1, pieces: [large] }, frame(101, 70_000, 7), frame(70_101, 1, 8)]);
    const { groups, validBytes } = readLog(fileSystem.content(logPath));
    expect(groups[0]?.startsWith(`100+1:${Buffer.from(large.subarray(0, 64)).toString('hex')}`)).toBe(true);
    expect(validBytes).toBe(writer.writtenBytes);
  });

  it('is written from shared memory too', () => {
    const { fileSystem, writer } = openWriter();
    const arena = new Uint8Array(new SharedArrayBuffer(64)).fill(9);
    writer.appendGroup([{ firstSequence: 100, entryCount: 2, pieces: [arena.subarray(8, 24)] }]);
    expect(readLog(fileSystem.content(logPath)).groups).toEqual([`100+2:${'09'.repeat(16)}`]);
  });
});

describe('a sync', () => {
  it('makes the name durable the first time', () => {
    const { fileSystem, writer } = openWriter();
    writer.sync();
    writer.sync();
    expect(fileSystem.operations.slice(2)).toEqual([`sync ${logPath}`, `sync directory ${directory}`, `sync ${logPath}`]);
  });

  it('covers what was complete when it was called, not what was written meanwhile', async () => {
    const { writer } = openWriter();
    writer.appendGroup([frame(100, 1, 1)]);
    const covered = writer.writtenBytes;
    const syncing = writer.syncAsync();
    writer.appendGroup([frame(101, 1, 2)]);
    await syncing;
    expect(writer.syncedBytes).toBe(covered);
  });

  it('that never happened promises nothing', () => {
    const log = buildLog({ groups: [1, 1, 1].map((count) => ({ entryCounts: [count], sync: false })), close: true });
    log.bytes.fill(0, 64, 80);
    expect(readLog(log.bytes)).toMatchObject({ groups: [], validBytes: 64 });
  });
});

describe('a closing frame', () => {
  it('makes damage to the last group damage, and is no loss where it is torn itself', () => {
    const log = buildLog({ groups: [{ entryCounts: [1], sync: true }], close: true });
    const damaged = log.bytes.slice();
    damaged[64 + 40] = 0;
    expect(tryReadLog(damaged)).toBe('VARVE_CORRUPTION');
    expect(readLog(log.bytes.slice(0, -1))).toMatchObject({ validBytes: 112, tornBytes: 39 });
  });
});

describe('a failure', () => {
  const calls: readonly (readonly [string, (writer: LogWriter) => unknown])[] = [
    ['write', (writer) => writer.appendGroup([frame(100, 1, 1)])],
    ['write', (writer) => writer.appendGroupAsync([frame(100, 1, 1)])],
    ['write', (writer) => writer.appendClose()],
    ['sync', (writer) => writer.sync()],
    ['sync', (writer) => writer.syncAsync()],
    ['sync directory', (writer) => writer.syncAsync()],
  ];

  for (const [operation, call] of calls) {
    it(`of "${operation}" in ${String(call)
      .replace(/.*writer\./, '')
      .replace(/\(.*/, '')} is final, and the cause of all that follow`, async () => {
      const { fileSystem, writer } = openWriter();
      const first = new VarveError('VARVE_IO', 'the disk is gone');
      let attempts = 0;
      fileSystem.beforeOperation = (each) => {
        if (!each.startsWith(`${operation} ${directory}`)) return;
        attempts++;
        throw first;
      };
      await expect((async () => call(writer))()).rejects.toBe(first);
      expect(attempts, 'what failed is not tried again').toBe(1);
      fileSystem.beforeOperation = undefined;
      for (const [, next] of calls) {
        await expect((async () => next(writer))()).rejects.toMatchObject({ code: 'VARVE_POISONED', cause: first });
      }
      expect(writer.hasFailed).toBe(true);
      expect(writer.syncedBytes).toBe(0);
      writer.close();
      expect(fileSystem.openCount).toBe(0);
    });
  }

  it('of an asynchronous write that was overtaken poisons what follows', async () => {
    const { fileSystem, writer } = openWriter();
    const group = writer.beginGroup([frame(100, 1, 1)]);
    fileSystem.gate = Promise.resolve();
    const inFlight = writer.writePreparedAsync(group);
    writer.writePrepared(group);
    writer.completePrepared(group);
    fileSystem.beforeOperation = () => {
      throw new VarveError('VARVE_IO', 'the disk is gone');
    };
    await expect(inFlight).rejects.toMatchObject({ code: 'VARVE_IO' });
    expect(() => writer.completePrepared(group)).toThrow(code('VARVE_POISONED'));
  });

  it('of a write during a sync: the sync does not count', async () => {
    const { fileSystem, writer } = openWriter();
    writer.appendGroup([frame(100, 1, 1)]);
    fileSystem.gate = Promise.resolve();
    const syncing = writer.syncAsync();
    fileSystem.beforeOperation = (each) => {
      if (each.startsWith('write')) throw new VarveError('VARVE_IO', 'the disk is gone');
    };
    expect(() => writer.appendGroup([frame(101, 1, 2)])).toThrow(code('VARVE_IO'));
    await expect(syncing).rejects.toMatchObject({ code: 'VARVE_POISONED' });
    expect(writer.syncedBytes).toBe(0);
  });

  it('of the header leaves no file and no descriptor', () => {
    const fileSystem = new ArrayFileSystem();
    fileSystem.beforeOperation = (each) => {
      if (each.startsWith('write')) throw new VarveError('VARVE_NO_SPACE', 'full');
    };
    expect(() => LogWriter.create(fileSystem, directory, header())).toThrow(code('VARVE_NO_SPACE'));
    expect(fileSystem.files.size + fileSystem.openCount).toBe(0);
  });
});

describe('closing', () => {
  it('waits with the descriptor for calls in flight', async () => {
    const { fileSystem, writer } = openWriter();
    const writing = writer.appendGroupAsync([frame(100, 1, 1)]).catch((error: unknown) => error);
    writer.close();
    expect(fileSystem.openCount).toBe(1);
    await writing;
    expect(fileSystem.openCount).toBe(0);
    expect(readLog(fileSystem.content(logPath)).groups).toHaveLength(1);
  });
});
