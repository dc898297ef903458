/**
 * The header of a frame: one step of a file that only grows (a write-ahead log, a manifest).
 *
 * | checksum u32 | magic and flags u32 | payload bytes u32 | entry count u32 |
 * 0              4                     8                   12                16
 * | first sequence f64 | synced bytes f64 | payload checksum u64 |
 * 16                   24                 32                     40
 *
 * Little-endian. The upper 24 bits of the second word are the magic of the kind of file, the lower 8 are flags:
 *   bit 0  the frame ends a group: what it and the frames before it say happened together
 *   bit 1  the frame closes the file: it has no payload, and exists for its promise
 * The checksum is the low half of XXH64 over
 *   | header without the checksum, 36 bytes | database id, 16 bytes | file number f64 | offset of the frame in the file f64 |
 * and so binds a header to its place: a frame that was moved, or that belongs to another file or database, is not one.
 * Synced bytes is a promise: when this frame was written, the first so many bytes of the file were known to be durable.
 *
 * **Invariants:**
 * 1. Frames start at multiples of 8: payloads have lengths that are multiples of 8, and so have file headers.
 * 2. A promise is about bytes before the frame: synced bytes <= offset.
 * 3. A payload holds whole entries of at least 8 bytes each: entry count * 8 <= payload bytes.
 * 4. `decode` gives a header only where 1 to 3 hold and the checksum fits; it never throws.
 */
import { assert } from '../errors.js';
import { checksum64 } from './checksum.js';

/** Bytes of a frame header. */
export const frameHeaderBytes = 40;
/** Longest payload of one frame: the length is a u32 and a multiple of 8. */
export const framePayloadBytesMax = 0xffff_fff8;
/** Bytes of a database id. */
export const databaseIdBytes = 16;
/** Flag: the frame is the last of its group. */
export const groupEndFlag = 1;
/** Flag: the frame closes the file. */
export const closeFlag = 2;

/** What a frame header says, its place apart. */
export interface FrameHeader {
  /** groupEndFlag, closeFlag or both. */
  readonly flags: number;
  readonly payloadBytes: number;
  readonly entryCount: number;
  readonly firstSequence: number;
  /** Length of the file that was known to be durable when the frame was written. */
  readonly syncedBytes: number;
  /** What the file's kind takes as checksum of the payload. */
  readonly payloadChecksum: bigint;
}

const flagsMask = 0xff;
const checksumAt = 0;
const checkedBytes = frameHeaderBytes - 4;
const numberAt = checkedBytes + databaseIdBytes;
const offsetAt = numberAt + 8;

/** The low 32 bits of XXH64 as an unsigned number. */
export function checksum32(bytes: Uint8Array): number {
  return Number(checksum64(bytes) & 0xffff_ffffn);
}

/** Whether a number read from a file is one of our counters: whole, and 0 to 2^53 - 1. */
export function isCounter(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Encodes and decodes the frame headers of one file. */
export class FrameCodec {
  readonly magic: number;
  /** Header without its checksum, then database id, file number and offset: what the checksum is over. */
  readonly #bound = new Uint8Array(offsetAt + 8);
  readonly #view = new DataView(this.#bound.buffer);

  /** `magic` has its low 8 bits clear; `databaseId` has 16 bytes and is copied. */
  constructor(magic: number, databaseId: Uint8Array, fileNumber: number) {
    assert((magic & flagsMask) === 0, 'the low byte of a frame magic is left to the flags');
    assert(databaseId.length === databaseIdBytes, 'a database id has 16 bytes');
    this.magic = magic;
    this.#bound.set(databaseId, checkedBytes);
    this.#view.setFloat64(numberAt, fileNumber, true);
  }

  /** Writes the header of a frame that will stand at `fileOffset` to target[at, at + 40). */
  encode(target: Uint8Array, at: number, header: FrameHeader, fileOffset: number): void {
    assert(fileOffset % 8 === 0, 'frames start at multiples of 8');
    assert(header.payloadBytes % 8 === 0, 'a frame payload is a multiple of 8 bytes long');
    assert(header.payloadBytes <= framePayloadBytesMax, 'the length of a frame payload fits in 32 bits');
    assert(header.entryCount * 8 <= header.payloadBytes, 'an entry takes at least 8 bytes');
    assert(isCounter(header.firstSequence), 'a sequence is a whole number');
    assert(header.syncedBytes <= fileOffset, 'a frame promises only what is before it');
    const view = this.#view;
    view.setUint32(0, (this.magic | header.flags) >>> 0, true);
    view.setUint32(4, header.payloadBytes, true);
    view.setUint32(8, header.entryCount, true);
    view.setFloat64(12, header.firstSequence, true);
    view.setFloat64(20, header.syncedBytes, true);
    view.setBigUint64(28, header.payloadChecksum, true);
    view.setFloat64(offsetAt, fileOffset, true);
    target.set(this.#bound.subarray(0, checkedBytes), at + 4);
    new DataView(target.buffer, target.byteOffset + at, 4).setUint32(checksumAt, checksum32(this.#bound), true);
  }

  /**
   * The header at source[at, at + 40), which stands at `fileOffset` of the file; undefined where that is not one.
   * The payload is not looked at, and may reach beyond the file.
   */
  decode(source: Uint8Array, at: number, fileOffset: number): FrameHeader | undefined {
    const view = this.#view;
    for (let i = 0; i < checkedBytes; i++) this.#bound[i] = source[at + 4 + i] as number;
    const magicAndFlags = view.getUint32(0, true);
    const flags = magicAndFlags & flagsMask;
    if ((magicAndFlags & ~flagsMask) !== (this.magic | 0)) return undefined;
    view.setFloat64(offsetAt, fileOffset, true);
    const stored = new DataView(source.buffer, source.byteOffset + at, 4).getUint32(checksumAt, true);
    if (checksum32(this.#bound) !== stored) return undefined;
    const header: FrameHeader = {
      flags,
      payloadBytes: view.getUint32(4, true),
      entryCount: view.getUint32(8, true),
      firstSequence: view.getFloat64(12, true),
      syncedBytes: view.getFloat64(20, true),
      payloadChecksum: view.getBigUint64(28, true),
    };
    return this.#isPlausible(header, fileOffset) ? header : undefined;
  }

  #isPlausible(header: FrameHeader, fileOffset: number): boolean {
    if ((header.flags & ~(groupEndFlag | closeFlag)) !== 0) return false;
    if ((header.flags & closeFlag) !== 0 && (header.payloadBytes !== 0 || (header.flags & groupEndFlag) === 0)) return false;
    if (header.payloadBytes % 8 !== 0 || header.entryCount * 8 > header.payloadBytes) return false;
    return isCounter(header.firstSequence) && isCounter(header.syncedBytes) && header.syncedBytes <= fileOffset;
  }
}
