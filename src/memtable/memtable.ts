/**
 * The newest records, in memory: an arena of records (which are also the bytes of the log) and an index that is made when somebody reads.
 *
 *   arena      | r1 | r2 | r3 | r4 | …        one record a put or delete; ordinal n has sequence firstSequence + n - 1
 *   addresses  ordinal → where the record lies
 *   index      key → its newest record that a view may see; bucket → its keys in order (key-index.ts)
 *
 * So a put appends and stores two numbers, and what nobody reads before its flush is never put into an index.
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
import type { EntryCursor, FoundValue, PointRead } from '../format/entry-cursor.js';
import { pointAbsent, pointTombstone, pointValue } from '../format/entry-cursor.js';
import { hashKey } from '../format/key-hash.js';
import { Arena, ArenaDraft } from './arena.js';
import { KeyIndex } from './key-index.js';
import { MemtableCursor } from './memtable-cursor.js';
import { kindDead, kindTombstone, kindValue, recordBytes, recordHeaderBytes } from './record.js';
import { type RecordPieces, recordPieces } from './record-pieces.js';
import { type FrozenRecords, RecordReader } from './record-table.js';

/** Columns, hash slots and order, where somebody reads: 16 and 8 bytes, 16 to 32 and about 8, rounded to what is seen in practice. */
const indexBytesPerRecord = 48;
const typicalRecordBytes = 160;
/** The arena holds a little more than the threshold at which the memtable is full, for the section that crosses it. */
const arenaSlackBytes = 64 * 1024;

export class Memtable {
  private readonly arena: Arena;
  private readonly index: KeyIndex;
  private readonly reader: RecordReader;
  private readonly firstCapacity: number;
  private addresses: Uint32Array;

  constructor(
    public firstSequence: number,
    /** `usedBytes` at which the memtable counts as full. */
    readonly fullBytes: number,
  ) {
    this.arena = new Arena(fullBytes + arenaSlackBytes);
    this.firstCapacity = Math.max(256, Math.ceil(fullBytes / typicalRecordBytes));
    this.addresses = new Uint32Array(new SharedArrayBuffer(this.firstCapacity * 4));
    this.reader = new RecordReader(this.arena.chunks, this.addresses);
    this.index = new KeyIndex(this.reader.another(), this.firstCapacity);
  }

  /** A draft for memtables that are full at `fullBytes`. */
  static draftFor(fullBytes: number): ArenaDraft {
    return new ArenaDraft(fullBytes + arenaSlackBytes);
  }

  get recordCount(): number {
    return this.index.end - 1;
  }

  /** Sequence that the next record will have. */
  get nextSequence(): number {
    return this.firstSequence + this.index.end - 1;
  }

  get usedBytes(): number {
    return this.arena.usedBytes + this.index.end * indexBytesPerRecord;
  }

  /** Whether its index is about as large as that of a new memtable: one that a huge section made grow is not worth keeping. */
  get isWorthKeeping(): boolean {
    return this.index.capacity <= 2 * this.firstCapacity;
  }

  /** What `usedBytes` may still grow by until it is full. */
  get freeBytes(): number {
    return Math.max(0, this.fullBytes - this.usedBytes);
  }

  get isFull(): boolean {
    return this.usedBytes >= this.fullBytes;
  }

  /**
   * Appends a put (`value` given) or a tombstone (undefined). `key[0, keyEnd)` is an internal key with the given hash; `value` is
   * copied. A string value stands for its UTF-8 bytes, which are `valueBytes` long.
   */
  append(key: Uint8Array, keyEnd: number, hash: number, value: Uint8Array | string | undefined, valueBytes: number): void {
    if (this.index.end === this.index.capacity) this.growIndex();
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
    this.take(address, hash);
  }

  /** Room for `lengthBytes` of whole records that come from a log; `addRecord` then takes them one by one. */
  allocateRecords(lengthBytes: number): { bytes: Buffer; offset: number; address: number } {
    const address = this.arena.allocate(lengthBytes);
    const chunk = this.arena.chunkOf(address);
    return { bytes: chunk.bytes, offset: (address - chunk.baseUnits) * 8, address };
  }

  /** Takes a record that already stands in the arena, and was checked. */
  addRecord(address: number): void {
    if (this.index.end === this.index.capacity) this.growIndex();
    const chunk = this.arena.chunkOf(address);
    const offset = (address - chunk.baseUnits) * 8;
    const keyStart = offset + recordHeaderBytes;
    const keyEnd = keyStart + ((chunk.words[offset / 4 + 1] as number) & 0xffff);
    this.take(address, hashKey(chunk.bytes, keyStart, keyEnd));
  }

