/**
 * Builds blocks (layout: block.ts), one after the other, in buffers that are kept.
 *
 * Order of calls: add+ finish, and again. `finish` gives a view of the builder's own buffer.
 *
 * Invariants:
 * 1. The areas of keys and of values and the arrays of ends grow by doubling and never shrink; a block costs no allocation
 *    once they have their size.
 * 2. The order of keys is the caller's to keep.
 */
import { assert } from '../errors.js';
import { blockHeaderBytes, sequencesFlag, tombstoneBit } from './block.js';

/** Below this many bytes a loop is faster than a call into the runtime, which makes a view. */
const loopCopyBytesMax = 24;
/** The same for a move within one buffer, which makes none: at 100 bytes it takes a fourth of the time. */
const loopMoveBytesMax = 12;
const keyAreaBytes = 8 * 1024;
const valueAreaBytes = 32 * 1024;

/** Copies source[start, end) to `target` at `at`. */
export function copyRange(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (source === target && end - start > loopMoveBytesMax) {
    target.copyWithin(at, start, end);
  } else if (end - start <= loopCopyBytesMax) {
    for (let from = start, to = at; from < end; from++, to++) target[to] = source[from] as number;
  } else {
    Buffer.prototype.copy.call(source, target, at, start, end);
  }
}

/** A builder of blocks. Sizes are bytes. */
export class BlockBuilder {
  private areas: Buffer;
  private valuesStart: number;
  private keyEnds = new Uint32Array(256);
  private valueEnds = new Uint32Array(256);
  private sequences = new Float64Array(256);
  private output = Buffer.allocUnsafeSlow(32 * 1024);
  private count = 0;
  private keysEnd = 0;
  private valuesEnd = 0;
  private storesSequences = false;
  private tombstones = 0;

  /** `windowBytes`, a multiple of 8, are the caller's: entries that are added from there are copied fastest. */
  constructor(readonly windowBytes = 0) {
    this.valuesStart = windowBytes + keyAreaBytes;
    this.areas = Buffer.allocUnsafeSlow(this.valuesStart + valueAreaBytes);
  }

  /** Its first `windowBytes` are the caller's. Another one, with nothing in it, after an `add` that made it grow. */
  get window(): Buffer {
    return this.areas;
  }

  get entryCount(): number {
    return this.count;
  }

  get tombstoneCount(): number {
    return this.tombstones;
  }

  /** Whether some entry has a sequence other than 0. */
  get hasSequences(): boolean {
    return this.storesSequences;
  }

  /** Bytes of keys and values in the block so far. */
  get contentBytes(): number {
    return this.keysEnd + this.valuesEnd;
  }

  /** Size that the block would have if it were finished now. */
  get sizeBytes(): number {
    return blockHeaderBytes + (this.storesSequences ? 16 : 8) * this.count + this.keysEnd + this.valuesEnd;
  }

  /** Bytes of what the builder works in. */
  get memoryBytes(): number {
    return this.areas.length + this.output.length + 16 * this.keyEnds.length;
  }

  /**
   * Adds an entry, copying its bytes. Sequence 0 stands for one that everybody sees; a tombstone has no value. Returns where in
   * `window` its key lies until the next `add`, also after `finish`.
   */
  add(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    sequence: number,
    isTombstone: boolean,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): number {
    const entry = this.count;
    const keysEnd = this.keysEnd + keyEnd - keyStart;
    const valuesEnd = this.valuesEnd + valueEnd - valueStart;
    if (entry === this.keyEnds.length) this.growEntries();
    if (this.windowBytes + keysEnd > this.valuesStart || this.valuesStart + valuesEnd > this.areas.length) {
      this.growAreas(keysEnd, valuesEnd);
    }
    const { areas } = this;
    const keyAt = this.windowBytes + this.keysEnd;
    copyRange(keyBytes, keyStart, keyEnd, areas, keyAt);
    copyRange(valueBytes, valueStart, valueEnd, areas, this.valuesStart + this.valuesEnd);
    this.keyEnds[entry] = keysEnd;
    this.valueEnds[entry] = isTombstone ? valuesEnd + tombstoneBit : valuesEnd;
    this.sequences[entry] = sequence;
    if (sequence !== 0) this.storesSequences = true;
    if (isTombstone) this.tombstones++;
    this.count = entry + 1;
    this.keysEnd = keysEnd;
    this.valuesEnd = valuesEnd;
    return keyAt;
  }

