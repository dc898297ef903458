/**
 * Reads one log from its beginning to the end of its last whole group, and judges what follows it.
 *
 *   | header | group | group | group | ✗ …………………… end of file
 *                                    X
 *   X is where the last whole group ends and the next one is not valid, not finished, or not there.
 *
 * A crash may lose or tear what was not synced; nothing else may. So behind X is
 * - damage (VARVE_CORRUPTION), where something says that more than X bytes had been durable: the header of the next log
 *   (`requiredBytes`), or the promise of any frame behind X whose header is whole;
 * - a torn tail, otherwise: it was never acknowledged, and it ends the log.
 * A log whose own header is not whole, or is that of another log, is judged in the same way, with X = 0: the file was created and then
 * power was lost. Until the sync a disk may show what the blocks of the file held before, and that may be a log that was deleted.
 *
 * **Invariants:**
 * 1. Memory is one window (file-window.ts) and one payload. A length that the file cannot hold is never allocated.
 * 2. A payload is given out only after its checksum was verified.
 * 3. Frames of a group are given out before its end was seen: the caller uses them only when one with `endsGroup` has come.
 */
import type { FileHandle, FileSystem } from '../env/file-system.js';
import { joinPath } from '../env/path.js';
import { assert, corruption } from '../errors.js';
import { checksum64 } from '../format/checksum.js';
import { logFileName } from '../format/file-names.js';
import { closeFlag, FrameCodec, type FrameHeader, frameHeaderBytes, groupEndFlag } from '../format/frame-header.js';
import { storedNumberMax } from '../limits.js';
import { FileWindow } from './file-window.js';
import { decodeLogHeader, isHeaderOf, type LogHeader, logFrameMagic, logHeaderBytes } from './log-format.js';

/** Payloads above this go straight into the memory of the caller, without passing through the window. */
const windowedPayloadBytesMax = 64 * 1024;

/** One verified frame. */
export interface LogReadFrame {
  /** Where its header begins. */
  readonly offset: number;
  readonly firstSequence: number;
  readonly entryCount: number;
  /** Whether its group is whole with it. */
  readonly endsGroup: boolean;
  /** What `allocate` gave, filled. */
  readonly payload: Uint8Array;
}

/** How a log is read. */
export interface LogReadOptions {
  /**
   * Length that the log is known to have had when it was complete and synced (the next log's `previousLogBytes`): everything
   * before it must be valid, nothing after it counts. Undefined or 0: nothing is known.
   */
  readonly requiredBytes?: number | undefined;
  /**
   * Length that the manifest knows to be durable: everything before it must be valid, and what follows counts as well. A log of
   * which the manifest knows has a whole header. Undefined: it does not know the log.
   */
  readonly durableBytes?: number | undefined;
}

function readHeader(file: FileHandle, fileName: string, logNumber: number, databaseId: Uint8Array): LogHeader | undefined {
  const bytes = new Uint8Array(logHeaderBytes);
  const header = decodeLogHeader(bytes.subarray(0, file.read(bytes, 0)), fileName);
  return header !== undefined && isHeaderOf(header, logNumber, databaseId, fileName) ? header : undefined;
}

/** The header of a log alone, or undefined where it is not whole. Errors as LogReader.open. */
export function readLogHeader(
  fileSystem: FileSystem,
  directory: string,
  logNumber: number,
  databaseId: Uint8Array,
): LogHeader | undefined {
  const fileName = logFileName(logNumber);
  const file = fileSystem.open(joinPath(directory, fileName), 'read');
  try {
    return readHeader(file, fileName, logNumber, databaseId);
  } finally {
    file.close();
  }
}

/** The reader of one log file. */
export class LogReader {
  readonly fileName: string;
  /** The header of the log, or undefined where it is not whole: then `next` gives nothing, or throws. */
  readonly header: LogHeader | undefined;
  readonly #file: FileHandle;
  readonly #window: FileWindow;
  readonly #codec: FrameCodec;
  readonly #requiredBytes: number;
  /** Everything before this must be valid. */
  readonly #durableBytes: number;
  /** Where reading stops: the end of the file, or of what is required. */
  readonly #limit: number;
  #offset: number;
  #validBytes: number;
  #lastFirstSequence = 0;
  #isAtEnd = false;
  /** Where frames seemed to stop, and it was looked again. */
  #lookedAgainAt = 0;

  private constructor(
    file: FileHandle,
    fileName: string,
    header: LogHeader | undefined,
    codec: FrameCodec,
    requiredBytes: number,
    durableBytes: number,
  ) {
    this.#file = file;
    this.fileName = fileName;
    this.header = header;
    this.#codec = codec;
    this.#window = new FileWindow(file, fileName);
    this.#requiredBytes = requiredBytes;
    this.#durableBytes = Math.max(requiredBytes, durableBytes);
    const sizeBytes = this.#window.sizeBytes;
    this.#limit = requiredBytes === 0 ? sizeBytes : Math.min(sizeBytes, requiredBytes);
    this.#offset = header === undefined ? 0 : logHeaderBytes;
    this.#validBytes = this.#offset;
  }

