/**
 * The newest records, in memory: an arena of records (which are also the bytes of the log), a hash for point reads and a
 * sorted order for range reads that is made when it is first asked for.
 *
 *   arena      | r1 | r2 | r3 | r4 | …        one record a put or delete; ordinal n has sequence firstSequence + n - 1
 *   hash       key → first record of the key   (r1)
 *   newest     first record → newest record    (r1 → r4)
 *   previous   record → the version before it  (r4 → r2 → r1 → 0)
 *
 * So a put appends and stores three numbers; a view at sequence S follows `previous` to the newest version that it may see;
 * an overwrite never touches the sorted order.
 *
 * State machine: open (takes records) → frozen (by `freeze`, for flush) → recycled (`clear`, by the engine, when neither
 * worker nor log writer reads it any more).
 *
 * Invariants:
 * 1. Ordinals ascend with sequences; a sequence is given once. Rolling back marks records dead and gives nothing back.
 * 2. All versions stay readable until the memtable is gone.
 * 3. `usedBytes` counts records and their share of the index, so that the bound on memory is honest.
 */
import { VarveError } from '../errors.js';
import { equalBytes } from '../format/bytes.js';
import {
  type EntryCursor,
  type FoundValue,
  type PointRead,
  pointAbsent,
  pointTombstone,
  pointValue,
} from '../format/entry-cursor.js';
import { hashKey } from '../format/key-hash.js';
import { bucketPrefixLength, readBucketId } from '../format/internal-key.js';
import { Arena } from './arena.js';
import { BucketOrder, KeyComparer } from './bucket-order.js';
import { HashIndex } from './hash-index.js';
import { MemtableCursor } from './memtable-cursor.js';
import { kindDead, kindTombstone, kindValue, recordBytes, recordHeaderBytes } from './record.js';
import { type FrozenRecords, RecordReader } from './record-table.js';

/** Columns, hash slots and order: 4 + 4 + 4 + 8 bytes, 16 to 32 and about 8, rounded to what is seen in practice. */
const indexBytesPerRecord = 48;
/** The arena holds a little more than the threshold at which the memtable is full, for the section that crosses it. */
const arenaSlackBytes = 64 * 1024;
const typicalRecordBytes = 160;

/** A run of records that a log frame carries. */
export interface RecordPieces {
  readonly firstSequence: number;
  readonly entryCount: number;
  /** One piece a chunk; views on shared memory that stay as they are until `clear`. */
  readonly pieces: readonly Uint8Array[];
}

export class Memtable {
  private readonly arena: Arena;
  private readonly hash: HashIndex;
  private readonly orders = new Map<number, BucketOrder>();
  private readonly comparer: KeyComparer;
  private readonly reader: RecordReader;
  private capacity: number;
  private readonly firstCapacity: number;
  private readonly firstSlots: number;
  private addresses: Uint32Array;
  private newest: Uint32Array;
  private previous: Uint32Array;
  /** Next ordinal; ordinal 0 is the searched key. */
  private nextOrdinal = 1;
  private lastBucketId = -1;
  private lastOrder: BucketOrder | undefined;

  constructor(
    public firstSequence: number,
    /** `usedBytes` at which the memtable counts as full. */
    readonly fullBytes: number,
  ) {
    this.arena = new Arena(fullBytes + arenaSlackBytes);
    this.capacity = Math.max(256, Math.ceil(fullBytes / typicalRecordBytes));
    this.hash = new HashIndex(this.capacity);
    this.firstCapacity = this.capacity;
    this.firstSlots = this.hash.capacity;
    this.addresses = new Uint32Array(new SharedArrayBuffer(this.capacity * 4));
    this.newest = new Uint32Array(this.capacity);
    this.previous = new Uint32Array(this.capacity);
    this.reader = new RecordReader(this.arena.chunks, this.addresses);
    this.comparer = new KeyComparer(this.reader.another());
  }

  get recordCount(): number {
    return this.nextOrdinal - 1;
  }

  /** Sequence that the next record will have. */
  get nextSequence(): number {
    return this.firstSequence + this.nextOrdinal - 1;
  }

  get usedBytes(): number {
    return this.arena.usedBytes + this.nextOrdinal * indexBytesPerRecord;
  }

  /** Whether its index is about as large as that of a new memtable: one that a huge section made grow is not worth keeping. */
  get isWorthKeeping(): boolean {
    return this.capacity <= 2 * this.firstCapacity && this.hash.capacity <= 2 * this.firstSlots;
  }

  get isFull(): boolean {
    return this.usedBytes >= this.fullBytes;
  }

