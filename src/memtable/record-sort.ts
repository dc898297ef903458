/**
 * Sorting ordinals of records by key, and records of one key newest first.
 *
 * Most significant digit first, with digits of six bytes (`keyHead`): each group that is equal so far is sorted by its next six
 * bytes with a least significant digit radix sort over that number (4 passes of at most 14 bits), small groups by comparing keys.
 * Sources: LSD and MSD radix sort as in Knuth, The Art of Computer Programming 3, 5.2.5.
 *
 * Both sorts are stable and the ordinals start in descending order, which is what puts records of one key newest first.
 *
 * Worked example (digits of one byte): ordinals 4:b 3:ab 2:b 1:a → by first byte [3:ab 1:a] [4:b 2:b]; the first group has
 * keys that go on, so it is sorted again by the second byte: 1:a 3:ab; the second is one key, newest first: 4 2.
 */
import { keyHeadHigh, keyHeadLow, type RecordReader } from './record-table.js';

const smallGroup = 24;
/** A head has 27 lower and 24 upper bits: the lower are sorted by digits of 13 and 14 bits, the upper by two of 12. */
const lowDigitBits = 13;
const highDigitBits = 12;
/** Where the counts of each digit begin, and all end. */
const countsBegin = [0, 2 ** 13, 2 ** 13 + 2 ** 14, 2 ** 14 + 2 ** 13 + 2 ** 12, 2 ** 15] as const;
const passes = 4;

/** Sorts `ordinals` (which must be in descending order) in place; keys are equal in their first `skip` bytes. */
export function sortRecords(reader: RecordReader, ordinals: Uint32Array, skip: number): void {
  const workspace = new SortWorkspace(ordinals.length);
  // Groups still to sort, as begin, end, depth: a stack instead of recursion, for keys may be long.
  const groups: number[] = [0, ordinals.length, skip];
  while (groups.length > 0) {
    const depth = groups.pop() as number;
    const end = groups.pop() as number;
    const begin = groups.pop() as number;
    if (end - begin <= smallGroup) {
      insertionSort(reader, ordinals, begin, end, depth);
    } else {
      workspace.sortByHead(reader, ordinals, begin, end, depth);
      workspace.pushEqualGroups(groups, begin, end, depth);
    }
  }
}

function insertionSort(reader: RecordReader, ordinals: Uint32Array, begin: number, end: number, depth: number): void {
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
  /** Halves of the head of the record at each place, in step with the ordinals. Whole numbers: a remainder of doubles is a slow call. */
  private readonly lows: Uint32Array;
  private readonly highs: Uint32Array;
  private readonly spareLows: Uint32Array;
  private readonly spareHighs: Uint32Array;
  private readonly spareOrdinals: Uint32Array;
  private readonly counts = new Uint32Array(countsBegin[passes]);

  constructor(size: number) {
    const needed = size > smallGroup ? size : 0;
    this.lows = new Uint32Array(needed);
    this.highs = new Uint32Array(needed);
    this.spareLows = new Uint32Array(needed);
    this.spareHighs = new Uint32Array(needed);
    this.spareOrdinals = new Uint32Array(needed);
  }

  sortByHead(reader: RecordReader, ordinals: Uint32Array, begin: number, end: number, depth: number): void {
    const { lows, highs, counts } = this;
    counts.fill(0);
    for (let i = begin; i < end; i++) {
      reader.locate(ordinals[i] as number);
      const start = reader.keyStart + depth;
      const low = keyHeadLow(reader.bytes, start, reader.keyEnd);
      const high = keyHeadHigh(reader.bytes, start, reader.keyEnd);
      lows[i] = low;
      highs[i] = high;
      increment(counts, low & 0x1fff);
      increment(counts, countsBegin[1] + (low >>> lowDigitBits));
      increment(counts, countsBegin[2] + (high & 0xfff));
      increment(counts, countsBegin[3] + (high >>> highDigitBits));
    }
    for (let pass = 0; pass < passes; pass++) this.scatter(ordinals, begin, end, pass);
  }

  /** One stable pass by one digit; skipped where all records have the same digit. */
  private scatter(ordinals: Uint32Array, begin: number, end: number, pass: number): void {
    const { lows, highs, spareLows, spareHighs, spareOrdinals, counts } = this;
    const base = countsBegin[pass] as number;
    const stop = countsBegin[pass + 1] as number;
    let at = begin;
    for (let digit = base; digit < stop; digit++) {
      const count = counts[digit] as number;
      if (count === end - begin) return;
      counts[digit] = at;
      at += count;
    }
    const digits = pass < 2 ? lows : highs;
    const shift = pass % 2 === 0 ? 0 : pass < 2 ? lowDigitBits : highDigitBits;
    const mask = stop - base - 1;
    for (let i = begin; i < end; i++) {
      const to = increment(counts, base + (((digits[i] as number) >>> shift) & mask));
      spareLows[to] = lows[i] as number;
      spareHighs[to] = highs[i] as number;
      spareOrdinals[to] = ordinals[i] as number;
    }
    lows.set(spareLows.subarray(begin, end), begin);
    highs.set(spareHighs.subarray(begin, end), begin);
    ordinals.set(spareOrdinals.subarray(begin, end), begin);
  }

  /** Groups whose heads are equal while their keys go on have to be sorted by their next bytes. */
  pushEqualGroups(groups: number[], begin: number, end: number, depth: number): void {
    const { lows, highs } = this;
    for (let i = begin; i < end;) {
      const low = lows[i] as number;
      const high = highs[i] as number;
      let stop = i + 1;
      while (stop < end && lows[stop] === low && highs[stop] === high) stop++;
      if (stop - i > 1 && (low & 7) === 7) groups.push(i, stop, depth + 6);
      i = stop;
    }
  }
}
