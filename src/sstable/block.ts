/**
 * A block: some dozens of entries in the form in which they are read, without a step of decoding between disk and search.
 *
 * | entry count u32 | flags u32 | key area bytes u32 | value area bytes u32 |
 * 0                 4           8                    12                     16
 * | sequences f64 × count (only with flag) | key ends u32 × count | value ends u32 × count | key area | value area |
 * 16
 *
 * Little-endian. Flags: bit 0, the block has sequences; all other bits are zero. A key end is the exclusive end of a key in
 * the key area, which is where the next key begins; a value end the same in the value area, with bit 31 set for a
 * tombstone. Keys are whole internal keys: leaving out shared prefixes would save what zstd saves anyway, and cost the
 * direct access to the n-th key. Order: key ascending, then sequence descending, so that the newest version comes first.
 * In a block without sequences the sequence of every entry is 0: visible to everybody.
 *
 * Invariants:
 * 1. The bytes begin at a multiple of 8 in their ArrayBuffer, so that sequences and ends are read through typed arrays.
 * 2. After `Block.decode` every count and every end is known to be in bounds and monotone: no access below checks again.
 *    The order of keys is not checked here (checksums stand for it); the verifier does.
 * 3. A tombstone has an empty value.
 */
import { corruption } from '../errors.js';
import { blockBytesMax, internalKeyBytesMax, sequenceMax } from '../limits.js';
import { blockLookupBytes, fillLookup, lookupEntryBits, lookupSlotCount } from './block-lookup.js';

/** Bytes before the first array of a block. */
export const blockHeaderBytes = 16;
/** Flag of a block that stores sequences. */
export const sequencesFlag = 1;
/** Bit of a value end that marks a tombstone. */
export const tombstoneBit = 0x8000_0000;
const valueEndMask = 0x7fff_ffff;
const headerWords = blockHeaderBytes / 4;
/** The point read of a block from which on it has a lookup: by then the searches cost as much as making it. */
const lookupFromRead = 4;

/** One decoded block. `bytes` belongs to the block; ranges handed out are ranges of it. */
export class Block {
  readonly bytes: Uint8Array;
  readonly entryCount: number;
  /** Sequences of the entries, or undefined where all are 0. */
  readonly sequences: Float64Array | undefined;
  readonly keyAreaBytes: number;
  readonly valueAreaBytes: number;
  private readonly words: Uint32Array;
  private readonly keyEndsAt: number;
  private readonly valueEndsAt: number;
  private readonly keyAreaStart: number;
  private readonly valueAreaStart: number;
  /** Where the lookup begins in `words`, or 0 where the block has none. */
  private readonly lookupAt: number;
  private readonly lookupMask: number;
  private readonly lookupEntryMask: number;
  private readonly lookupTagShift: number;
  /** The length of every key where all have the same, which then are found without a look at their ends; else 0. */
  private eachKeyBytes = 0;
  private pointReads = 0;

