/**
 * Values that point reads ask for again and again: key and value side by side, where the hash of the key leads at once.
 *
 * A point read that goes through filter, index, block and lookup waits for some seven lines of memory one after the other, nearly each of
 * them in a page of its own. A row that is here takes two: a bucket of slots, and the row. It is a copy of what a block holds and may go
 * at any time.
 *
 *   slots    hash → address, in row-slots.ts
 *   chunks   | row | row | row | free |        filled one after the other; the oldest goes first, whole
 *   row      | as of, f64 | key bytes u32 | value bytes u32 | key | value | padding to 8 |
 *   address  | number of the chunk, 15 bits | offset ÷ 8, 17 bits |
 *
 * A row says what a key had **as of** a sequence: of all versions up to it the newest is this value. So it decides for every later view, as
 * soon as that has looked into all memtables, and into the runs with records that are younger than the row. Merges change nothing of
 * what a key has, and a row outlives them. One that was checked by a read is as of the view of that read.
 *
 *   view ≥ as of:    memtables ─ absent ─▶ runs before the first with a maxSequence ≤ as of ─ absent ─▶ the row
 *
 * The view of an open section counts as well: where the section is undone, its sequences are not given again (memtable.ts).
 *
 * Every value that a point read found in a table is offered as a row, unless a younger row of its key is there. Long ones are not taken, and
 * where those that went had hardly been found, and misses are rare, only some are. How much memory rows may take is not decided here but by
 * the cache of blocks (block-cache.ts), of which this is a part.
 *
 * Invariants:
 * 1. A slot whose chunk is gone is as good as free. Numbers are given to chunks again only after all slots were cleared.
 * 2. The key is compared in the row itself: no false positives.
 * 3. Found bytes stay as they are until the next call of `add`.
 */
import { equalBytes } from '../format/bytes.js';
import type { FoundValue } from '../format/entry-cursor.js';
import { allocateForRows, bucketWords, type RowBudget, RowSlots } from './row-slots.js';

/** A chunk is a 64th of the budget, within these bounds. */
const rowChunkBytesMin = 16 * 1024;
const rowChunkBytesMax = 1024 * 1024;
const rowHeaderBytes = 16;
const offsetBits = 17;
const offsetMask = 2 ** offsetBits - 1;
const chunkNumberMax = 2 ** (32 - offsetBits) - 1;
/** A longer row gains little: what its read costs is to copy it. */
const rowBytesMax = 4096;
/** To add a row costs about half of what finding it spares (docs/decisions/0018-rows.md). */
const hitsToPay = 1 / 2;
const takenEveryMax = 8;
/** A read that misses costs so many times what it costs to add a row. */
const readsOfMiss = 16;

/** No row of the key is here, or one that is younger than the view. */
export const rowAbsent = -1;
export const rowTooYoung = -2;

interface Chunk {
  readonly memory: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly sequences: Float64Array;
  usedBytes: number;
  rowCount: number;
  /** How often a row of it was found. */
  hits: number;
}

/** The rows of one database. */
export class RowCache {
  private readonly chunkBytes: number;
  private readonly slots: RowSlots;
  /** Oldest first; rows are added to the last one. */
  private readonly chunks: Chunk[] = [];
  /** Number of chunks[0]. */
  private firstNumber = 1;
  private rowCount = 0;
  /** One of so many rows that are offered is taken. */
  private takenEvery = 1;
  private offered = 0;
  private lastMisses = 0;
  /** The row that was found last: its chunk and its place among the sequences there. */
  private lastSequences: Float64Array = new Float64Array(1);
  private lastPlace = 0;

  constructor(
    private readonly budget: RowBudget,
    budgetBytes: number,
  ) {
    this.slots = new RowSlots(budget, (address) => address >>> offsetBits >= this.firstNumber);
    this.chunkBytes = Math.max(rowChunkBytesMin, Math.min(rowChunkBytesMax, 2 ** Math.floor(Math.log2(budgetBytes / 64))));
  }