  /** The finished block, a view that is valid until the next `finish`; the builder is empty again. Needs an entry. */
  finish(): Uint8Array {
    assert(this.count > 0, 'a block has at least one entry');
    const sizeBytes = this.sizeBytes;
    if (this.output.length < sizeBytes) this.output = Buffer.allocUnsafeSlow(Math.max(sizeBytes, 2 * this.output.length));
    const output = this.output;
    const header = new Uint32Array(output.buffer, output.byteOffset, blockHeaderBytes / 4);
    header[0] = this.count;
    header[1] = this.storesSequences ? sequencesFlag : 0;
    header[2] = this.keysEnd;
    header[3] = this.valuesEnd;
    let at = blockHeaderBytes;
    if (this.storesSequences) {
      new Float64Array(output.buffer, output.byteOffset + at, this.count).set(this.sequences.subarray(0, this.count));
      at += 8 * this.count;
    }
    const ends = new Uint32Array(output.buffer, output.byteOffset + at, 2 * this.count);
    ends.set(this.keyEnds.subarray(0, this.count));
    ends.set(this.valueEnds.subarray(0, this.count), this.count);
    at += 8 * this.count;
    const { areas, windowBytes, valuesStart } = this;
    copyRange(areas, windowBytes, windowBytes + this.keysEnd, output, at);
    copyRange(areas, valuesStart, valuesStart + this.valuesEnd, output, at + this.keysEnd);
    this.reset();
    return output.subarray(0, sizeBytes);
  }

  private reset(): void {
    this.count = 0;
    this.keysEnd = 0;
    this.valuesEnd = 0;
    this.storesSequences = false;
    this.tombstones = 0;
  }

  private growAreas(keyBytes: number, valueBytes: number): void {
    const { areas, windowBytes, valuesStart } = this;
    this.valuesStart = windowBytes + grownBytes(valuesStart - windowBytes, keyBytes);
    this.areas = Buffer.allocUnsafeSlow(this.valuesStart + grownBytes(areas.length - valuesStart, valueBytes));
    copyRange(areas, windowBytes, windowBytes + this.keysEnd, this.areas, windowBytes);
    copyRange(areas, valuesStart, valuesStart + this.valuesEnd, this.areas, this.valuesStart);
  }

  private growEntries(): void {
    const capacity = 2 * this.keyEnds.length;
    const keyEnds = new Uint32Array(capacity);
    const valueEnds = new Uint32Array(capacity);
    const sequences = new Float64Array(capacity);
    keyEnds.set(this.keyEnds);
    valueEnds.set(this.valueEnds);
    sequences.set(this.sequences);
    this.keyEnds = keyEnds;
    this.valueEnds = valueEnds;
    this.sequences = sequences;
  }
}

/** All of a block with one entry but its value, which follows it: a large value is written from where it lies. */
export function singleEntryHead(key: Uint8Array, start: number, end: number, sequence: number, valueBytes: number): Uint8Array {
  const hasSequence = sequence !== 0;
  const endsAt = blockHeaderBytes + (hasSequence ? 8 : 0);
  const head = new Uint8Array(endsAt + 8 + end - start);
  const view = new DataView(head.buffer);
  view.setUint32(0, 1, true);
  view.setUint32(4, hasSequence ? sequencesFlag : 0, true);
  view.setUint32(8, end - start, true);
  view.setUint32(12, valueBytes, true);
  if (hasSequence) view.setFloat64(blockHeaderBytes, sequence, true);
  view.setUint32(endsAt, end - start, true);
  view.setUint32(endsAt + 4, valueBytes, true);
  copyRange(key, start, end, head, endsAt + 8);
  return head;
}

function grownBytes(bytes: number, neededBytes: number): number {
  return neededBytes <= bytes ? bytes : Math.max(neededBytes, 2 * bytes);
}
