/**
 * Comparing the keys of records by their ordinals, with one key among them that is no record: the one that is searched.
 *
 *   heads   ordinal → six bytes of its key as one number (keyHead in record-table.ts); ordinal 0 → those of the searched key
 *
 *   compare(a, b) ─▶ heads differ ─▶ the order of the keys
 *                 └▶ equal, and the keys end within them ─▶ one key
 *                 └▶ equal, and the keys go on ─▶ the two readers are placed on the records, and the rest is compared
 *
 * One comparer serves all orders of a memtable. A head is that of a depth, which is a matter of the order that the key belongs to
 * (bucket-order.ts): a key is in one bucket, so each head has one depth.
 *
 * Invariants:
 * 1. What is compared has heads of one depth, and is equal before it. A searched key that differs there gets a head below or above all.
 * 2. There is one searched key at a time; it is borrowed from whoever searches, until `leave` or the next one.
 */
import { compareBytes } from '../format/bytes.js';
import { compareRecordKeys, keyHead, type RecordReader } from './record-table.js';

/** The ordinal that stands for the key that is searched. */
export const searchedKey = 0;

const noBytes = new Uint8Array(0);

/** Heads below and above those of all keys. */
const headBelowAll = -1;
const headAboveAll = 2 ** 52;

/** The key heads of a memtable by ordinal, and the two readers that comparisons use. */
export class KeyComparer {
  heads = new Float64Array(0);
  private target: Uint8Array = noBytes;
  private targetStart = 0;
  private targetEnd = 0;
  private readonly right: RecordReader;

  constructor(readonly reader: RecordReader) {
    this.right = reader.another();
  }

  /** After the column of addresses moved. */
  setAddresses(addresses: Uint32Array): void {
    this.reader.addresses = addresses;
    this.right.addresses = addresses;
  }

  /** Stands on no record any more, nor on a key that was searched. */
  leave(): void {
    this.reader.leave();
    this.right.leave();
    this.target = noBytes;
  }

  /** Makes room for the head of every record that the addresses have room for. */
  reserveHeads(): void {
    const { length } = this.reader.addresses;
    if (this.heads.length >= length) return;
    const heads = new Float64Array(length);
    heads.set(this.heads);
    this.heads = heads;
  }

  /** Takes the head of a record `depth` bytes after the start of its key. */
  makeHead(ordinal: number, depth: number): void {
    const { reader } = this;
    reader.locate(ordinal);
    this.heads[ordinal] = keyHead(reader.bytes, reader.keyStart + depth, reader.keyEnd);
  }

  /** Makes target[start, end) the key that ordinal 0 stands for; before `depth` it is compared with the key of `sample`. */
  setSearchedKey(target: Uint8Array, start: number, end: number, depth: number, sample: number): void {
    this.target = target;
    this.targetStart = start;
    this.targetEnd = end;
    const { reader } = this;
    reader.locate(sample);
    const sharedEnd = Math.min(end, start + depth);
    const difference = compareBytes(target, start, sharedEnd, reader.bytes, reader.keyStart, reader.keyStart + depth);
    if (difference === 0) this.heads[searchedKey] = keyHead(target, start + depth, end);
    else this.heads[searchedKey] = difference < 0 ? headBelowAll : headAboveAll;
  }

  /** Order of the keys of two records whose heads were taken at `depth`. */
  compare(a: number, b: number, depth: number): number {
    const difference = (this.heads[a] as number) - (this.heads[b] as number);
    if (difference !== 0) return difference;
    if ((this.heads[a] as number) % 8 !== 7) return 0;
    this.place(this.reader, a);
    this.place(this.right, b);
    return compareRecordKeys(this.reader, this.right, depth + 6);
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
