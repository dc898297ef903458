/**
 * A write-ahead log: the header of the file, and what a group of frames is. One log belongs to one memtable.
 *
 * file  = | log header, 64 bytes | group | group | … |
 * group = | frame | … | frame with the group-end flag |       all or nothing at recovery: one commit
 * frame = | frame header, 40 bytes (format/frame-header.ts) | payload, a multiple of 8 bytes |
 *
 * log header, little-endian:
 * | magic, 8 bytes | version u32 | checksum u32 | database id, 16 bytes |
 * 0                8             12             16                      32
 * | log number f64 | previous log f64 | previous bytes f64 | first sequence f64 |
 * 32               40                 48                   56                   64
 *
 * The checksum is the low half of XXH64 over bytes [0, 12) and [16, 64); it stands at the same place in every version.
 * To the log a payload is opaque: the memtable writes and reads the records in it. Its checksum is XXH64 over its bytes.
 *
 * Example: two commits, of 16 and of 24 bytes, then a clean close; the second frame was written after a sync of the first.
 *   | header | frame, synced 0 | 16 bytes | frame, synced 120 | 24 bytes | closing frame, synced 184 |
 *   0        64                104        120                 160        184                        224
 *
 * **Invariants:**
 * 1. previous bytes is the length of the previous log when it was complete and synced, before this header was written;
 *    0 where there is no previous log, or nothing is known of it.
 * 2. First sequences of frames do not descend within a log.
 */
import { assert, corruption, VarveError } from '../errors.js';
import { equalBytes } from '../format/bytes.js';
import { checksum32, databaseIdBytes, isCounter } from '../format/frame-header.js';

/** Bytes of the log header. */
export const logHeaderBytes = 64;
/** The version that this release writes, and the only one that it reads. */
export const logFormatVersion = 1;
/** The second word of a log frame without its flags: 'VLF' as a number, so that the file shows 'FLV' after the flags. */
export const logFrameMagic = 0x564c4600;

/** What the header of a log says. */
export interface LogHeader {
  /** 16 bytes. */
  readonly databaseId: Uint8Array;
  readonly logNumber: number;
  /** Number of the log before this one, or 0. */
  readonly previousLogNumber: number;
  /** Length in bytes that the previous log had when it was complete and synced, or 0. */
  readonly previousLogBytes: number;
  /** The first sequence that this log may hold. */
  readonly firstSequence: number;
}

/** One frame to be written. The pieces stand one after the other on disk, and together are a multiple of 8 bytes. */
export interface LogFrame {
  readonly firstSequence: number;
  /** Entries in the payload; each takes 8 bytes or more. */
  readonly entryCount: number;
  /** Not copied: the bytes must not change until the write of their group has ended. */
  readonly pieces: readonly Uint8Array[];
}

const magic = new TextEncoder().encode('varvelog');
const versionAt = 8;
const checksumAt = 12;
const databaseIdAt = 16;
const logNumberAt = 32;
const previousLogNumberAt = 40;
const previousLogBytesAt = 48;
const firstSequenceAt = 56;

function headerChecksum(bytes: Uint8Array): number {
  const checked = new Uint8Array(logHeaderBytes - 4);
  checked.set(bytes.subarray(0, checksumAt));
  checked.set(bytes.subarray(databaseIdAt, logHeaderBytes), checksumAt);
  return checksum32(checked);
}

/** The 64 bytes of a log header. */
export function encodeLogHeader(header: LogHeader): Uint8Array {
  assert(header.databaseId.length === databaseIdBytes, 'a database id has 16 bytes');
  for (const counter of [header.logNumber, header.previousLogNumber, header.previousLogBytes, header.firstSequence]) {
    assert(isCounter(counter), 'the numbers of a log header are whole');
  }
  const bytes = new Uint8Array(logHeaderBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint32(versionAt, logFormatVersion, true);
  bytes.set(header.databaseId, databaseIdAt);
  view.setFloat64(logNumberAt, header.logNumber, true);
  view.setFloat64(previousLogNumberAt, header.previousLogNumber, true);
  view.setFloat64(previousLogBytesAt, header.previousLogBytes, true);
  view.setFloat64(firstSequenceAt, header.firstSequence, true);
  view.setUint32(checksumAt, headerChecksum(bytes), true);
  return bytes;
}

/**
 * The header in the first 64 of `bytes`, or undefined where they are not a whole header (cut off, torn, damaged).
 *
 * A whole header of another version is VARVE_UNSUPPORTED_VERSION; one that contradicts itself is VARVE_CORRUPTION.
 */
export function decodeLogHeader(bytes: Uint8Array, file: string): LogHeader | undefined {
  if (bytes.length < logHeaderBytes || !equalBytes(bytes, 0, magic.length, magic, 0, magic.length)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, logHeaderBytes);
  if (view.getUint32(checksumAt, true) !== headerChecksum(bytes)) return undefined;
  const version = view.getUint32(versionAt, true);
  if (version !== logFormatVersion) {
    const message = `${file}: log format ${version} is not one that this release reads (${logFormatVersion})`;
    throw new VarveError('VARVE_UNSUPPORTED_VERSION', message, { file, offset: versionAt });
  }
  const header: LogHeader = {
    databaseId: bytes.slice(databaseIdAt, databaseIdAt + databaseIdBytes),
    logNumber: view.getFloat64(logNumberAt, true),
    previousLogNumber: view.getFloat64(previousLogNumberAt, true),
    previousLogBytes: view.getFloat64(previousLogBytesAt, true),
    firstSequence: view.getFloat64(firstSequenceAt, true),
  };
  for (const counter of [header.logNumber, header.previousLogNumber, header.previousLogBytes, header.firstSequence]) {
    if (!isCounter(counter)) throw corruption(file, logNumberAt, 'a number in the log header is not whole');
  }
  return header;
}

/** Whether a whole header is that of this log, and not of another one. One of another database throws VARVE_CORRUPTION. */
export function isHeaderOf(header: LogHeader, logNumber: number, databaseId: Uint8Array, file: string): boolean {
  if (!equalBytes(header.databaseId, 0, databaseIdBytes, databaseId, 0, databaseId.length)) {
    throw corruption(file, databaseIdAt, 'the log belongs to another database');
  }
  return header.logNumber === logNumber;
}
