/**
 * The index of a memtable: hash of a key → its records, newest first; bucket → its keys in order. Made when somebody reads.
 *
 *   records    | … in the index … | taken, not in it yet |
 *              1                  indexedEnd             end
 *   slots      hash → first record of the key (hash-index.ts)   (r1)
 *   newest     first record → newest record                     (r1 → r4)
 *   previous   record → the version before it                   (r4 → r2 → r1 → 0)
 *   orders     bucket → first records of its keys (bucket-order.ts)
 *
 * A put stores the hash of its key and nothing else. Most memtables of a load are flushed without a read, and their index is never made;
 * where reads come between writes, each takes what was written since the one before. A point read does not take over all at once: some
 * records go to the index, a share of them where they are very many, and the hashes of the others are looked through, newest first, as
 * they lie side by side.
 *
 * Invariants:
 * 1. Records [1, indexedEnd) are in the index but for those that were dead when they were taken over; the rest are in `hashes` alone.
 * 2. `newest` never leads to a dead record: what is rolled back before it is taken over is passed by, afterwards it is unlinked.
 * 3. A key whose records were all rolled back keeps its slot and its place in the order, without versions.
 * 4. Room for a record is there before the record is: taking over never asks for memory but for orders. Where there is none, the read
 *    fails, and the record at hand is not in the index, with nothing of it changed.
 */
import { equalBytes } from '../format/bytes.js';
import { bucketPrefixLength, readBucketId } from '../format/internal-key.js';
import { BucketOrder } from './bucket-order.js';
import { HashIndex } from './hash-index.js';
import { KeyComparer } from './key-comparer.js';
import { kindDead } from './record.js';
import type { RecordReader } from './record-table.js';

/** Records that a point read takes over: a tenth of a millisecond. */
const recordsPerRead = 1024;
/**
 * Of very many it takes over a share, which costs about as much as to look through the hashes of all. With as many at each read whatever is
 * left, reads of a section of ten million records would look through hashes for a minute before its index was there.
 */
const sharePerRead = 128;
/** Slots that are asked for ahead: loads that do not depend on one another overlap. */
const slotsAhead = 16;

export class KeyIndex {
  /** Ordinal that the next record gets; ordinal 0 is no record. */
  end = 1;
  private indexedEnd = 1;
  private hashes: Int32Array;
  private newest: Uint32Array;
  private previous: Uint32Array;
  private readonly slots: HashIndex;
  private readonly orders = new Map<number, BucketOrder>();
  private readonly comparer: KeyComparer;
  private lastBucketId = -1;
  private lastOrder: BucketOrder | undefined;

  constructor(
    /** Reads the records; nobody else moves it. */
    private readonly reader: RecordReader,
    /** Ordinals that there is room for. */
    public capacity: number,
  ) {
    this.hashes = new Int32Array(capacity);
    this.newest = new Uint32Array(capacity);
    this.previous = new Uint32Array(capacity);
    this.slots = new HashIndex(capacity);
    this.comparer = new KeyComparer(reader.another());
  }

  /** The column of addresses, which moves when it grows. */
  get addresses(): Uint32Array {
    return this.reader.addresses;
  }

  /** Takes the next record, whose key has this hash; the reader finds it from now on. There is room. */
  add(hash: number): void {
    this.hashes[this.end++] = hash;
  }

  /** Hash of the key of a record. */
  hashOf(ordinal: number): number {
    return this.hashes[ordinal] as number;
  }

  /** The newest version of key[keyStart, keyEnd) with an ordinal below `visibleEnd`, or 0. */
  find(key: Uint8Array, keyStart: number, keyEnd: number, hash: number, visibleEnd: number): number {
    if (this.indexedEnd < this.end) {
      const left = this.end - this.indexedEnd;
      this.takeOver(this.indexedEnd + Math.min(left, Math.max(recordsPerRead, Math.ceil(left / sharePerRead))));
      const ordinal = this.findNotIndexed(key, keyStart, keyEnd, hash, visibleEnd);
      if (ordinal !== 0) return ordinal;
    }
    return this.visibleVersion(this.firstRecord(key, keyStart, keyEnd, hash), visibleEnd);
  }

  /** The newest version of a key (given by its first record, 0 for none) below `visibleEnd` of those in the index, or 0. */
  visibleVersion(first: number, visibleEnd: number): number {
    let ordinal = this.newest[first] as number;
    while (ordinal !== 0 && ordinal >= visibleEnd) ordinal = this.previous[ordinal] as number;
    return ordinal;
  }

  /** The keys of a bucket in order, all records taken over; undefined where it has none. */
  order(bucketId: number): BucketOrder | undefined {
    this.takeOverAll();
    return this.orders.get(bucketId);
  }

  /** Takes over all records, so that orders have the keys of all. */
  takeOverAll(): void {
    this.takeOver(this.end);
  }

