/**
 * Decides which blocks are stored compressed.
 *
 * A block is compressed where that saves at least an eighth of it: less is not worth the decompression at every read. Data
 * that does not compress (images, ciphertext) is noticed: after 16 blocks in a row without gain only every 16th is tried.
 *
 *      every block ── 16 in a row without gain ──▶ every 16th block ── one with gain ──▶ every block
 *
 * Invariants:
 * 1. The decision for a block depends on the blocks before it in the same table and nothing else: output is deterministic.
 */
import type { Codec } from '../format/compression.js';
import { compressedBlockRawBytesMax } from '../limits.js';

/** Largest part of its size that a block may keep, to be stored compressed: it saves 12 % or more. */
const keptPartMax = 0.88;
const patience = 16;

/** Compresses blocks of one table. */
export class BlockCompressor {
  private readonly codec: Codec | undefined;
  private target = Buffer.allocUnsafeSlow(0);
  private failures = 0;

  /** Without a codec no block is compressed. */
  constructor(codec: Codec | undefined) {
    this.codec = codec;
  }

  /** The compressed block, valid until the next call, or undefined where the block is to be stored as it is. */
  compress(raw: Uint8Array): Uint8Array | undefined {
    const codec = this.codec;
    if (codec === undefined || raw.length > compressedBlockRawBytesMax) return undefined;
    if (this.failures >= patience && this.failures % patience !== 0) {
      this.failures++;
      return undefined;
    }
    // With room for the worst case the codec never fails; failing would cost an exception a block.
    const bound = codec.compressBound(raw.length);
    if (this.target.length < bound) this.target = Buffer.allocUnsafeSlow(bound);
    const bytes = codec.compress(raw, this.target);
    const pays = bytes > 0 && bytes <= raw.length * keptPartMax;
    this.failures = pays ? 0 : this.failures + 1;
    return pays ? this.target.subarray(0, bytes) : undefined;
  }
}