  /**
   * Opens a log for one pass. A whole header of another format version throws VARVE_UNSUPPORTED_VERSION, one of another database
   * VARVE_CORRUPTION. Where the file is missing the error of the file system is passed on.
   */
  static open(
    fileSystem: FileSystem,
    directory: string,
    logNumber: number,
    databaseId: Uint8Array,
    options: LogReadOptions = {},
  ): LogReader {
    const fileName = logFileName(logNumber);
    const file = fileSystem.open(joinPath(directory, fileName), 'read');
    try {
      const header = readHeader(file, fileName, logNumber, databaseId);
      const codec = new FrameCodec(logFrameMagic, databaseId, logNumber);
      const knownBytes = options.durableBytes === undefined ? 0 : Math.max(options.durableBytes, logHeaderBytes);
      return new LogReader(file, fileName, header, codec, options.requiredBytes ?? 0, knownBytes);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Where the last whole group that was read ends; 0 where the log has no header. */
  get validBytes(): number {
    return this.#validBytes;
  }

  /** Bytes behind the last whole group that are dropped. Known once `next` has given undefined. */
  get tornBytes(): number {
    return this.#isAtEnd ? this.#window.sizeBytes - this.#validBytes : 0;
  }

  /** Of the dropped bytes, the zeros at the end of the file: room that no group took (log-room.ts), or blocks that never came to the disk. */
  get roomBytes(): number {
    return this.#isAtEnd ? this.#window.zerosBehind(this.#validBytes) : 0;
  }

  /**
   * The next frame, or undefined where the log ends; frames since the last `endsGroup` are then to be forgotten. Damage throws
   * VARVE_CORRUPTION. `allocate` gives memory of exactly the length asked for, which becomes the payload; it may be called once
   * or twice more than frames are returned, for a payload that turns out not to be valid.
   */
  next(allocate: (bytes: number) => Uint8Array): LogReadFrame | undefined {
    if (this.#isAtEnd) return undefined;
    if (this.header === undefined) return this.#judge(0, 'the log has no valid header');
    for (;;) {
      const at = this.#offset;
      if (at === this.#limit) return this.#judge(at, 'the log ends');
      if (this.#limit - at < frameHeaderBytes) return this.#judge(at, 'a frame header is cut off');
      const header = this.#codec.decode(this.#window.bytes, this.#window.load(at, frameHeaderBytes), at);
      if (header === undefined) {
        if (this.#looksAgain(at)) continue;
        return this.#judge(at, 'a frame header is not valid');
      }
      if (header.firstSequence < this.#lastFirstSequence) throw corruption(this.fileName, at, 'the sequences of the log descend');
      if (header.firstSequence + header.entryCount > storedNumberMax)
        throw corruption(this.fileName, at, 'a sequence is out of range');
      this.#lastFirstSequence = header.firstSequence;
      const payloadAt = at + frameHeaderBytes;
      if (header.payloadBytes > this.#limit - payloadAt) return this.#judge(at, 'the payload of a frame is cut off');
      const isClosing = (header.flags & closeFlag) !== 0;
      const payload = isClosing ? undefined : this.#readPayload(header, payloadAt, allocate);
      if (!isClosing && payload === undefined) {
        if (header.payloadBytes <= windowedPayloadBytesMax && this.#looksAgain(at)) continue;
        return this.#judge(at, 'the payload of a frame does not match its checksum');
      }
      this.#offset = payloadAt + header.payloadBytes;
      const endsGroup = (header.flags & groupEndFlag) !== 0;
      // A closing frame holds nothing: the log ends before it.
      if (payload === undefined) continue;
      if (endsGroup) this.#validBytes = this.#offset;
      return { offset: at, firstSequence: header.firstSequence, entryCount: header.entryCount, endsGroup, payload };
    }
  }

  /** Gives the descriptor back. Idempotent. */
  close(): void {
    this.#file.close();
  }

  /**
   * Whether to look again at a frame that is not good, once: the log may belong to an open database, whose groups have come over the room
   * (log-room.ts) since the window was read. A promise of theirs is held against what was read together with it.
   */
  #looksAgain(at: number): boolean {
    if (this.#lookedAgainAt === at) return false;
    this.#lookedAgainAt = at;
    this.#window.refresh(this.#validBytes);
    return true;
  }

  #readPayload(header: FrameHeader, position: number, allocate: (bytes: number) => Uint8Array): Uint8Array | undefined {
    const bytes = header.payloadBytes;
    if (bytes <= windowedPayloadBytesMax && bytes <= this.#window.bytes.length) {
      const start = this.#window.load(position, bytes);
      const seen = this.#window.bytes.subarray(start, start + bytes);
      if (checksum64(seen) !== header.payloadChecksum) return undefined;
      const payload = allocate(bytes);
      assert(payload.length === bytes, 'the memory for a payload has its length');
      payload.set(seen);
      return payload;
    }
    const payload = allocate(bytes);
    assert(payload.length === bytes, 'the memory for a payload has its length');
    this.#window.readInto(payload, position);
    return checksum64(payload) === header.payloadChecksum ? payload : undefined;
  }

  /** Frames stop at `at`: the end of the log, or damage, which throws. */
  #judge(at: number, reason: string): undefined {
    const validBytes = this.#validBytes;
    if (this.#durableBytes > validBytes) {
      const witness = this.#durableBytes === this.#requiredBytes ? 'next log' : 'manifest';
      throw corruption(this.fileName, at, `${reason}, but the ${witness} says that ${this.#durableBytes} bytes were durable`);
    }
    if (this.#requiredBytes === 0) {
      const promise = this.#window.findPromise(this.#codec, validBytes);
      if (promise !== undefined) {
        throw corruption(this.fileName, at, `${reason}, but the frame at offset ${promise} says that these bytes were durable`);
      }
    }
    this.#isAtEnd = true;
    return undefined;
  }
}