  /**
   * Appends a put (`value` given) or a tombstone (undefined). `key[0, keyEnd)` is an internal key with the given hash; `value` is
   * copied. A string value stands for its UTF-8 bytes, which are `valueBytes` long.
   */
  append(key: Uint8Array, keyEnd: number, hash: number, value: Uint8Array | string | undefined, valueBytes: number): void {
    this.reserveIndex();
    const address = this.arena.allocate(recordBytes(keyEnd, valueBytes));
    const chunk = this.arena.chunkOf(address);
    const offset = (address - chunk.baseUnits) * 8;
    const { bytes, words } = chunk;
    words[offset / 4] = valueBytes;
    words[offset / 4 + 1] = keyEnd | ((value === undefined ? kindTombstone : kindValue) << 16);
    const valueStart = offset + recordHeaderBytes + keyEnd;
    for (let from = 0, to = offset + recordHeaderBytes; from < keyEnd; from++, to++) bytes[to] = key[from] as number;
    if (typeof value === 'string') bytes.write(value, valueStart, valueBytes, 'utf8');
    else if (value !== undefined) copyValue(value, bytes, valueStart);
    this.padRecord(bytes, valueStart + valueBytes);
    this.index(address, hash, bytes, offset + recordHeaderBytes, valueStart);
  }

  /** Room for `lengthBytes` of whole records that come from a log; `indexRecord` then takes them one by one. */
  allocateRecords(lengthBytes: number): { bytes: Buffer; offset: number; address: number } {
    const address = this.arena.allocate(lengthBytes);
    const chunk = this.arena.chunkOf(address);
    return { bytes: chunk.bytes, offset: (address - chunk.baseUnits) * 8, address };
  }

  /** Takes a record that already stands in the arena, and was checked. */
  indexRecord(address: number): void {
    this.reserveIndex();
    const chunk = this.arena.chunkOf(address);
    const offset = (address - chunk.baseUnits) * 8;
    const keyStart = offset + recordHeaderBytes;
    const keyEnd = keyStart + ((chunk.words[offset / 4 + 1] as number) & 0xffff);
    this.index(address, hashKey(chunk.bytes, keyStart, keyEnd), chunk.bytes, keyStart, keyEnd);
  }

  /** The newest version of a key that a view at `viewSequence` may see. */
  get(key: Uint8Array, keyStart: number, keyEnd: number, hash: number, viewSequence: number, found: FoundValue): PointRead {
    // An empty one, as after opening, is not worth a cache line of its hash.
    const first = this.nextOrdinal === 1 ? 0 : this.find(key, keyStart, keyEnd, hash);
    return first === 0 ? pointAbsent : this.read(this.visibleVersion(first, viewSequence), found);
  }

  /** A cursor over one bucket as a view at `viewSequence` sees it. It follows records that are added while it lives. */
  cursor(bucketId: number, viewSequence: number): EntryCursor | undefined {
    const order = this.orders.get(bucketId);
    return order === undefined ? undefined : new MemtableCursor(this, order, this.reader.another(), viewSequence);
  }

  /** Ordinal of the newest version of a key (given by its first record) that the view may see, or 0. */
  visibleVersion(first: number, viewSequence: number): number {
    let ordinal = this.newest[first] as number;
    while (ordinal !== 0 && this.firstSequence + ordinal - 1 > viewSequence) ordinal = this.previous[ordinal] as number;
    return ordinal;
  }

  /** The addresses column, which moves when it grows. */
  get addressColumn(): Uint32Array {
    return this.addresses;
  }

  /** Marks all records from `sequence` on as dead. */
  rollBack(sequence: number): void {
    const { reader } = this;
    for (let ordinal = this.nextOrdinal - 1; ordinal > sequence - this.firstSequence; ordinal--) {
      reader.locate(ordinal);
      if (reader.kind === kindDead) continue;
      const { bytes, keyStart, keyEnd } = reader;
      bytes[keyStart - 2] = kindDead;
      const first = this.find(bytes, keyStart, keyEnd, hashKey(bytes, keyStart, keyEnd));
      this.newest[first] = this.previous[ordinal] as number;
    }
  }

  /** Appends copies of this memtable's records from `sequence` on to `other`, whose next sequence is that one. */
  copyRecordsTo(other: Memtable, sequence: number): void {
    const { reader } = this;
    for (let ordinal = sequence - this.firstSequence + 1; ordinal < this.nextOrdinal; ordinal++) {
      reader.locate(ordinal);
      const key = reader.bytes.subarray(reader.keyStart, reader.keyEnd);
      const { kind } = reader;
      const value = kind === kindValue ? reader.bytes.subarray(reader.keyEnd, reader.valueEnd) : undefined;
      other.append(key, key.length, hashKey(key, 0, key.length), value, value?.length ?? 0);
      if (kind === kindDead) other.rollBack(other.nextSequence - 1);
    }
  }

