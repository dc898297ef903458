/**
 * Which stored records a full compaction would keep, were it run now.
 *
 *   kept ⇔ a value ∧ the newest of its key in its own source ∧ its bucket exists ∧ no newer source has its key
 *
 * So each source can be looked at on its own, with a look into the newer ones for the keys at hand; nothing has to be merged, and
 * memtables need not be sorted. Old versions that live views still pin count as gone: a view does not last.
 *
 * Invariants:
 * 1. What is answered is the unlocked state at the time of construction. Nothing may be written in between.
 * 2. A block that holds a single entry is never read: its key stands in the index.
 * 3. The blocks that are read for one sampled block are at most its entries for each newer run, and mostly one or two.
 */
import { compareBytes } from '../format/bytes.js';
import type { FoundValue } from '../format/entry-cursor.js';
import { pointAbsent } from '../format/entry-cursor.js';
import { readBucketId } from '../format/internal-key.js';
import { hashKey } from '../format/key-hash.js';
import { catalogBucketId } from '../limits.js';
import type { Memtable } from '../memtable/memtable.js';
import type { Block } from '../sstable/block.js';
import type { BlockCache } from '../sstable/block-cache.js';
import type { TableIndex } from '../sstable/table-index.js';
import type { TableReader } from '../sstable/table-reader.js';
import type { Engine } from './engine.js';
import type { ReadableRun } from './live-runs.js';

/** The unlocked state, asked for what of it would survive. */
export class Survival {
  /** Newest unlocked sequence. */
  readonly viewSequence: number;
  /** Oldest first; those without records are left out. */
  readonly memtables: readonly Memtable[];
  /** Newest first. */
  readonly runs: readonly ReadableRun[];
  /** Entries looked at and blocks read so far, as a measure of time: a unit is about 0.1 µs. */
  work = 0;
  private readonly liveBuckets = new Set<number>([catalogBucketId]);
  private readonly found: FoundValue = { bytes: new Uint8Array(0), start: 0, end: 0 };
  private readonly cache: BlockCache;
  private lastBucketId = -1;
  private lastBucketIsLive = false;

  constructor({ parts, writes }: Engine) {
    this.viewSequence = writes.unlockedSequence - 1;
    const slots = [...parts.memtables.sealed, parts.memtables.active];
    this.memtables = slots.map((slot) => slot.memtable).filter((memtable) => memtable.recordCount > 0);
    this.runs = parts.versions.runs;
    this.cache = parts.cache;
    for (const bucket of parts.catalog.list(this.viewSequence)) this.liveBuckets.add(bucket.id);
  }

  /** Whether the bucket of an internal key exists. */
  isInLiveBucket(key: Uint8Array, start: number, end: number): boolean {
    const id = readBucketId(key, start, end);
    if (id !== this.lastBucketId) {
      this.lastBucketId = id;
      this.lastBucketIsLive = this.liveBuckets.has(id);
    }
    return this.lastBucketIsLive;
  }

  /**
   * Whether a value in the `place`-th memtable, which stands at `value` in its arena and has the internal key key[start, end), is kept.
   */
  keepsRecord(place: number, key: Uint8Array, start: number, end: number, value: Uint8Array): boolean {
    if (!this.isInLiveBucket(key, start, end)) return false;
    const { found, viewSequence } = this;
    const hash = hashKey(key, start, end);
    const own = this.memtables[place]?.get(key, start, end, hash, viewSequence, found) ?? pointAbsent;
    const isNewest =
      own !== pointAbsent && found.bytes.buffer === value.buffer && found.bytes.byteOffset + found.start === value.byteOffset;
    return isNewest && !this.isInMemtables(place + 1, key, start, end, hash);
  }

  /** Whether a value of the run `rank` with this key, the newest there, is kept. */
  keepsKey(rank: number, key: Uint8Array, start: number, end: number): boolean {
    if (!this.isInLiveBucket(key, start, end)) return false;
    if (this.memtables.length > 0 && this.isInMemtables(0, key, start, end, hashKey(key, start, end))) return false;
    for (let newer = 0; newer < rank; newer++) {
      if (this.runHasKey(this.runs[newer] as ReadableRun, key, start, end)) return false;
    }
    return true;
  }

  /**
   * Sets kept[i] to 1 for each entry of a block of the run `rank` that is kept, to 0 for the others, and returns how many are. `kept` has
   * room for all. `beginsInside`: the first key began in the block before.
   */
  keptEntries(rank: number, block: Block, beginsInside: boolean, kept: Uint8Array): number {
    const count = block.entryCount;
    const { bytes } = block;
    this.work += count;
    for (let i = 0; i < count; i++) {
      const start = block.keyStart(i);
      const end = block.keyEnd(i);
      const isOlderVersion = i === 0 ? beginsInside : block.sequences !== undefined && block.hasKey(i - 1, bytes, start, end);
      kept[i] = !isOlderVersion && !block.isTombstone(i) && this.isInLiveBucket(bytes, start, end) ? 1 : 0;
    }
    if (this.memtables.length > 0) this.hideByMemtables(block, kept);
    for (let newer = 0; newer < rank; newer++) this.hideByRun(this.runs[newer] as ReadableRun, block, kept);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += kept[i] as number;
    return sum;
  }

