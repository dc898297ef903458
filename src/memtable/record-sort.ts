/**
 * Sorting ordinals of records by key, and records of one key newest first.
 *
 * Most significant digit first, with digits of up to eight bytes (key-heads.ts): each group that is equal so far is sorted by the
 * heads of its next bytes with a least significant digit radix sort, the few whose heads are equal by their tails, small groups by
 * comparing keys.
 * Sources: LSD and MSD radix sort as in Knuth, The Art of Computer Programming 3, 5.2.5.
 *
 * All sorts are stable and the ordinals start in descending order, which is what puts records of one key newest first.
 *
 * Worked example (heads of one byte): ordinals 4:b 3:ab 2:b 1:a → by first byte [3:ab 1:a] [4:b 2:b]; the first group has
 * keys that go on, so it is sorted again by the second byte: 1:a 3:ab; the second is one key, newest first: 4 2.
 */
import { KeyHeads } from './key-heads.js';
import type { RecordReader } from './record-table.js';

/** A group that is sorted by comparing keys. */
const smallGroup = 8;
/** Up to so many are sorted by insertion, which for heads and tails is a matter of a few cache lines. */
const insertionMax = 64;
const headBitsMax = 32;
/** Digits of a large group: more of its counts would not stay in the first cache. */
const digitBitsMax = 13;
/** Digits of a group with less records than this: counts have to be cleared and added up for each group. */
const narrowDigitBits = 8;
const narrowGroup = 2048;

/** Sorts `ordinals` (which must be in descending order) in place; keys are equal in their first `skip` bytes. */
export function sortRecords(reader: RecordReader, ordinals: Uint32Array, skip: number): void {
  // A range that is read after each put sorts one key each time: it pays for no more.
  if (ordinals.length <= smallGroup) {
    sortByKey(reader, ordinals, 0, ordinals.length, skip);
    return;
  }
  const workspace = new SortWorkspace(ordinals.length);
  // Groups still to sort, as begin, end, depth: a stack instead of recursion, for keys may be long.
  const groups: number[] = [0, ordinals.length, skip];
  while (groups.length > 0) {
    const depth = groups.pop() as number;
    const end = groups.pop() as number;
    const begin = groups.pop() as number;
    if (end - begin <= smallGroup) {
      sortByKey(reader, ordinals, begin, end, depth);
    } else {
      workspace.sort(reader, ordinals, begin, end, depth);
      workspace.pushEqualGroups(groups, begin, end, depth);
    }
  }
}

function sortByKey(reader: RecordReader, ordinals: Uint32Array, begin: number, end: number, depth: number): void {
  for (let i = begin + 1; i < end; i++) {
    const ordinal = ordinals[i] as number;
    reader.locate(ordinal);
    const bytes = reader.bytes;
    const start = reader.keyStart + depth;
    const stop = reader.keyEnd;
    let at = i;
    while (at > begin && compareAt(reader, ordinals[at - 1] as number, depth, bytes, start, stop) > 0) {
      ordinals[at] = ordinals[at - 1] as number;
      at--;
    }
    ordinals[at] = ordinal;
  }
}

function compareAt(reader: RecordReader, ordinal: number, depth: number, bytes: Uint8Array, start: number, end: number): number {
  reader.locate(ordinal);
  const other = reader.bytes;
  let at = reader.keyStart + depth;
  const stop = reader.keyEnd;
  for (let i = start; i < end; i++, at++) {
    if (at === stop) return -1;
    const difference = (other[at] as number) - (bytes[i] as number);
    if (difference !== 0) return difference;
  }
  return stop - at;
}

/** Adds one; returns what was there before. */
function increment(counts: Uint32Array, index: number): number {
  const before = counts[index] as number;
  counts[index] = before + 1;
  return before;
}

class SortWorkspace {
  /** Of the record at each place, in step with the ordinals. */
  private readonly keys: KeyHeads;
  private readonly spareHeads: Uint32Array;
  private readonly spareTails: Uint32Array;
  private readonly spareOrdinals: Uint32Array;
  private readonly counts: Uint32Array;

  constructor(size: number) {
    this.keys = new KeyHeads(size);
    const radixSize = size > insertionMax ? size : 0;
    this.spareHeads = new Uint32Array(radixSize);
    this.spareTails = new Uint32Array(radixSize);
    this.spareOrdinals = new Uint32Array(radixSize);
    this.counts = new Uint32Array(radixSize > 0 ? 2 ** digitBitsMax : 0);
  }

