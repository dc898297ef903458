/**
 * Sorting ordinals of records by key, and records of one key newest first.
 *
 * Most significant digit first, with digits of six bytes (`keyHead`): each group that is equal so far is sorted by its next six
 * bytes with a least significant digit radix sort over that number (4 passes of 13 bits), small groups by comparing keys.
 * Sources: LSD and MSD radix sort as in Knuth, The Art of Computer Programming 3, 5.2.5.
 *
 * Both sorts are stable and the ordinals start in descending order, which is what puts records of one key newest first.
 *
 * Worked example (digits of one byte): ordinals 4:b 3:ab 2:b 1:a → by first byte [3:ab 1:a] [4:b 2:b]; the first group has
 * keys that go on, so it is sorted again by the second byte: 1:a 3:ab; the second is one key, newest first: 4 2.
 */
import { keyHead, type RecordReader } from './record-table.js';

const smallGroup = 24;
const digitBits = 13;
const digitValues = 1 << digitBits;
const digitMask = digitValues - 1;
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
  /** Head of the record at each place, in step with the ordinals. */
  private heads: Float64Array;
  private spareHeads: Float64Array;
  private spareOrdinals: Uint32Array;
  private readonly counts = new Uint32Array(passes * digitValues);

  constructor(size: number) {
    const needed = size > smallGroup ? size : 0;
    this.heads = new Float64Array(needed);
    this.spareHeads = new Float64Array(needed);
    this.spareOrdinals = new Uint32Array(needed);
  }

  sortByHead(reader: RecordReader, ordinals: Uint32Array, begin: number, end: number, depth: number): void {
    const { heads, counts } = this;
    counts.fill(0);
    for (let i = begin; i < end; i++) {
      reader.locate(ordinals[i] as number);
      const head = keyHead(reader.bytes, reader.keyStart + depth, reader.keyEnd);
      heads[i] = head;
      const low = head % 0x400_0000;
      const high = (head - low) / 0x400_0000;
      increment(counts, low & digitMask);
      increment(counts, digitValues + (low >>> digitBits));
      increment(counts, 2 * digitValues + (high & digitMask));
      increment(counts, 3 * digitValues + (high >>> digitBits));
    }
    for (let pass = 0; pass < passes; pass++) this.scatter(ordinals, begin, end, pass);
  }

  /** One stable pass by one digit; skipped where all records have the same digit. */
  private scatter(ordinals: Uint32Array, begin: number, end: number, pass: number): void {
    const { heads, spareHeads, spareOrdinals, counts } = this;
    const base = pass * digitValues;
    let at = begin;
    for (let digit = base; digit < base + digitValues; digit++) {
      const count = counts[digit] as number;
      if (count === end - begin) return;
      counts[digit] = at;
      at += count;
    }
    const divisor = 2 ** (digitBits * pass);
    for (let i = begin; i < end; i++) {
      const head = heads[i] as number;
      const digit = base + (Math.floor(head / divisor) % digitValues);
      const to = increment(counts, digit);
      spareHeads[to] = head;
      spareOrdinals[to] = ordinals[i] as number;
    }
    heads.set(spareHeads.subarray(begin, end), begin);
    ordinals.set(spareOrdinals.subarray(begin, end), begin);
  }

  /** Groups whose heads are equal while their keys go on have to be sorted by their next bytes. */
  pushEqualGroups(groups: number[], begin: number, end: number, depth: number): void {
    const { heads } = this;
    for (let i = begin; i < end;) {
      const head = heads[i] as number;
      let stop = i + 1;
      while (stop < end && heads[stop] === head) stop++;
      if (stop - i > 1 && head % 8 === 7) groups.push(i, stop, depth + 6);
      i = stop;
    }
  }
}
