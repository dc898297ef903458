/**
 * What the tests of memtables share: internal keys that are hard to order, records in an arena, and a naive model of versions.
 */
import fc from 'fast-check';
import { compareKeys } from '../../src/format/bytes.js';
import { type EntryCursor, pointTombstone, pointValue } from '../../src/format/entry-cursor.js';
import { bucketPrefix } from '../../src/format/internal-key.js';
import { hashKey } from '../../src/format/key-hash.js';
import { Arena } from '../../src/memtable/arena.js';
import type { Memtable } from '../../src/memtable/memtable.js';
import { kindValue, recordBytes, recordHeaderBytes } from '../../src/memtable/record.js';
import { RecordReader } from '../../src/memtable/record-table.js';

export const everything = Number.MAX_SAFE_INTEGER;

export const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
export const hashOf = (key: Uint8Array): number => hashKey(key, 0, key.length);

export function internalKey(bucketId: number, userKey: Uint8Array | string): Buffer {
  const bytes = typeof userKey === 'string' ? Buffer.from(userKey, 'latin1') : userKey;
  return Buffer.concat([bucketPrefix(bucketId), bytes]);
}

const longPrefix = Buffer.alloc(300, 'p');

/** User keys that begin each other, hold zero bytes, or share 300 bytes; of lengths around those of a head. */
export const nastyKeyArbitrary: fc.Arbitrary<Buffer> = fc.oneof(
  fc.array(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), { maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(fc.constantFrom(0, 5, 6, 7, 12, 13), fc.uint8Array({ maxLength: 3 }))
    .map(([zeros, rest]) => Buffer.concat([Buffer.alloc(zeros), rest])),
  fc.uint8Array({ maxLength: 9 }).map((rest) => Buffer.concat([longPrefix, rest])),
  fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
);

export function put(memtable: Memtable, key: Uint8Array, value: Uint8Array | string | undefined): void {
  const valueBytes = value === undefined ? 0 : typeof value === 'string' ? Buffer.byteLength(value) : value.length;
  memtable.append(key, key.length, hashOf(key), value, valueBytes);
}

/** The value that a view reads of a key, as text; 'tombstone', or 'absent'. */
export function get(memtable: Memtable, key: Uint8Array, view = everything): string {
  const found = { bytes: key, start: 0, end: 0 };
  const result = memtable.get(key, 0, key.length, hashOf(key), view, found);
  if (result === pointValue) return `=${latin1(found.bytes.subarray(found.start, found.end))}`;
  return result === pointTombstone ? 'tombstone' : 'absent';
}

/** What a cursor shows: key and value as text, or undefined where it is not valid. */
export function shown(cursor: EntryCursor): string | undefined {
  if (!cursor.valid) return undefined;
  const value = cursor.isTombstone ? 'tombstone' : `=${latin1(cursor.valueBytes.subarray(cursor.valueStart, cursor.valueEnd))}`;
  return `${latin1(cursor.keyBytes.subarray(cursor.keyStart, cursor.keyEnd))} ${value}`;
}

/** One record of the model; value undefined: a tombstone. */
export interface ModelRecord {
  readonly key: Buffer;
  readonly value: string | undefined;
  readonly sequence: number;
}

/** A memtable as a list of records, newest last; rolled-back records are taken out. */
export class ModelMemtable {
  records: ModelRecord[] = [];

  add(key: Buffer, value: string | undefined, sequence: number): void {
    this.records.push({ key, value, sequence });
  }

  rollBack(sequence: number): void {
    this.records = this.records.filter((record) => record.sequence < sequence);
  }

  get(key: Buffer, view = everything): string {
    const record = this.records.findLast((candidate) => candidate.sequence <= view && candidate.key.equals(key));
    return record === undefined ? 'absent' : describeValue(record.value);
  }

  /** The newest visible record of each key that passes, in key order, as `shown` says it. */
  visible(view: number, passes: (key: Buffer) => boolean = () => true): string[] {
    const newest = new Map<string, ModelRecord>();
    for (const record of this.records) if (record.sequence <= view && passes(record.key)) newest.set(latin1(record.key), record);
    return [...newest.values()]
      .sort((a, b) => compareKeys(a.key, b.key))
      .map(({ key, value }) => `${latin1(key)} ${describeValue(value)}`);
  }
}

const describeValue = (value: string | undefined): string => (value === undefined ? 'tombstone' : `=${value}`);

/** Keys as records of an arena, without a memtable around them: ordinal n is the n-th key, from 1. */
export class RecordColumn {
  readonly arena: Arena;
  addresses: Uint32Array;
  readonly reader: RecordReader;
  readonly keys: Buffer[] = [];

  constructor(arenaBytes = 4096, capacity = 4) {
    this.arena = new Arena(arenaBytes);
    this.addresses = new Uint32Array(capacity);
    this.reader = new RecordReader(this.arena.chunks, this.addresses);
  }

  /** Returns the ordinal of the record, and where its key lies. */
  add(key: Buffer): { ordinal: number; bytes: Buffer; start: number; end: number } {
    const address = this.arena.allocate(recordBytes(key.length, 0));
    const chunk = this.arena.chunkOf(address);
    const offset = (address - chunk.baseUnits) * 8;
    chunk.words[offset / 4] = 0;
    chunk.words[offset / 4 + 1] = key.length | (kindValue << 16);
    key.copy(chunk.bytes, offset + recordHeaderBytes);
    const ordinal = this.keys.push(key);
    if (ordinal >= this.addresses.length) {
      const grown = new Uint32Array(this.addresses.length * 2);
      grown.set(this.addresses);
      this.addresses = grown;
      this.reader.addresses = grown;
    }
    this.addresses[ordinal] = address;
    return { ordinal, bytes: chunk.bytes, start: offset + recordHeaderBytes, end: offset + recordHeaderBytes + key.length };
  }

  keyOf(ordinal: number): Buffer {
    return this.keys[ordinal - 1] as Buffer;
  }
}