  /** Sorts by the bytes of keys from `depth` on that heads and tails hold. */
  sort(reader: RecordReader, ordinals: Uint32Array, begin: number, end: number, depth: number): void {
    const { keys } = this;
    keys.read(reader, ordinals, begin, end, depth);
    const { heads, tails, hasTails } = keys;
    if (end - begin <= insertionMax) {
      this.insertionSort(ordinals, begin, end);
      return;
    }
    this.radixSort(heads, hasTails ? tails : undefined, ordinals, begin, end, keys.headBits);
    if (!hasTails) return;
    for (let i = begin; i < end;) {
      const stop = endOfEqual(heads, i, end);
      if (stop - i > insertionMax) this.radixSort(tails, undefined, ordinals, i, stop, headBitsMax);
      else if (stop - i > 1) this.insertionSort(ordinals, i, stop);
      i = stop;
    }
  }

  /** Groups whose keys are equal as far as they were looked at, and go on, have to be sorted by their next bytes. */
  pushEqualGroups(groups: number[], begin: number, end: number, depth: number): void {
    const { heads, tails, hasTails, bytes } = this.keys;
    for (let i = begin; i < end;) {
      // Heads and tails in one go: many may have one head, and each its own tail.
      let stop = i + 1;
      while (stop < end && heads[stop] === heads[i] && tails[stop] === tails[i]) stop++;
      if (stop - i > 1 && this.keys.goesOn((hasTails ? tails[i] : heads[i]) as number)) groups.push(i, stop, depth + bytes);
      i = stop;
    }
  }

  /** Sorts ordinals by their `keys`, of so many bits; what is `carried` moves with them. Stable. */
  private radixSort(
    keys: Uint32Array,
    carried: Uint32Array | undefined,
    ordinals: Uint32Array,
    begin: number,
    end: number,
    bits: number,
  ): void {
    const passes = Math.ceil(bits / (end - begin < narrowGroup ? narrowDigitBits : digitBitsMax));
    const digitBits = Math.ceil(bits / passes);
    const { spareHeads, spareTails, spareOrdinals } = this;
    for (let shift = 0; shift < bits; shift += digitBits) {
      const mask = 2 ** digitBits - 1;
      const places = this.placesOfDigits(keys, begin, end, shift, mask);
      for (let i = begin; i < end; i++) {
        const key = keys[i] as number;
        const to = increment(places, (key >>> shift) & mask);
        spareHeads[to] = key;
        spareOrdinals[to] = ordinals[i] as number;
        if (carried !== undefined) spareTails[to] = carried[i] as number;
      }
      keys.set(spareHeads.subarray(begin, end), begin);
      ordinals.set(spareOrdinals.subarray(begin, end), begin);
      carried?.set(spareTails.subarray(begin, end), begin);
    }
  }

  /** Where the first key with each digit has its place. */
  private placesOfDigits(keys: Uint32Array, begin: number, end: number, shift: number, mask: number): Uint32Array {
    const { counts } = this;
    counts.fill(0, 0, mask + 1);
    for (let i = begin; i < end; i++) increment(counts, ((keys[i] as number) >>> shift) & mask);
    let place = begin;
    for (let digit = 0; digit <= mask; digit++) {
      const count = counts[digit] as number;
      counts[digit] = place;
      place += count;
    }
    return counts;
  }

  /** Sorts ordinals by their heads and tails. Stable. */
  private insertionSort(ordinals: Uint32Array, begin: number, end: number): void {
    const { heads, tails } = this.keys;
    for (let i = begin + 1; i < end; i++) {
      const head = heads[i] as number;
      const tail = tails[i] as number;
      const ordinal = ordinals[i] as number;
      let at = i;
      for (; at > begin; at--) {
        const before = heads[at - 1] as number;
        if (before < head || (before === head && (tails[at - 1] as number) <= tail)) break;
        heads[at] = before;
        tails[at] = tails[at - 1] as number;
        ordinals[at] = ordinals[at - 1] as number;
      }
      heads[at] = head;
      tails[at] = tail;
      ordinals[at] = ordinal;
    }
  }
}

function endOfEqual(numbers: Uint32Array, begin: number, end: number): number {
  let stop = begin + 1;
  while (stop < end && numbers[stop] === numbers[begin]) stop++;
  return stop;
}
