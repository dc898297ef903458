/**
 * Decides which blocks are stored compressed, and with how much effort.
 *
 * One rule for both: what a step takes is paid at every read, so it must save an eighth of the bytes that there would be without it.
 *
 *      every block ── 16 in a row without gain ──▶ every 16th block ── one with gain ──▶ every block
 *
 *      every 32nd block, from the first on, is tried with both efforts ── entropy saves an eighth ──▶ entropy for those up to the next trial
 *                                                                     └─ it does not ──▶ matches
 *
 * Text is stored with entropy coding; numbers, identifiers and hashes in binary, beside which a little repeats, without. Data that does not
 * compress at all (images, ciphertext) is noticed.
 *
 * Invariants:
 * 1. The decision for a block depends on the blocks before it in the same table and nothing else: output is deterministic.
 */
import type { Codec, Effort } from '../format/compression.js';
import { compressedBlockRawBytesMax } from '../limits.js';

/** Largest part of its size that a block may keep where a step is to pay: it saves 12 % or more. */
const keptPartMax = 0.88;
const patience = 16;
const blocksPerTrial = 32;

/** Compresses blocks of one table. */
export class BlockCompressor {
  private readonly codec: Codec | undefined;
  private target = Buffer.allocUnsafeSlow(0);
  private failures = 0;
  private blocksToTrial = 0;
  private effort: Effort = 'matches';

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
    if (this.blocksToTrial === 0 || this.failures >= patience) this.choose(codec, raw);
    this.blocksToTrial--;
    const bytes = codec.compress(raw, this.target, this.effort);
    const pays = bytes > 0 && bytes <= raw.length * keptPartMax;
    this.failures = pays ? 0 : this.failures + 1;
    return pays ? this.target.subarray(0, bytes) : undefined;
  }

  private choose(codec: Codec, raw: Uint8Array): void {
    const plainBytes = Math.min(raw.length, codec.compress(raw, this.target, 'matches') || raw.length);
    const codedBytes = codec.compress(raw, this.target, 'entropy');
    this.effort = codedBytes <= plainBytes * keptPartMax ? 'entropy' : 'matches';
    this.blocksToTrial = blocksPerTrial;
  }
}