  /**
   * Looks for the row of key[0, keyEnd), whose hash is given. Gives the sequence as of which it is, and then `found` says where the value is;
   * rowAbsent or rowTooYoung, and then `found` is as it was.
   */
  find(key: Uint8Array, keyEnd: number, hash: number, viewSequence: number, found: FoundValue): number {
    const { slots } = this;
    if (slots.isEmpty) return rowAbsent;
    const wanted = hash | 0;
    const bucket = slots.bucketOf(wanted);
    const segment = slots.segmentOf(bucket);
    const first = slots.wordOf(bucket);
    for (let slot = first; slot < first + bucketWords; slot += 2) {
      if (segment[slot] !== wanted) continue;
      const address = segment[slot + 1] as number;
      const index = (address >>> offsetBits) - this.firstNumber;
      // The chunk is gone, or the slot is free. It is not looked for: an index below 0 is a name to an array, and slow.
      if (index < 0) continue;
      const chunk = this.chunks[index] as Chunk;
      const place = address & offsetMask;
      const { bytes, words, sequences } = chunk;
      const keyAt = place * 8 + rowHeaderBytes;
      if (words[place * 2 + 2] !== keyEnd || !equalBytes(bytes, keyAt, keyAt + keyEnd, key, 0, keyEnd)) continue;
      const sequence = sequences[place] as number;
      if (sequence > viewSequence) return rowTooYoung;
      chunk.hits++;
      this.lastSequences = sequences;
      this.lastPlace = place;
      found.bytes = bytes;
      found.start = keyAt + keyEnd;
      found.end = found.start + (words[place * 2 + 3] as number);
      return sequence;
    }
    return rowAbsent;
  }

  /** The row that was found last is as of this view too: nothing younger was found for it. */
  confirm(viewSequence: number): void {
    this.lastSequences[this.lastPlace] = viewSequence;
  }

  /**
   * Is offered the value that key[0, keyEnd) has as of a sequence. Takes the place of an older row of the key; others may go for it. Keeps no
   * bytes of the caller's.
   */
  add(key: Uint8Array, keyEnd: number, hash: number, sequence: number, value: FoundValue): void {
    const valueBytes = value.end - value.start;
    const rowBytes = (rowHeaderBytes + keyEnd + valueBytes + 7) & ~7;
    if (rowBytes > rowBytesMax || ++this.offered % this.takenEvery !== 0) return;
    const chunk = this.chunkWithRoom(rowBytes);
    if (chunk === undefined || !this.slots.reserve(this.rowCount)) return;
    const at = chunk.usedBytes;
    const { bytes, words, sequences } = chunk;
    sequences[at / 8] = sequence;
    words[at / 4 + 2] = keyEnd;
    words[at / 4 + 3] = valueBytes;
    for (let from = 0, to = at + rowHeaderBytes; from < keyEnd; from++, to++) bytes[to] = key[from] as number;
    copyBytes.call(value.bytes, bytes, at + rowHeaderBytes + keyEnd, value.start, value.end);
    chunk.usedBytes += rowBytes;
    chunk.rowCount++;
    this.rowCount++;
    const number = this.firstNumber + this.chunks.length - 1;
    this.slots.put(hash | 0, (number << offsetBits) | (at / 8));
  }

  /** Gives up the oldest rows, and with the last of them the slots. */
  dropOldest(): void {
    const chunk = this.chunks.shift();
    if (chunk !== undefined) {
      this.firstNumber++;
      this.rowCount -= chunk.rowCount;
      this.budget.returnFromRows(this.chunkBytes);
    }
    if (this.chunks.length === 0) this.slots.clear();
  }

  /** Gives up all rows. After that chunks can have the first numbers again. */
  clear(): void {
    while (this.chunks.length > 0) this.dropOldest();
    this.firstNumber = 1;
  }

  /** The chunk to which so many bytes can be added, or undefined where rows get no memory. */
  private chunkWithRoom(rowBytes: number): Chunk | undefined {
    const last = this.chunks[this.chunks.length - 1];
    if (last !== undefined && last.usedBytes + rowBytes <= this.chunkBytes) return last;
    const memory = allocateForRows(this.budget, this.chunkBytes) ?? this.memoryOfOldest();
    if (memory === undefined) return undefined;
    if (this.firstNumber + this.chunks.length > chunkNumberMax) this.clear();
    const chunk = {
      memory,
      bytes: new Uint8Array(memory),
      words: new Uint32Array(memory),
      sequences: new Float64Array(memory),
      usedBytes: 0,
      rowCount: 0,
      hits: 0,
    };
    this.chunks.push(chunk);
    return chunk;
  }

  /** Gives up the oldest chunk, whose memory then serves the next one. Undefined where there is none, or rows may not keep so much. */
  private memoryOfOldest(): ArrayBuffer | undefined {
    const [oldest] = this.chunks;
    if (oldest === undefined) return undefined;
    this.learnFrom(oldest);
    this.dropOldest();
    return this.budget.takeForRows(this.chunkBytes) ? oldest.memory : undefined;
  }

  /** Where misses are rare, rows that were seldom found had not been worth adding: fewer are taken. */
  private learnFrom({ rowCount, hits }: Chunk): void {
    const { misses } = this.budget;
    const areMissesRare = (misses - this.lastMisses) * readsOfMiss < rowCount;
    this.takenEvery = areMissesRare && hits < rowCount * hitsToPay ? takenEveryMax : 1;
    this.lastMisses = misses;
  }
}

/** `copy` of Buffer, which works on any Uint8Array and is faster than `set` of a `subarray`. */
const copyBytes = Buffer.prototype.copy;
