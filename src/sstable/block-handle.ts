/**
 * Handle of a data block: where it lies, how it is stored, and what it must hash to. Value of an entry of the index.
 *
 * | offset f64 | stored bytes u32 | raw bytes u32 | codec u8 | flags u8 | zero u16 | entry count u32 |
 * 0            8                  12              16         17         18         20                24
 * | tombstone count u32 | zero u32 | checksum u64 |
 * 24                    28         32             40
 *
 * Little-endian. Codec: 0 as it is, 1 zstd. Flags: bit 0, some entry is a tombstone; bit 1, the block has sequences. The
 * checksum is XXH64 of the stored bytes. It stands here, not in the block, so that a block is bound to its place in its
 * table, and a block copied to another table needs no new hash.
 */
import { blockBytesMax, compressedBlockRawBytesMax } from '../limits.js';
import { blockHeaderBytes } from './block.js';

/** Size of an encoded handle. */
export const blockHandleBytes = 40;

/** How the bytes of a block are stored. */
export const codecNone = 0;
export const codecZstd = 1;

const tombstonesFlag = 1;
const sequencesFlag = 2;

/** What the index says of a block. Offsets and sizes are bytes. */
export interface BlockHandle {
  readonly offset: number;
  readonly storedBytes: number;
  /** Size after decompression. */
  readonly rawBytes: number;
  readonly codec: number;
  readonly entryCount: number;
  readonly tombstoneCount: number;
  readonly hasSequences: boolean;
  /** XXH64 of the stored bytes. */
  readonly checksum: bigint;
}

/** Writes a handle at `at`. */
export function writeBlockHandle(handle: BlockHandle, target: DataView, at: number): void {
  target.setFloat64(at, handle.offset, true);
  target.setUint32(at + 8, handle.storedBytes, true);
  target.setUint32(at + 12, handle.rawBytes, true);
  target.setUint8(at + 16, handle.codec);
  target.setUint8(at + 17, (handle.tombstoneCount > 0 ? tombstonesFlag : 0) | (handle.hasSequences ? sequencesFlag : 0));
  target.setUint16(at + 18, 0, true);
  target.setUint32(at + 20, handle.entryCount, true);
  target.setUint32(at + 24, handle.tombstoneCount, true);
  target.setUint32(at + 28, 0, true);
  target.setBigUint64(at + 32, handle.checksum, true);
}

/** Reads a handle at `at`, which `blockHandleProblem` found good. */
export function readBlockHandle(source: DataView, at: number): BlockHandle {
  return {
    offset: source.getFloat64(at, true),
    storedBytes: source.getUint32(at + 8, true),
    rawBytes: source.getUint32(at + 12, true),
    codec: source.getUint8(at + 16),
    entryCount: source.getUint32(at + 20, true),
    tombstoneCount: source.getUint32(at + 24, true),
    hasSequences: (source.getUint8(at + 17) & sequencesFlag) !== 0,
    checksum: source.getBigUint64(at + 32, true),
  };
}

/**
 * What is wrong with the handle at `at`, or undefined. The block must begin at `offset` and end at or before `dataBytesMax`, and
 * its sizes must be ones that a reader may allocate: those of the file itself, or below the limit of a compressed block.
 */
export function blockHandleProblem(source: DataView, at: number, offset: number, dataBytesMax: number): string | undefined {
  const storedBytes = source.getUint32(at + 8, true);
  const rawBytes = source.getUint32(at + 12, true);
  const codec = source.getUint8(at + 16);
  const flags = source.getUint8(at + 17);
  const entryCount = source.getUint32(at + 20, true);
  const tombstoneCount = source.getUint32(at + 24, true);
  if (source.getFloat64(at, true) !== offset) return 'does not begin where the block before it ends';
  if (storedBytes === 0 || offset + storedBytes > dataBytesMax)
    return `has ${storedBytes} stored bytes, which the file cannot hold`;
  if (rawBytes > blockBytesMax) return `has ${rawBytes} bytes, of at most ${blockBytesMax}`;
  if (codec === codecNone && rawBytes !== storedBytes) return `has ${storedBytes} stored bytes for ${rawBytes}`;
  if (codec === codecZstd && rawBytes > compressedBlockRawBytesMax) return `has ${rawBytes} compressed bytes, above the limit`;
  if (codec > codecZstd) return `has the unknown codec ${codec}`;
  if (flags > 3 || source.getUint16(at + 18, true) !== 0 || source.getUint32(at + 28, true) !== 0) return 'has unknown flags';
  if (((flags & tombstonesFlag) !== 0) !== tombstoneCount > 0) return 'has a wrong flag of tombstones';
  const leastBytes = blockHeaderBytes + ((flags & sequencesFlag) !== 0 ? 16 : 8) * entryCount;
  if (entryCount === 0 || leastBytes > rawBytes) return `has ${entryCount} entries in ${rawBytes} bytes`;
  if (tombstoneCount > entryCount) return `has ${tombstoneCount} tombstones of ${entryCount} entries`;
  return undefined;
}
