/**
 * Measures how many bytes entries would take in tables, without writing one: it builds blocks of them as a table would, compresses
 * them as a table would, and keeps the sizes.
 *
 *   entry, weight ─▶ pool of its weight ─▶ block full ─▶ compressed ─▶ rate = stored ÷ raw ─▶ data += rate × weighted raw bytes
 *
 * An entry of weight w stands for w entries like it. Entries of nearly the same weight share a pool, so that in each block every
 * raw byte stands for about as many bytes as any other. Without that the rate of a block would be that of the entries that fill it,
 * not of those that it stands for. Example: samples from a table have the weight 1 ÷ stored bytes of their block. 100 B of text
 * from a block of 500 stored bytes stand for as much as 3 KiB of image from one of 16 KiB; in one block the image would set the rate.
 *
 * Invariants:
 * 1. With all weights 1, and as long as the budget lasts, sizes are those of a table that holds the entries in this order.
 * 2. At most `compressedBytesMax` bytes and a block a pool are compressed; what comes after is counted at the rate of its pool.
 * 3. A value is measured by its first `measuredValueBytes` bytes.
 */
import type { Codec } from '../format/compression.js';
import { blockBytesDefault, compressedBlockRawBytesMax } from '../limits.js';
import { BlockBuilder } from '../sstable/block-builder.js';
import { BlockCompressor } from '../sstable/block-compressor.js';
import { blockHandleBytes } from '../sstable/block-handle.js';

/** Bytes that a block spends on each entry beside key and value: two ends. */
const entryEndsBytes = 8;
const measuredValueBytes = 32 * 1024;

/** What entries would take. Fractions are fine: these are sums of weights. */
export interface StoredBytes {
  readonly dataBytes: number;
  readonly indexBytes: number;
  readonly keyCount: number;
  /** Sum of the lengths of the keys. */
  readonly keyBytes: number;
}

/** Two measurements as one, each multiplied first. */
export function addStoredBytes(a: StoredBytes, b: StoredBytes, factorOfB: number): StoredBytes {
  return {
    dataBytes: a.dataBytes + b.dataBytes * factorOfB,
    indexBytes: a.indexBytes + b.indexBytes * factorOfB,
    keyCount: a.keyCount + b.keyCount * factorOfB,
    keyBytes: a.keyBytes + b.keyBytes * factorOfB,
  };
}

/** Nothing stored. */
export const noStoredBytes: StoredBytes = { dataBytes: 0, indexBytes: 0, keyCount: 0, keyBytes: 0 };

/** Entries of about one weight: an open block, and the sums of the blocks before it. */
interface Pool {
  readonly builder: BlockBuilder;
  /** Of its own, as it gives up on data that does not compress. */
  readonly compressor: BlockCompressor;
  /** Weighted raw bytes of the open block, and how many blocks they stand for. */
  openRawBytes: number;
  openWeight: number;
  lastKeyBytes: number;
  /** Weighted raw bytes of the finished blocks, and what they are stored in. */
  measuredRawBytes: number;
  measuredDataBytes: number;
  measuredIndexBytes: number;
  /** Weighted raw bytes that are counted at the rate of those above. */
  extrapolatedRawBytes: number;
}

/** A measurement: adds, then one `finish`. */
export class StoredBytesMeter {
  private readonly pools = new Map<number, Pool>();
  private compressedBytes = 0;
  private dataBytes = 0;
  private indexBytes = 0;
  private keyCount = 0;
  private keyBytes = 0;

  /** Without a codec blocks are stored as they are. */
  constructor(
    private readonly codec: Codec | undefined,
    private readonly compressedBytesMax: number,
    private readonly blockBytes: number = blockBytesDefault,
  ) {}

  /** Counts a whole block that stays as it is stored. */
  addBlock(storedBytes: number, entryCount: number, lastKeyBytes: number, weight: number): void {
    this.dataBytes += storedBytes * weight;
    this.indexBytes += indexEntryBytes(lastKeyBytes) * weight;
    this.keyCount += entryCount * weight;
    this.keyBytes += entryCount * lastKeyBytes * weight;
  }

  /** Counts one entry; `weight` is above 0. The bytes are copied where they are needed. */
  addEntry(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
    weight: number,
  ): void {
    const keyLength = keyEnd - keyStart;
    const rawBytes = keyLength + valueEnd - valueStart + entryEndsBytes;
    if (valueEnd - valueStart >= compressedBlockRawBytesMax) {
      this.addBlock(rawBytes, 1, keyLength, weight);
      return;
    }
    this.keyCount += weight;
    this.keyBytes += keyLength * weight;
    const pool = this.poolOf(weight);
    if (this.compressedBytes >= this.compressedBytesMax && pool.measuredRawBytes > 0) {
      pool.extrapolatedRawBytes += rawBytes * weight;
      return;
    }
    const measuredEnd = Math.min(valueEnd, valueStart + measuredValueBytes);
    pool.builder.add(keyBytes, keyStart, keyEnd, 0, false, valueBytes, valueStart, measuredEnd);
    pool.openRawBytes += rawBytes * weight;
    pool.openWeight += (rawBytes * weight) / Math.max(rawBytes, this.blockBytes);
    pool.lastKeyBytes = keyLength;
    if (pool.builder.sizeBytes >= this.blockBytes) this.closeBlock(pool);
  }

  /** The sums. No call may follow. */
  finish(): StoredBytes {
    let { dataBytes, indexBytes } = this;
    for (const pool of this.pools.values()) {
      // Little data compresses badly; where the rate of whole blocks is known it is the better guess.
      const isSmall = pool.measuredRawBytes > 0 && pool.builder.sizeBytes * 2 < this.blockBytes;
      if (isSmall) pool.extrapolatedRawBytes += pool.openRawBytes;
      else if (pool.builder.entryCount > 0) this.closeBlock(pool);
      const factor = 1 + pool.extrapolatedRawBytes / pool.measuredRawBytes;
      dataBytes += pool.measuredDataBytes * factor;
      indexBytes += pool.measuredIndexBytes * factor;
    }
    return { dataBytes, indexBytes, keyCount: this.keyCount, keyBytes: this.keyBytes };
  }

  private closeBlock(pool: Pool): void {
    const raw = pool.builder.finish();
    const storedBytes = pool.compressor.compress(raw)?.length ?? raw.length;
    this.compressedBytes += raw.length;
    pool.measuredRawBytes += pool.openRawBytes;
    pool.measuredDataBytes += (pool.openRawBytes * storedBytes) / raw.length;
    pool.measuredIndexBytes += pool.openWeight * indexEntryBytes(pool.lastKeyBytes);
    pool.openRawBytes = 0;
    pool.openWeight = 0;
  }

  private poolOf(weight: number): Pool {
    const weightClass = Math.round(Math.log2(weight));
    let pool = this.pools.get(weightClass);
    if (pool === undefined) {
      pool = {
        builder: new BlockBuilder(),
        compressor: new BlockCompressor(this.codec),
        openRawBytes: 0,
        openWeight: 0,
        lastKeyBytes: 0,
        measuredRawBytes: 0,
        measuredDataBytes: 0,
        measuredIndexBytes: 0,
        extrapolatedRawBytes: 0,
      };
      this.pools.set(weightClass, pool);
    }
    return pool;
  }
}

/** What one block takes in the index: its last key and its handle. */
function indexEntryBytes(lastKeyBytes: number): number {
  return entryEndsBytes + lastKeyBytes + blockHandleBytes;
}