  private constructor(bytes: Uint8Array, header: Uint32Array, hasSequences: boolean, lookupSlots = 0) {
    const count = header[0] as number;
    const sequenceWords = hasSequences ? 2 * count : 0;
    this.bytes = bytes;
    this.entryCount = count;
    this.keyAreaBytes = header[2] as number;
    this.valueAreaBytes = header[3] as number;
    this.sequences = hasSequences ? new Float64Array(bytes.buffer, bytes.byteOffset + blockHeaderBytes, count) : undefined;
    this.lookupAt = lookupSlots === 0 ? 0 : Math.ceil(bytes.length / 4);
    const wordCount = lookupSlots === 0 ? headerWords + sequenceWords + 2 * count : this.lookupAt + lookupSlots / 2;
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, wordCount);
    this.keyEndsAt = headerWords + sequenceWords;
    this.valueEndsAt = this.keyEndsAt + count;
    this.keyAreaStart = 4 * (this.valueEndsAt + count);
    this.valueAreaStart = this.keyAreaStart + this.keyAreaBytes;
    this.lookupMask = lookupSlots - 1;
    this.lookupEntryMask = (1 << lookupEntryBits(count)) - 1;
    this.lookupTagShift = 16 + lookupEntryBits(count);
  }

  /**
   * Takes bytes as a block, after checking all of its structure; keeps the bytes. Throws VARVE_CORRUPTION with `file` and
   * `offset`, which say where the stored block lies.
   */
  static decode(bytes: Uint8Array, file: string, offset: number): Block {
    const refuse = (message: string) => corruption(file, offset, `the block ${message}`);
    if (bytes.length < blockHeaderBytes) throw refuse(`has ${bytes.length} bytes, fewer than its header`);
    if (bytes.length > blockBytesMax) throw refuse(`has ${bytes.length} bytes, of at most ${blockBytesMax}`);
    const header = new Uint32Array(bytes.buffer, bytes.byteOffset, headerWords);
    const count = header[0] as number;
    const flags = header[1] as number;
    if (flags > sequencesFlag) throw refuse(`has unknown flags ${flags}`);
    if (count === 0) throw refuse('has no entry');
    const hasSequences = flags === sequencesFlag;
    const expected = blockHeaderBytes + (hasSequences ? 16 : 8) * count + (header[2] as number) + (header[3] as number);
    if (expected !== bytes.length) throw refuse(`has ${bytes.length} bytes where its header asks for ${expected}`);
    const block = new Block(bytes, header, hasSequences);
    const problem = block.problemOfEnds() ?? block.problemOfSequences();
    if (problem !== undefined) throw refuse(problem);
    return block;
  }

  /** Start of a key in `bytes`. `entry` is below entryCount, here and in all that follows. */
  keyStart(entry: number): number {
    return this.keyAreaStart + this.keyBegin(entry);
  }

  keyEnd(entry: number): number {
    return this.keyAreaStart + this.keyBegin(entry + 1);
  }

  /** Start of a value in `bytes`. */
  valueStart(entry: number): number {
    return this.valueAreaStart + (entry === 0 ? 0 : (this.words[this.valueEndsAt + entry - 1] as number) & valueEndMask);
  }

  valueEnd(entry: number): number {
    return this.valueAreaStart + ((this.words[this.valueEndsAt + entry] as number) & valueEndMask);
  }

  isTombstone(entry: number): boolean {
    return (this.words[this.valueEndsAt + entry] as number) >= tombstoneBit;
  }

  /** The sequence of an entry; 0 where it was left out because everybody sees the entry. */
  sequence(entry: number): number {
    return this.sequences === undefined ? 0 : (this.sequences[entry] as number);
  }

  /** Memory that the block takes, or will take when it is read often. */
  get sizeBytes(): number {
    return this.bytes.length + blockLookupBytes(this.entryCount);
  }

  /** Whether `findHashed` may be asked. */
  get hasLookup(): boolean {
    return this.lookupAt !== 0;
  }

  /** Counts a point read that searches. True at the one from which on a lookup is worth making. */
  countSearch(): boolean {
    return ++this.pointReads === lookupFromRead && lookupSlotCount(this.entryCount) > 0;
  }

  /** A copy of this block that has a lookup; only where `blockLookupBytes` is not 0. */
  withLookup(): Block {
    const { bytes, entryCount } = this;
    const lookupStart = 4 * Math.ceil(bytes.length / 4);
    const slotCount = lookupSlotCount(entryCount);
    const copy = new Uint8Array(new ArrayBuffer(lookupStart + 2 * slotCount), 0, bytes.length);
    copy.set(bytes);
    fillLookup(new Uint16Array(copy.buffer, lookupStart, slotCount), this);
    const block = new Block(copy, new Uint32Array(copy.buffer, 0, headerWords), this.sequences !== undefined, slotCount);
    block.eachKeyBytes = this.eachKeyBytes;
    return block;
  }

  /** In a block with a lookup: the first entry with exactly this key, whose hash (key-hash.ts) is given, or -1. */
  findHashed(hash: number, target: Uint8Array, start: number, end: number): number {
    const { words, lookupAt, lookupMask, lookupEntryMask } = this;
    const tag = (hash >>> this.lookupTagShift) * (lookupEntryMask + 1);
    for (let slot = hash & lookupMask; ; slot = (slot + 1) & lookupMask) {
      const value = ((words[lookupAt + (slot >>> 1)] as number) >>> ((slot & 1) << 4)) & 0xffff;
      if (value === 0) return -1;
      const entry = (value & lookupEntryMask) - 1;
      if (value - entry - 1 === tag && this.hasKey(entry, target, start, end)) return entry;
    }
  }

  /**
   * The first entry with exactly this key, or, where there is none, ~n with n the first entry with a greater key.
   *
   * Binary search that compares only beyond the prefix which the target is known to share with both ends of the range.
   */
  find(target: Uint8Array, start: number, end: number): number {
    const bytes = this.bytes;
    const keyAreaStart = this.keyAreaStart;
    const length = end - start;
    let low = 0;
    let high = this.entryCount;
    let lowShared = 0;
    let highShared = 0;
    let highLength = -1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const keyBegin = this.keyBegin(middle);
      const keyLength = this.keyBegin(middle + 1) - keyBegin;
      const keyAt = keyAreaStart + keyBegin;
      const shorter = Math.min(keyLength, length);
      let shared = Math.min(lowShared, highShared);
      while (shared < shorter && bytes[keyAt + shared] === target[start + shared]) shared++;
      const isBelow =
        shared === shorter ? keyLength < length : (bytes[keyAt + shared] as number) < (target[start + shared] as number);
      if (isBelow) {
        low = middle + 1;
        lowShared = shared;
      } else {
        high = middle;
        highShared = shared;
        highLength = keyLength;
      }
    }
    // highShared and highLength describe the entry at `high`, which is the one found, unless the search ran off the end.
    return highShared === length && highLength === length ? low : ~low;
  }

  /** Whether the key of an entry is target[start, end). */
  hasKey(entry: number, target: Uint8Array, start: number, end: number): boolean {
    const keyAt = this.keyStart(entry);
    const length = end - start;
    if (this.keyEnd(entry) - keyAt !== length) return false;
    for (let i = 0; i < length; i++) {
      if (this.bytes[keyAt + i] !== target[start + i]) return false;
    }
    return true;
  }

  /** Where in the key area the key of an entry begins; of entryCount, where it ends. */
  private keyBegin(entry: number): number {
    if (this.eachKeyBytes > 0) return this.eachKeyBytes * entry;
    return entry === 0 ? 0 : (this.words[this.keyEndsAt + entry - 1] as number);
  }

  private problemOfEnds(): string | undefined {
    const words = this.words;
    const firstKeyBytes = words[this.keyEndsAt] as number;
    let isEachAsLong = true;
    let keyEnd = 0;
    let valueEnd = 0;
    for (let i = 0; i < this.entryCount; i++) {
      const nextKeyEnd = words[this.keyEndsAt + i] as number;
      const word = words[this.valueEndsAt + i] as number;
      const nextValueEnd = word & valueEndMask;
      if (nextKeyEnd < keyEnd || nextKeyEnd > this.keyAreaBytes) return `has a key end out of order at entry ${i}`;
      if (nextKeyEnd - keyEnd > internalKeyBytesMax) return `has a key of ${nextKeyEnd - keyEnd} bytes at entry ${i}`;
      if (nextValueEnd < valueEnd || nextValueEnd > this.valueAreaBytes) return `has a value end out of order at entry ${i}`;
      if (word >= tombstoneBit && nextValueEnd !== valueEnd) return `has a tombstone with a value at entry ${i}`;
      isEachAsLong &&= nextKeyEnd - keyEnd === firstKeyBytes;
      keyEnd = nextKeyEnd;
      valueEnd = nextValueEnd;
    }
    if (isEachAsLong) this.eachKeyBytes = firstKeyBytes;
    return keyEnd === this.keyAreaBytes && valueEnd === this.valueAreaBytes ? undefined : 'has bytes that no entry owns';
  }

  private problemOfSequences(): string | undefined {
    const sequences = this.sequences;
    if (sequences === undefined) return undefined;
    for (let i = 0; i < sequences.length; i++) {
      const sequence = sequences[i] as number;
      if (!(sequence >= 0 && sequence <= sequenceMax && Math.floor(sequence) === sequence)) {
        return `has a sequence that is no whole number at entry ${i}`;
      }
    }
    return undefined;
  }
}
