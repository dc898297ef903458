/**
 * The ordered index of one bucket in one memtable: ordinals of the first record of each key.
 *
 *   put, key above all others ──▶ ascending   (appended, never searched; a sequential load ends here)
 *   put, any other key ─────────▶ pending     (unsorted)
 *   first range read ───────────▶ pending is sorted and moved into the tree (sorted-btree, the only user of which this file is)
 *
 * So a put never pays for order that nobody reads, and a range read pays for each key once: a large batch is sorted and the
 * tree built in bulk (about 0.3 µs a key), a small one is inserted (about 1 µs a key).
 *
 * Keys are compared by their heads (key-comparer.ts), which are taken right after the bytes that all keys of the bucket begin with. Heads
 * are made with the order, at the first range read; where a later key shares less with the others, all are made anew, which happens at
 * most once for each byte of a key.
 *
 * Example: keys 000000120, 000000300 and 000000301 share 000000; their heads are those of 120, 300 and 301.
 *
 * Invariants:
 * 1. Each key of the bucket is in exactly one of ascending, pending and tree, as the ordinal of its first record.
 * 2. `ascending` is in strictly ascending key order. After `settle`, pending is empty.
 * 3. After `settle` the heads of all keys are taken at `headDepth`, and all keys are equal before it.
 * 4. Nothing is ever deleted from the tree: a tombstone is a record, and a rolled-back key stays without versions.
 */
import BTreeModule from 'sorted-btree';
import { bulkLoad } from 'sorted-btree/extended/bulkLoad.js';
import { compareBytes } from '../format/bytes.js';
import { type KeyComparer, searchedKey } from './key-comparer.js';
import { sortRecords } from './record-sort.js';

type BTree = InstanceType<typeof BTreeModule.default<number, undefined>>;
const nodeSizeMax = 64;
/** Up to this many pending keys, or a quarter of the tree, are inserted one by one; more are merged in bulk. */
const insertMax = 64;

/** Ordinals in a typed array that grows. */
class OrdinalList {
  items = new Uint32Array(16);
  length = 0;

  push(ordinal: number): void {
    if (this.length === this.items.length) {
      const grown = new Uint32Array(this.length * 2);
      grown.set(this.items);
      this.items = grown;
    }
    this.items[this.length++] = ordinal;
  }
}

/** The keys of one bucket in one memtable, in order as soon as somebody asks. */
export class BucketOrder {
  private readonly ascending = new OrdinalList();
  private pending = new OrdinalList();
  private tree: BTree | undefined;
  private readonly compare: (a: number, b: number) => number;
  /** Bytes that all keys begin with, the prefix of the bucket included; the first key is a sample of them. */
  private sharedBytes = 0;
  private sampleOrdinal = 0;
  private headDepth = -1;
  /** Ascending keys that have a head. */
  private headedAscending = 0;

  constructor(private readonly comparer: KeyComparer) {
    this.compare = (a, b) => comparer.compare(a, b, this.headDepth);
  }

  /** Takes the first record of a key, which is bytes[start, end). */
  add(ordinal: number, bytes: Uint8Array, start: number, end: number): void {
    const { ascending } = this;
    if (ascending.length === 0) {
      this.sharedBytes = end - start;
      this.sampleOrdinal = ordinal;
    } else {
      this.sharedBytes = this.sharedWithSample(bytes, start, Math.min(this.sharedBytes, end - start));
      if (!this.isAboveAll(bytes, start, end)) {
        this.pending.push(ordinal);
        return;
      }
    }
    ascending.push(ordinal);
  }

  /**
   * Fills `out` with ordinals in key order from the searched key on (`forward`: at or after it, or only after it where `exclusive`;
   * otherwise before it, descending) and returns how many it found.
   */
  collect(target: Uint8Array, start: number, end: number, forward: boolean, exclusive: boolean, out: Uint32Array): number {
    this.settle();
    this.comparer.setSearchedKey(target, start, end, this.headDepth, this.sampleOrdinal);
    return forward ? this.collectForward(exclusive, out) : this.collectBackward(out);
  }

  /** How many of its first bytes, at most so many, a key shares with the sample. */
  private sharedWithSample(bytes: Uint8Array, start: number, most: number): number {
    const { reader } = this.comparer;
    reader.locate(this.sampleOrdinal);
    const { bytes: sample, keyStart } = reader;
    let shared = 0;
    while (shared < most && bytes[start + shared] === sample[keyStart + shared]) shared++;
    return shared;
  }

