/**
 * Filter of a table: says of most keys that are not in it that they are not, at the price of one cache line.
 *
 * | kind u32 = 1 | probe count u32 | line count u32 | key count u32 | lines of 64 bytes, as u32 × 16 |
 * 0              4                 8                12              16
 *
 * Little-endian. A blocked Bloom filter (F. Putze, P. Sanders, J. Singler: "Cache-, Hash- and Space-Efficient Bloom
 * Filters", 2007): the hash of a key (key-hash.ts) picks one line by its size, and the products of the hash with an odd
 * constant, taken again and again, give one bit each by their top nine bits. A filter with no lines lets everything pass.
 *
 * Invariants:
 * 1. No false negatives: what was added passes.
 * 2. hash × line count stays below 2^53, so that the line is exact in doubles: at most 2^21 lines.
 */
import { corruption } from '../errors.js';

const kindBlockedBloom = 1;
const headerBytes = 16;
const lineBytes = 64;
const lineWords = lineBytes / 4;
const lineCountMax = 2 ** 21;
const probeCountMax = 16;
const hashRange = 2 ** 32;
/** Odd, without a pattern in its bits: the first mixes, the second steps from probe to probe. */
const mixMultiplier = 0xb5297a4d | 0;
const probeMultiplier = 0x68e31da5 | 0;

/** Gathers hashes and builds a filter of them. */
export class FilterBuilder {
  private hashes = new Uint32Array(1024);
  private count = 0;

  /** Hashes so far. */
  get keyCount(): number {
    return this.count;
  }

  /** Adds the hash of a key; once a key. */
  add(hash: number): void {
    if (this.count === this.hashes.length) {
      const larger = new Uint32Array(2 * this.count);
      larger.set(this.hashes);
      this.hashes = larger;
    }
    this.hashes[this.count++] = hash;
  }

  /** The filter section of a table, in a buffer of its own. `bitsPerKey` 0: a filter that lets everything pass. */
  finish(bitsPerKey: number): Uint8Array {
    const lineCount = filterLineCount(this.count, bitsPerKey);
    // At n bits a key 0.6 n probes are close to the best, as a line has less room for chance than a whole filter.
    const probeCount = Math.max(1, Math.min(probeCountMax, Math.round(bitsPerKey * 0.6)));
    const bytes = new Uint8Array(headerBytes + lineCount * lineBytes);
    const words = new Uint32Array(bytes.buffer);
    words.set([kindBlockedBloom, probeCount, lineCount, this.count]);
    if (lineCount > 0) fill(words.subarray(headerBytes / 4), this.hashes, this.count, lineCount, probeCount);
    return bytes;
  }
}

function filterLineCount(keyCount: number, bitsPerKey: number): number {
  if (bitsPerKey === 0) return 0;
  return Math.max(1, Math.min(lineCountMax, Math.ceil((keyCount * bitsPerKey) / (8 * lineBytes))));
}

/** Bytes that the filter of `keyCount` keys takes in a file. */
export function filterBytes(keyCount: number, bitsPerKey: number): number {
  return headerBytes + lineBytes * filterLineCount(keyCount, bitsPerKey);
}

function fill(lines: Uint32Array, hashes: Uint32Array, count: number, lineCount: number, probeCount: number): void {
  for (let i = 0; i < count; i++) {
    const hash = hashes[i] as number;
    const line = Math.floor((hash * lineCount) / hashRange) * lineWords;
    let bits = Math.imul(hash, mixMultiplier);
    for (let probe = 0; probe < probeCount; probe++) {
      const word = line + (bits >>> 28);
      lines[word] = (lines[word] as number) | (1 << ((bits >>> 23) & 31));
      bits = Math.imul(bits, probeMultiplier);
    }
  }
}

/** A loaded filter. Keeps the bytes. */
export class TableFilter {
  readonly sizeBytes: number;
  private readonly lines: Uint32Array;
  private readonly lineCount: number;
  private readonly probeCount: number;

  private constructor(sizeBytes: number, lines: Uint32Array, lineCount: number, probeCount: number) {
    this.sizeBytes = sizeBytes;
    this.lines = lines;
    this.lineCount = lineCount;
    this.probeCount = probeCount;
  }

  /** Takes a filter section, 4-aligned in its ArrayBuffer. Throws VARVE_CORRUPTION with `file` and `offset`. */
  static decode(bytes: Uint8Array, file: string, offset: number): TableFilter {
    const refuse = (message: string) => corruption(file, offset, `the filter ${message}`);
    if (bytes.length < headerBytes || bytes.length % 4 !== 0) throw refuse(`has ${bytes.length} bytes`);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const [kind, probeCount, lineCount] = [words[0] as number, words[1] as number, words[2] as number];
    if (kind !== kindBlockedBloom) throw refuse(`has the unknown kind ${kind}`);
    if (probeCount < 1 || probeCount > probeCountMax) throw refuse(`has ${probeCount} probes`);
    if (lineCount > lineCountMax || headerBytes + lineCount * lineBytes !== bytes.length) {
      throw refuse(`has ${bytes.length} bytes for ${lineCount} lines`);
    }
    return new TableFilter(bytes.length, words.subarray(headerBytes / 4), lineCount, probeCount);
  }

  /** False only where no key with this hash was added. */
  mayContain(hash: number): boolean {
    const lineCount = this.lineCount;
    if (lineCount === 0) return true;
    const lines = this.lines;
    const line = Math.floor((hash * lineCount) / hashRange) * lineWords;
    let bits = Math.imul(hash, mixMultiplier);
    for (let probe = this.probeCount; probe > 0; probe--) {
      if ((((lines[line + (bits >>> 28)] as number) >>> ((bits >>> 23) & 31)) & 1) === 0) return false;
      bits = Math.imul(bits, probeMultiplier);
    }
    return true;
  }
}