  /** A block of a table; work, most of all where it is not in memory. */
  readBlock(reader: TableReader, number: number): Block {
    const { misses } = this.cache;
    const block = reader.block(number, false);
    this.work += this.cache.misses === misses ? 10 : 100 + block.bytes.length / 256;
    return block;
  }

  /** The index of a table; work, where it is not in memory. */
  readIndex(reader: TableReader): TableIndex {
    const { misses } = this.cache;
    const index = reader.index();
    if (this.cache.misses !== misses) this.work += 2 * index.blockCount;
    return index;
  }

  private isInMemtables(from: number, key: Uint8Array, start: number, end: number, hash: number): boolean {
    const { memtables, viewSequence, found } = this;
    this.work += 3 * (memtables.length - from);
    for (let i = memtables.length - 1; i >= from; i--) {
      if ((memtables[i] as Memtable).get(key, start, end, hash, viewSequence, found) !== pointAbsent) return true;
    }
    return false;
  }

  private hideByMemtables(block: Block, kept: Uint8Array): void {
    const { bytes } = block;
    for (let i = 0; i < block.entryCount; i++) {
      if (kept[i] === 0) continue;
      const start = block.keyStart(i);
      const end = block.keyEnd(i);
      if (this.isInMemtables(0, bytes, start, end, hashKey(bytes, start, end))) kept[i] = 0;
    }
  }

  /** Leaps from block to block of the run, only to those that may hold a key that is still kept. */
  private hideByRun(run: ReadableRun, block: Block, kept: Uint8Array): void {
    const count = block.entryCount;
    const { bytes } = block;
    let i = 0;
    for (;;) {
      while (i < count && kept[i] === 0) i++;
      if (i === count) return;
      const start = block.keyStart(i);
      const end = block.keyEnd(i);
      const place = firstTableUpTo(run, bytes, start, end);
      const table = run.tables[place];
      if (table === undefined) return;
      const { smallestKey } = table;
      if (compareBytes(bytes, start, end, smallestKey, 0, smallestKey.length) < 0) {
        const next = block.find(smallestKey, 0, smallestKey.length);
        i = next < 0 ? ~next : next;
        continue;
      }
      const reader = run.readers[place] as TableReader;
      const index = this.readIndex(reader);
      const number = index.find(bytes, start, end);
      i = number === index.blockCount ? i + 1 : this.hideByBlock(reader, index, number, block, i, kept);
    }
  }

  /** Hides the entries from `from` on that the block `number` has too; returns the first entry beyond its last key. */
  private hideByBlock(
    reader: TableReader,
    index: TableIndex,
    number: number,
    block: Block,
    from: number,
    kept: Uint8Array,
  ): number {
    const count = block.entryCount;
    const { bytes } = block;
    const isSingle = index.handle(number).entryCount === 1;
    const newer = isSingle ? index.lastKeys : this.readBlock(reader, number);
    const first = isSingle ? number : newer.find(bytes, block.keyStart(from), block.keyEnd(from));
    const end = isSingle ? number + 1 : newer.entryCount;
    let j = first < 0 ? ~first : first;
    let i = from;
    this.work += end - j;
    while (i < count && j < end) {
      const difference = compareBytes(bytes, block.keyStart(i), block.keyEnd(i), newer.bytes, newer.keyStart(j), newer.keyEnd(j));
      if (difference === 0) kept[i] = 0;
      if (difference <= 0) i++;
      else j++;
    }
    // The last key is not below the one at `from`, so this moved; an index that contradicts its block must not make it endless.
    return Math.max(i, from + 1);
  }

  private runHasKey(run: ReadableRun, key: Uint8Array, start: number, end: number): boolean {
    const place = firstTableUpTo(run, key, start, end);
    const table = run.tables[place];
    if (table === undefined || compareBytes(key, start, end, table.smallestKey, 0, table.smallestKey.length) < 0) return false;
    const reader = run.readers[place] as TableReader;
    const index = this.readIndex(reader);
    const number = index.find(key, start, end);
    if (number === index.blockCount) return false;
    this.work += 10;
    if (index.lastKeys.hasKey(number, key, start, end)) return true;
    return index.handle(number).entryCount > 1 && this.readBlock(reader, number).find(key, start, end) >= 0;
  }
}

/** The first table of a run whose largest key is not below the key. */
function firstTableUpTo(run: ReadableRun, key: Uint8Array, start: number, end: number): number {
  const { tables } = run;
  let low = 0;
  let high = tables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { largestKey } = tables[middle] as (typeof tables)[number];
    if (compareBytes(largestKey, 0, largestKey.length, key, start, end) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