  /** Whether a key comes after the last of the ascending ones, which shares its first bytes. */
  private isAboveAll(bytes: Uint8Array, start: number, end: number): boolean {
    const { ascending, sharedBytes } = this;
    const { reader } = this.comparer;
    reader.locate(ascending.items[ascending.length - 1] as number);
    return compareBytes(bytes, start + sharedBytes, end, reader.bytes, reader.keyStart + sharedBytes, reader.keyEnd) > 0;
  }

  private collectForward(exclusive: boolean, out: Uint32Array): number {
    const { items, length } = this.ascending;
    let at = this.lowerBound();
    if (exclusive && at < length && this.compare(items[at] as number, searchedKey) === 0) at++;
    const fromTree = this.treeKeys(true, exclusive, out.length);
    let taken = 0;
    let count = 0;
    while (count < out.length && (at < length || taken < fromTree.length)) {
      const useTree =
        at >= length || (taken < fromTree.length && this.compare(fromTree[taken] as number, items[at] as number) < 0);
      out[count++] = useTree ? (fromTree[taken++] as number) : (items[at++] as number);
    }
    return count;
  }

  private collectBackward(out: Uint32Array): number {
    const { items } = this.ascending;
    let at = this.lowerBound() - 1;
    const fromTree = this.treeKeys(false, true, out.length);
    let taken = 0;
    let count = 0;
    while (count < out.length && (at >= 0 || taken < fromTree.length)) {
      const useTree = at < 0 || (taken < fromTree.length && this.compare(fromTree[taken] as number, items[at] as number) > 0);
      out[count++] = useTree ? (fromTree[taken++] as number) : (items[at--] as number);
    }
    return count;
  }

  /** First place in `ascending` whose key is not below the searched key. */
  private lowerBound(): number {
    const { items } = this.ascending;
    let low = 0;
    let high = this.ascending.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare(items[middle] as number, searchedKey) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private treeKeys(forward: boolean, exclusive: boolean, limit: number): number[] {
    const found: number[] = [];
    if (this.tree === undefined) return found;
    const pair: [number, undefined] = [0, undefined];
    const entries = forward ? this.tree.entries(searchedKey, pair) : this.tree.entriesReversed(searchedKey, pair, true);
    for (const [ordinal] of entries) {
      if (found.length === 0 && forward && exclusive && this.compare(ordinal, searchedKey) === 0) continue;
      found.push(ordinal);
      if (found.length === limit) break;
    }
    return found;
  }

  private settle(): void {
    this.makeHeads();
    const count = this.pending.length;
    if (count === 0) return;
    const sorted = this.pending.items.slice(0, count).reverse();
    sortRecords(this.comparer.reader, sorted, this.headDepth);
    this.pending = new OrdinalList();
    const tree = this.tree;
    if (tree !== undefined && count <= Math.max(insertMax, tree.size / 4)) {
      for (const ordinal of sorted) tree.set(ordinal, undefined);
      return;
    }
    const merged = tree === undefined ? Array.from(sorted) : this.mergeSorted(tree.keysArray(), sorted);
    this.tree = bulkLoad(merged, new Array<undefined>(merged.length).fill(undefined), nodeSizeMax, this.compare) as BTree;
  }

  private makeHeads(): void {
    const { comparer, ascending, pending, sharedBytes } = this;
    comparer.reserveHeads();
    if (this.headDepth !== sharedBytes) {
      // Listed before the first head changes: the tree compares keys also while it walks over them.
      const inTree = this.tree?.keysArray() ?? [];
      this.headDepth = sharedBytes;
      this.headedAscending = 0;
      for (let i = 0; i < inTree.length; i++) comparer.makeHead(inTree[i] as number, sharedBytes);
    }
    for (; this.headedAscending < ascending.length; this.headedAscending++) {
      comparer.makeHead(ascending.items[this.headedAscending] as number, sharedBytes);
    }
    for (let i = 0; i < pending.length; i++) comparer.makeHead(pending.items[i] as number, sharedBytes);
  }

  private mergeSorted(a: readonly number[], b: Uint32Array): number[] {
    const merged: number[] = [];
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
      const useA = j >= b.length || (i < a.length && this.compare(a[i] as number, b[j] as number) < 0);
      merged.push(useA ? (a[i++] as number) : (b[j++] as number));
    }
    return merged;
  }
}
