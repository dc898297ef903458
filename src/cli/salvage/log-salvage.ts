/**
 * What can be read of one log: whole groups, also behind damage.
 *
 *   | group | group | ✗ …damage… | frame … group end | group | ✗ torn tail
 *                    └─ lost ───┴─ lost: its beginning ┘ taken
 *
 * What is damage and what a torn tail is decided as in wal/log-reader.ts. Behind damage the next whole frame is looked for at every multiple
 * of 8; whether it begins a group is known only where the damaged frame has a whole header that says that it ended its own.
 *
 * Invariants:
 * 1. Only whole groups are given, each frame of which has the right checksums for its place.
 * 2. A group whose records are in tables already is passed over.
 * 3. Memory is one window and one group.
 */
import type { FileSystem } from '../../env/file-system.js';
import { joinPath } from '../../env/path.js';
import { checksum64 } from '../../format/checksum.js';
import { logFileName } from '../../format/file-names.js';
import { FrameCodec, type FrameHeader, frameHeaderBytes, groupEndFlag } from '../../format/frame-header.js';
import { checkRecord, kindTombstone, recordHeaderBytes } from '../../memtable/record.js';
import { FileWindow } from '../../wal/file-window.js';
import { logFrameMagic, logHeaderBytes } from '../../wal/log-format.js';
import { readLogHeader } from '../../wal/log-reader.js';
import { type Loss, messageOfDamage, type Salvaged } from './salvaged.js';

/** A log, and what others know of it. */
export interface LogToSalvage {
  readonly number: number;
  /** What the next log says: length of this one when it was complete and synced; 0 where nothing is known. */
  readonly requiredBytes: number;
  /** What the manifest says is durable of it; undefined where it does not know the log. */
  readonly durableBytes: number | undefined;
  /** Of its first record, as its header says; 0 where that is damaged. */
  readonly firstSequence: number;
}

interface Frame {
  readonly header: FrameHeader;
  readonly offset: number;
  readonly end: number;
  readonly payload: Buffer;
}

/** Reads the log, as far as it can be read. Sequences up to `lastSequence` are in tables. */
export function* salvageLog(
  fileSystem: FileSystem,
  directory: string,
  databaseId: Uint8Array,
  log: LogToSalvage,
  lastSequence: number,
): Generator<Salvaged> {
  const file = logFileName(log.number);
  let hasHeader: boolean;
  try {
    hasHeader = readLogHeader(fileSystem, directory, log.number, databaseId) !== undefined;
  } catch (error) {
    yield { kind: 'loss', file, message: messageOfDamage(error) };
    return;
  }
  const handle = fileSystem.open(joinPath(directory, file), 'read');
  try {
    yield* new LogSalvage(new FileWindow(handle, file), file, databaseId, log, lastSequence).run(hasHeader);
  } catch (error) {
    yield { kind: 'loss', file, message: messageOfDamage(error) };
  } finally {
    handle.close();
  }
}

class LogSalvage {
  private readonly codec: FrameCodec;
  private readonly limit: number;
  private readonly knownBytes: number;
  private at = logHeaderBytes;
  /** Where the last whole group that was read ends. */
  private validEnd = logHeaderBytes;
  private lastGiven: number;

  constructor(
    private readonly window: FileWindow,
    private readonly file: string,
    databaseId: Uint8Array,
    private readonly log: LogToSalvage,
    private readonly lastSequence: number,
  ) {
    this.codec = new FrameCodec(logFrameMagic, databaseId, log.number);
    this.limit = log.requiredBytes === 0 ? window.sizeBytes : Math.min(window.sizeBytes, log.requiredBytes);
    this.knownBytes = Math.max(log.requiredBytes, log.durableBytes ?? 0);
    this.lastGiven = Math.max(lastSequence, log.firstSequence - 1);
  }

  *run(hasHeader: boolean): Generator<Salvaged> {
    if (!hasHeader) {
      const isKnown = this.knownBytes > 0 || this.log.durableBytes !== undefined;
      if (!isKnown && this.window.findPromise(this.codec, 0) === undefined) return;
      yield {
        kind: 'loss',
        file: this.file,
        offset: 0,
        bytes: logHeaderBytes,
        message: 'the header of the log is damaged',
        entries: 0,
      };
    }
    let group: Frame[] = [];
    for (;;) {
      const frame = this.readFrame(this.at);
      if (frame === undefined) {
        // At the end of the log, or where frames stop.
        const loss = this.passOver();
        group = [];
        if (loss === undefined) return;
        yield loss;
        continue;
      }
      this.at = frame.end;
      group.push(frame);
      if ((frame.header.flags & groupEndFlag) === 0) continue;
      yield* this.give(group);
      group = [];
      this.validEnd = this.at;
    }
  }

