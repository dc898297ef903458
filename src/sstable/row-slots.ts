/**
 * From the hash of a key to the addresses of rows (row-cache.ts): a hash table that grows one bucket at a time.
 *
 *   bucket   | hash i32 | address i32 | × 8      64 bytes, one line of memory; address 0 is free
 *   segment  1024 buckets, one array
 *
 *   buckets  | split | split | not yet │ not yet | new | new |        linear hashing (W. Litwin, "Linear Hashing: A New Tool for File
 *            0                 ▲ next to be split                     and Table Addressing", 1980)
 *
 * Doubling a table of a million rows at once would hold up the read that does it for tens of milliseconds. Here an insertion splits one bucket
 * where the table is full enough.
 *
 * Invariants:
 * 1. With 2^n <= bucketCount < 2^(n+1): a hash belongs to the bucket of its n+1 low bits where there is one, else to that of its n low bits.
 * 2. What is put in may go again: a bucket that is full gives up its oldest address. Nothing here is more than a hint.
 */

/** Words of a bucket: of each slot the hash, then the address. */
export const bucketWords = 16;
const segmentBuckets = 1024;
const segmentBytes = segmentBuckets * bucketWords * 4;
/** Rows a bucket, of its eight slots, from which on the table grows. */
const rowsOfBucketMax = 3;
const bucketCountMax = 2 ** 28;

/** Who decides how much memory rows take. */
export interface RowBudget {
  /** Whether rows may have so many bytes more, which then count as theirs. */
  takeForRows(bytes: number): boolean;
  /** Blocks, filters and indexes that were read from files so far. */
  readonly misses: number;
  /** Rows have so many bytes less. */
  returnFromRows(bytes: number): void;
}

/** Memory that counts as taken for rows. Undefined where they may not have so much, or there is none: a read goes on without a row. */
export function allocateForRows(budget: RowBudget, bytes: number): ArrayBuffer | undefined {
  if (!budget.takeForRows(bytes)) return undefined;
  try {
    return new ArrayBuffer(bytes);
  } catch {
    budget.returnFromRows(bytes);
    return undefined;
  }
}

export class RowSlots {
  private bucketCount = 0;
  /** 2^n - 1. */
  private mask = 0;
  private readonly segments: Int32Array[] = [];

  constructor(
    private readonly budget: RowBudget,
    /** Whether there is still a row at an address. */
    private readonly isLive: (address: number) => boolean,
  ) {}

  get isEmpty(): boolean {
    return this.bucketCount === 0;
  }

  /** The bucket of a hash. Only where the table is not empty. */
  bucketOf(hash: number): number {
    const { mask } = this;
    const bucket = hash & (2 * mask + 1);
    return bucket < this.bucketCount ? bucket : bucket & mask;
  }

  /** Where the words of a bucket lie: in these, from `wordOf` on. */
  segmentOf(bucket: number): Int32Array {
    return this.segments[(bucket / segmentBuckets) | 0] as Int32Array;
  }

  wordOf(bucket: number): number {
    return (bucket % segmentBuckets) * bucketWords;
  }

  /** Grows by a bucket where `rowCount` rows ask for it and memory allows. False: there are no slots at all. */
  reserve(rowCount: number): boolean {
    const { bucketCount } = this;
    if (rowCount < bucketCount * rowsOfBucketMax || bucketCount === bucketCountMax) return true;
    if (bucketCount % segmentBuckets === 0) {
      const memory = allocateForRows(this.budget, segmentBytes);
      if (memory === undefined) return bucketCount > 0;
      this.segments.push(new Int32Array(memory));
    }
    if (bucketCount === 0) {
      this.bucketCount = segmentBuckets;
      this.mask = segmentBuckets - 1;
    } else {
      this.split(bucketCount - this.mask - 1);
    }
    return true;
  }

  /** Puts an address in the place of one with the same hash, where a slot is free, or in the place of the oldest address of its bucket. */
  put(hash: number, address: number): void {
    const bucket = this.bucketOf(hash);
    const words = this.segmentOf(bucket);
    const first = this.wordOf(bucket);
    let place = first;
    let oldestAge = Number.POSITIVE_INFINITY;
    for (let slot = first; slot < first + bucketWords; slot += 2) {
      const other = words[slot + 1] as number;
      const age = this.isLive(other) ? other >>> 0 : 0;
      if (words[slot] === hash && age > 0) {
        place = slot;
        break;
      }
      if (age < oldestAge) {
        place = slot;
        oldestAge = age;
      }
    }
    words[place] = hash;
    words[place + 1] = address;
  }

  /** Gives all memory back. */
  clear(): void {
    this.budget.returnFromRows(this.segments.length * segmentBytes);
    this.segments.length = 0;
    this.bucketCount = 0;
  }

  /** Divides a bucket between itself and a new one at the end. */
  private split(bucket: number): void {
    const bit = this.mask + 1;
    if (this.bucketCount === 2 * this.mask + 1) this.mask = this.bucketCount;
    this.bucketCount++;
    const words = this.segmentOf(bucket);
    const first = this.wordOf(bucket);
    for (let slot = first; slot < first + bucketWords; slot += 2) {
      const hash = words[slot] as number;
      const address = words[slot + 1] as number;
      if ((hash & bit) === 0 || address === 0) continue;
      words[slot + 1] = 0;
      if (this.isLive(address)) this.put(hash, address);
    }
  }
}