  /** The newest version of a key that a view at `viewSequence` may see. */
  get(key: Uint8Array, keyStart: number, keyEnd: number, hash: number, viewSequence: number, found: FoundValue): PointRead {
    // An empty one, as after opening, is not worth a cache line of its hash.
    if (this.index.end === 1) return pointAbsent;
    const ordinal = this.index.find(key, keyStart, keyEnd, hash, this.visibleEnd(viewSequence));
    return ordinal === 0 ? pointAbsent : this.read(ordinal, found);
  }

  /** A cursor over one bucket as a view at `viewSequence` sees it. Records may be added while it lives, until the memtable is sealed. */
  cursor(bucketId: number, viewSequence: number): EntryCursor | undefined {
    const order = this.index.order(bucketId);
    if (order === undefined) return undefined;
    return new MemtableCursor(this.index, order, this.reader.another(), this.visibleEnd(viewSequence));
  }

  /** The addresses column, which moves when it grows. */
  get addressColumn(): Uint32Array {
    return this.addresses;
  }

  /** Marks all records from `sequence` on as dead. */
  rollBack(sequence: number): void {
    const { reader } = this;
    for (let ordinal = this.index.end - 1; ordinal > sequence - this.firstSequence; ordinal--) {
      reader.locate(ordinal);
      if (reader.kind === kindDead) continue;
      reader.bytes[reader.keyStart - 2] = kindDead;
      this.index.forget(ordinal);
    }
  }

  /** Appends copies of this memtable's records from `sequence` on to `other`, whose next sequence is that one. */
  copyRecordsTo(other: Memtable, sequence: number): void {
    const { reader } = this;
    for (let ordinal = sequence - this.firstSequence + 1; ordinal < this.index.end; ordinal++) {
      reader.locate(ordinal);
      const key = reader.bytes.subarray(reader.keyStart, reader.keyEnd);
      const { kind } = reader;
      const value = kind === kindValue ? reader.bytes.subarray(reader.keyEnd, reader.valueEnd) : undefined;
      other.append(key, key.length, this.index.hashOf(ordinal), value, value?.length ?? 0);
      if (kind === kindDead) other.rollBack(other.nextSequence - 1);
    }
  }

  /** The record of an ordinal as it stands in the arena, without the zeros that fill it up. Valid until the next write. */
  recordAt(ordinal: number): Uint8Array {
    const { reader } = this;
    reader.locate(ordinal);
    return reader.bytes.subarray(reader.keyStart - recordHeaderBytes, reader.valueEnd);
  }

  /** The records with sequences [from, to), as they go to the log; neither they nor those before are rolled back afterwards. */
  pieces(from: number, to: number): RecordPieces[] {
    return recordPieces(this.arena, this.reader, this.firstSequence, from, to);
  }

  /** Lends the memory in which records are written while the memtable is open. It is empty. */
  lend(draft: ArenaDraft): void {
    this.arena.lend(draft);
  }

  /** Gives that memory back: no record is added any more. Undefined where there was none. */
  takeBack(): ArenaDraft | undefined {
    return this.arena.takeBack();
  }

  /** What the worker needs for a flush, after `takeBack`. No record may be added afterwards. */
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
    this.index.clear();
    this.reader.leave();
    this.firstSequence = firstSequence;
  }

  private read(ordinal: number, found: FoundValue): PointRead {
    const { reader } = this;
    reader.locate(ordinal);
    if (reader.kind === kindTombstone) return pointTombstone;
    found.bytes = reader.bytes;
    found.start = reader.keyEnd;
    found.end = reader.valueEnd;
    return pointValue;
  }

  /** The ordinal after those that a view may see. */
  private visibleEnd(viewSequence: number): number {
    return viewSequence - this.firstSequence + 2;
  }

  private take(address: number, hash: number): void {
    this.addresses[this.index.end] = address;
    this.index.add(hash);
  }

  /** Recycled memory holds old bytes: what pads a record is zero in the log. */
  private padRecord(bytes: Buffer, end: number): void {
    for (let at = end; (at & 7) !== 0; at++) bytes[at] = 0;
  }

  /** Room in the index for more records, before a byte of the next one is written: where there is no memory, nothing has changed. */
  private growIndex(): void {
    try {
      const capacity = this.index.capacity * 2;
      const addresses = new Uint32Array(new SharedArrayBuffer(capacity * 4));
      addresses.set(this.addresses);
      this.index.grow(capacity, addresses);
      this.addresses = addresses;
      this.reader.addresses = addresses;
    } catch (cause) {
      throw new VarveError('VARVE_LIMIT', `no memory for the index of ${this.index.end} records`, { cause });
    }
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