  private headerAt(offset: number): FrameHeader | undefined {
    if (this.limit - offset < frameHeaderBytes) return undefined;
    return this.codec.decode(this.window.bytes, this.window.load(offset, frameHeaderBytes), offset);
  }

  private readFrame(offset: number): Frame | undefined {
    const header = this.headerAt(offset);
    if (header === undefined || header.payloadBytes > this.limit - offset - frameHeaderBytes) return undefined;
    const payload = Buffer.allocUnsafe(header.payloadBytes);
    this.window.readInto(payload, offset + frameHeaderBytes);
    if (checksum64(payload) !== header.payloadChecksum) return undefined;
    return { header, offset, end: offset + frameHeaderBytes + payload.length, payload };
  }

  /** What is lost where frames stop, having moved to the next group; undefined at the end of the log or at a torn tail. */
  private passOver(): Loss | undefined {
    const { at, validEnd, limit, file } = this;
    const isDamage =
      this.knownBytes > validEnd || (this.log.requiredBytes === 0 && this.window.findPromise(this.codec, validEnd) !== undefined);
    if (!isDamage) return undefined;
    const damaged = this.headerAt(at);
    let next = this.findFrame(at + 8);
    const beginsGroup =
      damaged !== undefined &&
      (damaged.flags & groupEndFlag) !== 0 &&
      next?.offset === at + frameHeaderBytes + damaged.payloadBytes;
    if (!beginsGroup) {
      while (next !== undefined && (next.header.flags & groupEndFlag) === 0) next = this.readFrame(next.end);
      next = next && this.findFrame(next.end);
    }
    const end = next?.offset ?? Math.max(limit, this.knownBytes);
    this.at = next?.offset ?? limit;
    this.validEnd = end;
    const lost = { kind: 'loss', file, offset: validEnd, bytes: end - validEnd } as const;
    if (next === undefined) return { ...lost, message: 'the log is damaged or cut off: what followed is lost' };
    // Sequences ascend by one a record; those that were rolled back are missing.
    const entries = Math.max(0, next.header.firstSequence - 1 - this.lastGiven);
    return {
      ...lost,
      message: entries === 0 ? 'damaged, but its records are in tables' : 'the log is damaged',
      entries,
      isAtMost: true,
    };
  }

  /** The first whole frame at or behind an offset. */
  private findFrame(from: number): Frame | undefined {
    const shown = new Uint8Array(3);
    for (let offset = from; this.limit - offset >= frameHeaderBytes; offset += 8) {
      const start = this.window.load(offset, frameHeaderBytes);
      shown.set(this.window.bytes.subarray(start + 5, start + 8));
      const isMarked =
        shown[0] === ((this.codec.magic >>> 8) & 0xff) &&
        shown[1] === ((this.codec.magic >>> 16) & 0xff) &&
        shown[2] === this.codec.magic >>> 24;
      const frame = isMarked ? this.readFrame(offset) : undefined;
      if (frame !== undefined) return frame;
    }
    return undefined;
  }

  private *give(group: readonly Frame[]): Generator<Salvaged> {
    const last = group[group.length - 1]?.header;
    const endSequence = last === undefined ? 0 : last.firstSequence + last.entryCount;
    this.lastGiven = Math.max(this.lastGiven, endSequence - 1);
    if (endSequence <= this.lastSequence + 1) return;
    for (const { payload, offset } of group) {
      for (let at = 0; at < payload.length;) {
        const length = checkRecord(payload, at, payload.length);
        if (typeof length === 'string') {
          yield { kind: 'loss', file: this.file, offset, message: length };
          break;
        }
        const keyStart = at + recordHeaderBytes;
        const keyEnd = keyStart + payload.readUInt16LE(at + 4);
        const value = payload[at + 6] === kindTombstone ? undefined : payload.subarray(keyEnd, keyEnd + payload.readUInt32LE(at));
        yield { kind: 'entry', internalKey: payload.subarray(keyStart, keyEnd), value };
        at += length;
      }
    }
  }
}
