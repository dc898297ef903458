/**
 * The layout of one record, in the arena and in the log.
 *
 * | value length u32 | key length u16 | kind u8 | 0 u8 | internal key | value | zeros to a multiple of 8 |
 * 0                  4                6         7      8
 *
 * Numbers are little-endian. The key length counts the bucket prefix; a tombstone has no value.
 *
 * Kinds: 0 dead (undone by a rollback; never in a log), 1 value, 2 tombstone.
 */
import { alignUp8 } from '../format/bytes.js';
import { bucketPrefixLength, readBucketId } from '../format/internal-key.js';
import { internalKeyBytesMax, valueBytesMax } from '../limits.js';

export const recordHeaderBytes = 8;
export const kindDead = 0;
export const kindValue = 1;
export const kindTombstone = 2;

/** Bytes that a record takes. */
export function recordBytes(keyLength: number, valueLength: number): number {
  return (recordHeaderBytes + keyLength + valueLength + 7) & ~7;
}

/**
 * Checks the record at `offset` of a log payload that ends at `end`; returns its length in bytes, or a sentence that says
 * what is wrong with it. The payload's checksum was right, so wrong bytes here were written by somebody else.
 */
export function checkRecord(bytes: Buffer, offset: number, end: number): number | string {
  if (end - offset < recordHeaderBytes) return 'a record is cut short';
  const valueLength = bytes.readUInt32LE(offset);
  const keyLength = bytes.readUInt16LE(offset + 4);
  const kind = bytes[offset + 6];
  if (kind !== kindValue && kind !== kindTombstone) return `a record has the unknown kind ${kind}`;
  if (keyLength > internalKeyBytesMax || valueLength > valueBytesMax)
    return `a record has a key of ${keyLength} and a value of ${valueLength} bytes`;
  if (kind === kindTombstone && valueLength !== 0) return 'a tombstone has a value';
  const length = alignUp8(recordHeaderBytes + keyLength + valueLength);
  if (offset + length > end) return 'a record reaches beyond its frame';
  const keyStart = offset + recordHeaderBytes;
  if (
    readBucketId(bytes, keyStart, keyStart + keyLength) < 0 ||
    bucketPrefixLength(bytes, keyStart, keyStart + keyLength) > keyLength
  ) {
    return 'a record has a key without a bucket';
  }
  return length;
}