  /** Unlinks a record that was just marked as dead, after all later ones were. */
  forget(ordinal: number): void {
    if (ordinal >= this.indexedEnd) return;
    const { reader } = this;
    reader.locate(ordinal);
    const first = this.firstRecord(reader.bytes, reader.keyStart, reader.keyEnd, this.hashOf(ordinal));
    this.newest[first] = this.previous[ordinal] as number;
  }

  /** Makes room for `capacity` ordinals. `addresses` is the column that the readers go on with. Throws with nothing changed. */
  grow(capacity: number, addresses: Uint32Array): void {
    const hashes = new Int32Array(capacity);
    const newest = new Uint32Array(capacity);
    const previous = new Uint32Array(capacity);
    this.slots.reserve(capacity);
    hashes.set(this.hashes);
    newest.set(this.newest);
    previous.set(this.previous);
    this.hashes = hashes;
    this.newest = newest;
    this.previous = previous;
    this.capacity = capacity;
    this.reader.addresses = addresses;
    this.comparer.setAddresses(addresses);
  }

  /** Forgets all records. */
  clear(): void {
    if (this.indexedEnd > 1) this.slots.clear();
    this.orders.clear();
    this.reader.leave();
    this.comparer.leave();
    this.end = 1;
    this.indexedEnd = 1;
    this.lastBucketId = -1;
    this.lastOrder = undefined;
  }

  /** The same among the records that are not in the index. */
  private findNotIndexed(key: Uint8Array, keyStart: number, keyEnd: number, hash: number, visibleEnd: number): number {
    const { hashes, reader, indexedEnd } = this;
    const wanted = hash | 0;
    for (let ordinal = Math.min(this.end, visibleEnd) - 1; ordinal >= indexedEnd; ordinal--) {
      if (hashes[ordinal] !== wanted) continue;
      reader.locate(ordinal);
      if (reader.kind === kindDead) continue;
      if (equalBytes(reader.bytes, reader.keyStart, reader.keyEnd, key, keyStart, keyEnd)) return ordinal;
    }
    return 0;
  }

  /** First record of a key that is in the index, or 0. */
  private firstRecord(key: Uint8Array, keyStart: number, keyEnd: number, hash: number): number {
    const { slots, reader } = this;
    for (let slot = slots.firstSlot(hash); ; slot = slots.nextSlot(slot)) {
      const ordinal = slots.probe(slot, hash);
      if (ordinal === 0) return 0;
      if (ordinal < 0) continue;
      reader.locate(ordinal);
      if (equalBytes(reader.bytes, reader.keyStart, reader.keyEnd, key, keyStart, keyEnd)) return ordinal;
    }
  }

  /** Puts the records [indexedEnd, to) into the index. */
  private takeOver(to: number): void {
    const { hashes, slots, reader } = this;
    while (this.indexedEnd < to) {
      const stop = Math.min(to, this.indexedEnd + slotsAhead);
      slots.touch(hashes, this.indexedEnd, stop);
      for (let ordinal = this.indexedEnd; ordinal < stop; ordinal++) {
        reader.locate(ordinal);
        if (reader.kind !== kindDead) this.link(ordinal, hashes[ordinal] as number);
        this.indexedEnd = ordinal + 1;
      }
    }
  }

  /** Puts the record on which the reader stands into the index. Its order comes first, which may have no memory. */
  private link(ordinal: number, hash: number): void {
    const { slots, reader } = this;
    const { bytes, keyStart, keyEnd } = reader;
    for (let slot = slots.firstSlot(hash); ; slot = slots.nextSlot(slot)) {
      const first = slots.probe(slot, hash);
      if (first < 0) continue;
      if (first === 0) {
        this.addToOrder(ordinal, bytes, keyStart, keyEnd);
        slots.insert(slot, hash, ordinal);
        this.newest[ordinal] = ordinal;
        this.previous[ordinal] = 0;
        return;
      }
      reader.locate(first);
      if (!equalBytes(reader.bytes, reader.keyStart, reader.keyEnd, bytes, keyStart, keyEnd)) continue;
      this.previous[ordinal] = this.newest[first] as number;
      this.newest[first] = ordinal;
      return;
    }
  }

  private addToOrder(ordinal: number, bytes: Buffer, keyStart: number, keyEnd: number): void {
    const skip = bucketPrefixLength(bytes, keyStart, keyEnd);
    const bucketId = skip === 1 ? (bytes[keyStart] as number) : readBucketId(bytes, keyStart, keyEnd);
    if (bucketId !== this.lastBucketId || this.lastOrder === undefined) {
      this.lastOrder = this.orders.get(bucketId) ?? new BucketOrder(this.comparer);
      this.orders.set(bucketId, this.lastOrder);
      this.lastBucketId = bucketId;
    }
    this.lastOrder.add(ordinal, bytes, keyStart, keyEnd);
  }
}
