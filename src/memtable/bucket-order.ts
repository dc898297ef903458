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
 * Invariants:
 * 1. Each key of the bucket is in exactly one of ascending, pending and tree, as the ordinal of its first record.
 * 2. `ascending` is in strictly ascending key order. After `settle`, pending is empty.
 * 3. Nothing is ever deleted from the tree: a tombstone is a record, and a rolled-back key stays without versions.
 */
import BTreeModule from 'sorted-btree';
import { bulkLoad } from 'sorted-btree/extended/bulkLoad.js';
import { compareBytes } from '../format/bytes.js';
import { compareRecordKeys, keyHead, RecordReader } from './record-table.js';
import { sortRecords } from './record-sort.js';

type BTree = InstanceType<typeof BTreeModule.default<number, undefined>>;
const nodeSizeMax = 64;
/** Up to this many pending keys, or a quarter of the tree, are inserted one by one; more are merged in bulk. */
const insertMax = 64;
/** The ordinal that stands for the key that is searched. */
const searchedKey = 0;

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

/** The key heads of a memtable by ordinal, and the two readers that comparisons use. */
export class KeyComparer {
  heads: Float64Array;
  private target: Uint8Array = new Uint8Array(0);
  private targetStart = 0;
  private targetEnd = 0;
  private readonly right: RecordReader;

  constructor(
    readonly reader: RecordReader,
    heads: Float64Array,
  ) {
    this.heads = heads;
    this.right = reader.another();
  }

  /** After the columns of the memtable grew. */
  setColumns(addresses: Uint32Array, heads: Float64Array): void {
    this.reader.addresses = addresses;
    this.right.addresses = addresses;
    this.heads = heads;
  }

  /**
   * Makes target[start, end) the key that ordinal 0 stands for. A target outside the bucket (the end of its range, say) gets a
   * head below or above those of all its keys.
   */
  setSearchedKey(target: Uint8Array, start: number, end: number, prefix: Uint8Array): void {
    this.target = target;
    this.targetStart = start;
    this.targetEnd = end;
    const skip = prefix.length;
    const order = compareBytes(target, start, Math.min(end, start + skip), prefix, 0, skip);
    this.heads[searchedKey] = order === 0 ? keyHead(target, start + skip, end) : order * Number.POSITIVE_INFINITY;
  }

  /** Order of the keys of two records of one bucket, whose prefix of `skip` bytes is equal. */
  compare(a: number, b: number, skip: number): number {
    const difference = (this.heads[a] as number) - (this.heads[b] as number);
    if (difference !== 0) return difference;
    if ((this.heads[a] as number) % 8 !== 7) return 0;
    this.place(this.reader, a);
    this.place(this.right, b);
    return compareRecordKeys(this.reader, this.right, skip + 6);
  }

  private place(reader: RecordReader, ordinal: number): void {
    if (ordinal !== searchedKey) {
      reader.locate(ordinal);
      return;
    }
    reader.bytes = this.target as Buffer;
    reader.keyStart = this.targetStart;
    reader.keyEnd = this.targetEnd;
  }
}

export class BucketOrder {
  private readonly ascending = new OrdinalList();
  private pending = new OrdinalList();
  private tree: BTree | undefined;
  private readonly compare: (a: number, b: number) => number;

  constructor(
    private readonly comparer: KeyComparer,
    /** The bucket's prefix, which all keys share. */
    private readonly prefix: Uint8Array,
  ) {
    const skip = prefix.length;
    this.compare = (a, b) => comparer.compare(a, b, skip);
  }

  /** Takes the first record of a key, whose head is in the comparer. */
  add(ordinal: number): void {
    const { ascending } = this;
    if (ascending.length === 0 || this.compare(ordinal, ascending.items[ascending.length - 1] as number) > 0) ascending.push(ordinal);
    else this.pending.push(ordinal);
  }

  /**
   * Fills `out` with ordinals in key order from the searched key on (`forward`: at or after it, or only after it where `exclusive`;
   * otherwise before it, descending) and returns how many it found.
   */
  collect(target: Uint8Array, start: number, end: number, forward: boolean, exclusive: boolean, out: Uint32Array): number {
    this.settle();
    this.comparer.setSearchedKey(target, start, end, this.prefix);
    return forward ? this.collectForward(exclusive, out) : this.collectBackward(out);
  }

  private collectForward(exclusive: boolean, out: Uint32Array): number {
    const { items, length } = this.ascending;
    let at = this.lowerBound();
    if (exclusive && at < length && this.compare(items[at] as number, searchedKey) === 0) at++;
    const fromTree = this.treeKeys(true, exclusive, out.length);
    let taken = 0;
    let count = 0;
    while (count < out.length && (at < length || taken < fromTree.length)) {
      const useTree = at >= length || (taken < fromTree.length && this.compare(fromTree[taken] as number, items[at] as number) < 0);
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
    const count = this.pending.length;
    if (count === 0) return;
    const sorted = this.pending.items.slice(0, count).reverse();
    sortRecords(this.comparer.reader, sorted, this.prefix.length);
    this.pending = new OrdinalList();
    const tree = this.tree;
    if (tree !== undefined && count <= Math.max(insertMax, tree.size / 4)) {
      for (const ordinal of sorted) tree.set(ordinal, undefined);
      return;
    }
    const merged = tree === undefined ? Array.from(sorted) : this.mergeSorted(tree.keysArray(), sorted);
    this.tree = bulkLoad(merged, new Array<undefined>(merged.length).fill(undefined), nodeSizeMax, this.compare) as BTree;
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
