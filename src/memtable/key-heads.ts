/**
 * Heads: the next bytes of many keys as whole numbers, whose order is that of those bytes.
 *
 * Of eight bytes a head has only the bits in which the keys may differ: of each byte those up to the highest that is not the same
 * in all.
 *
 *   keys     …0012x  …0040x  …0199x
 *   bytes    30 30 31 32 78 | 30 30 34 30 78 | 30 31 39 39 78     differing bits 00 01 0f 0f 00
 *   heads    - 0 0001 0010 - | - 0 0100 0000 - | - 1 1001 1001 -
 *
 * Where not all keys have as many bytes left, the last four bits say how many: bytes that are missing count as zero, and the key
 * that ends earlier comes first. What 32 bits have no room for stands in a second number, the tail. What neither has room for is
 * left out.
 *
 * Invariants:
 * 1. Where the heads of two keys differ, so do the keys, in the same order; where heads are equal the same goes for tails.
 * 2. Where both are equal, so are `bytes` bytes of the keys, and `goesOn` says whether more follow.
 */
import type { RecordReader } from './record-table.js';

const bytesMax = 8;
const wordBits = 32;
/** Bits for the number of bytes that a key has left, which counts up to one more than `bytesMax`. */
const leftBits = 4;

/** Heads of the records at some places, in step with their ordinals. */
export class KeyHeads {
  readonly heads: Uint32Array;
  /** All 0 where there are none. */
  readonly tails: Uint32Array;
  /** Bits of a head. */
  headBits = 0;
  hasTails = false;
  /** Bytes of the keys that are in heads and tails. */
  bytes = 0;
  /** Bytes that are in heads. */
  private headBytes = 0;
  /** Bits of each of the eight bytes. */
  private readonly byteBits = new Uint8Array(bytesMax);
  private readonly lefts: Uint8Array;
  /** Bits at the end that say how many bytes were left: none where that is the same for all, then it is `shortestLeft`. */
  private bitsOfLeft = 0;
  private shortestLeft = 0;

  constructor(size: number) {
    this.heads = new Uint32Array(size);
    this.tails = new Uint32Array(size);
    this.lefts = new Uint8Array(size);
  }

  /** Makes heads and tails [begin, end): of the keys of these records from `depth` on, before which none ends. */
  read(reader: RecordReader, ordinals: Uint32Array, begin: number, end: number, depth: number): void {
    const { heads, tails, lefts } = this;
    let [firstOnes, firstZeros, secondOnes, secondZeros] = [0, 0, 0, 0];
    let shortest = bytesMax + 1;
    let longest = 0;
    for (let i = begin; i < end; i++) {
      reader.locate(ordinals[i] as number);
      const { bytes, keyEnd } = reader;
      const start = reader.keyStart + depth;
      const first = bigEndianWord(bytes, start, keyEnd);
      const second = bigEndianWord(bytes, start + 4, keyEnd);
      const left = keyEnd - start > bytesMax ? bytesMax + 1 : keyEnd - start;
      heads[i] = first;
      tails[i] = second;
      lefts[i] = left;
      firstOnes |= first;
      firstZeros |= ~first;
      secondOnes |= second;
      secondZeros |= ~second;
      if (left < shortest) shortest = left;
      if (left > longest) longest = left;
    }
    this.shortestLeft = shortest;
    this.bitsOfLeft = shortest === longest ? 0 : leftBits;
    this.divide(firstOnes & firstZeros, secondOnes & secondZeros);
    this.pack(begin, end);
  }

  /** Whether the keys with this tail, or this head where there are no tails, go on behind `bytes`. */
  goesOn(last: number): boolean {
    return this.bitsOfLeft === 0 ? this.shortestLeft > this.bytes : (last & (2 ** leftBits - 1)) > this.bytes;
  }

  /** Divides the bytes between heads and tails, given the bits that differ. */
  private divide(firstDiffering: number, secondDiffering: number): void {
    let allBits = this.bitsOfLeft;
    for (let byte = 0; byte < bytesMax; byte++) {
      const differing = (byte < 4 ? firstDiffering : secondDiffering) >>> (24 - 8 * (byte & 3));
      const bits = wordBits - Math.clz32(differing & 0xff);
      this.byteBits[byte] = bits;
      allBits += bits;
    }
    this.hasTails = allBits > wordBits;
    this.headBytes = this.hasTails ? this.bytesThatFit(0, wordBits) : bytesMax;
    this.bytes = this.hasTails ? this.bytesThatFit(this.headBytes, wordBits - this.bitsOfLeft) : bytesMax;
    this.headBits = this.hasTails ? wordBits : allBits;
  }

  /** The end of the bytes from `byte` on that have room in so many bits. */
  private bytesThatFit(byte: number, room: number): number {
    let end = byte;
    let free = room;
    while (end < bytesMax && (this.byteBits[end] as number) <= free) free -= this.byteBits[end++] as number;
    return end;
  }

  /** Makes heads and tails of the words that they hold. */
  private pack(begin: number, end: number): void {
    const { heads, tails, lefts, headBytes, bytes, byteBits, bitsOfLeft, hasTails } = this;
    for (let i = begin; i < end; i++) {
      const first = heads[i] as number;
      const second = tails[i] as number;
      const left = lefts[i] as number;
      const lastBits = bitsOfLeft === 0 ? 0 : left > bytes ? bytes + 1 : left;
      const head = packed(first, second, byteBits, 0, headBytes);
      if (hasTails) {
        heads[i] = head;
        tails[i] = (packed(first, second, byteBits, headBytes, bytes) << bitsOfLeft) | lastBits;
      } else {
        heads[i] = (head << bitsOfLeft) | lastBits;
        tails[i] = 0;
      }
    }
  }
}

/** Four bytes as a number, the first in its highest bits; those from `end` on count as zero. */
function bigEndianWord(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) {
    const b0 = at < end ? (bytes[at] as number) : 0;
    const b1 = at + 1 < end ? (bytes[at + 1] as number) : 0;
    const b2 = at + 2 < end ? (bytes[at + 2] as number) : 0;
    return (b0 << 24) | (b1 << 16) | (b2 << 8);
  }
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** Bytes [from, to) of the eight in two words, of each only its lowest `byteBits`. */
function packed(first: number, second: number, byteBits: Uint8Array, from: number, to: number): number {
  let number = 0;
  for (let byte = from; byte < to; byte++) {
    const bits = byteBits[byte] as number;
    const value = (byte < 4 ? first : second) >>> (24 - 8 * (byte & 3));
    number = (number << bits) | (value & ((1 << bits) - 1));
  }
  return number;
}