  /** The bytes of the records with sequences [from, to), as they go to the log: one run of pieces a chunk. */
  pieces(from: number, to: number): RecordPieces[] {
    const result: RecordPieces[] = [];
    let ordinal = from - this.firstSequence + 1;
    const end = to - this.firstSequence + 1;
    while (ordinal < end) {
      const chunk = this.arena.chunkOf(this.addresses[ordinal] as number);
      const stop = this.lastOrdinalOfChunk(chunk.baseUnits + chunk.capacityBytes / 8, ordinal, end);
      const begin = ((this.addresses[ordinal] as number) - chunk.baseUnits) * 8;
      this.reader.locate(stop - 1);
      const finish = (this.reader.valueEnd + 7) & ~7;
      result.push({
        firstSequence: this.firstSequence + ordinal - 1,
        entryCount: stop - ordinal,
        pieces: [chunk.bytes.subarray(begin, finish)],
      });
      ordinal = stop;
    }
    return result;
  }

  /** What the worker needs for a flush. No record may be added afterwards. */
  freeze(): FrozenRecords {
    return {
      chunks: this.arena.chunks.map(({ buffer, baseUnits }) => ({ buffer, baseUnits })),
      addresses: this.addresses.buffer as SharedArrayBuffer,
      recordCount: this.recordCount,
      firstSequence: this.firstSequence,
    };
  }

  /** Forgets all records; the memory is used again for records from `firstSequence` on. */
  clear(firstSequence: number): void {
    this.arena.clear();
    this.hash.clear();
    this.orders.clear();
    this.nextOrdinal = 1;
    this.lastBucketId = -1;
    this.lastOrder = undefined;
    this.firstSequence = firstSequence;
  }

  private read(ordinal: number, found: FoundValue): PointRead {
    if (ordinal === 0) return pointAbsent;
    const { reader } = this;
    reader.locate(ordinal);
    if (reader.kind === kindTombstone) return pointTombstone;
    found.bytes = reader.bytes;
    found.start = reader.keyEnd;
    found.end = reader.valueEnd;
    return pointValue;
  }

  /** First record of a key, or 0. */
  private find(key: Uint8Array, keyStart: number, keyEnd: number, hash: number): number {
    const { hash: index, reader } = this;
    for (let slot = index.firstSlot(hash); ; slot = index.nextSlot(slot)) {
      const ordinal = index.probe(slot, hash);
      if (ordinal === 0) return 0;
      if (ordinal < 0) continue;
      reader.locate(ordinal);
      if (equalBytes(reader.bytes, reader.keyStart, reader.keyEnd, key, keyStart, keyEnd)) return ordinal;
    }
  }

  private index(address: number, hash: number, bytes: Buffer, keyStart: number, keyEnd: number): void {
    const ordinal = this.nextOrdinal;
    this.addresses[ordinal] = address;
    this.nextOrdinal = ordinal + 1;
    const { hash: index, reader } = this;
    for (let slot = index.firstSlot(hash); ; slot = index.nextSlot(slot)) {
      const first = index.probe(slot, hash);
      if (first < 0) continue;
      if (first === 0) {
        index.insert(slot, hash, ordinal);
        this.newest[ordinal] = ordinal;
        this.previous[ordinal] = 0;
        this.addToOrder(ordinal, bytes, keyStart, keyEnd);
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

  /** Recycled memory holds old bytes: what pads a record is zero in the log. */
  private padRecord(bytes: Buffer, end: number): void {
    for (let at = end; (at & 7) !== 0; at++) bytes[at] = 0;
  }

  /** The end of the records from `ordinal` on that lie below the address `limit`, at most `end`. */
  private lastOrdinalOfChunk(limit: number, ordinal: number, end: number): number {
    if ((this.addresses[end - 1] as number) < limit) return end;
    let low = ordinal;
    let high = end - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.addresses[middle] as number) < limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Room in the index for one more record, before a byte of it is written: where there is no memory, nothing has changed. */
  private reserveIndex(): void {
    try {
      this.hash.reserve();
      if (this.nextOrdinal === this.capacity) this.growColumns();
    } catch (cause) {
      throw new VarveError('VARVE_LIMIT', `no memory for the index of ${this.nextOrdinal} records`, { cause });
    }
  }

  private growColumns(): void {
    const capacity = this.capacity * 2;
    const addresses = new Uint32Array(new SharedArrayBuffer(capacity * 4));
    addresses.set(this.addresses);
    const newest = new Uint32Array(capacity);
    newest.set(this.newest);
    const previous = new Uint32Array(capacity);
    previous.set(this.previous);
    this.capacity = capacity;
    this.addresses = addresses;
    this.newest = newest;
    this.previous = previous;
    this.reader.addresses = addresses;
    this.comparer.setAddresses(addresses);
  }
}

/** Short values are copied by a loop, which is faster than a call; `set` is used above that. */
function copyValue(value: Uint8Array, target: Buffer, offset: number): void {
  const length = value.length;
  if (length > 48) {
    target.set(value, offset);
    return;
  }
  for (let i = 0; i < length; i++) target[offset + i] = value[i] as number;
}
