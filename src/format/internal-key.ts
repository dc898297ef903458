/**
 * Internal key = bucket prefix ‖ user key.
 *
 * All buckets share one keyspace. The prefix is the bucket id, written so that byte order is the order of ids and no prefix
 * begins another:
 *
 * | id below 0xf8   | one byte: the id                                                    |
 * | any other id    | 0xf7 + n, then the id in n big-endian bytes, n the fewest (1 to 4)    |
 *
 * Invariants:
 * 1. Keys of one bucket are contiguous; the byte string after the last of them is `bucketEnd`.
 * 2. One id has one encoding: a longer one than needed is refused by `readBucketId`.
 */
import { assert } from '../errors.js';
import { bucketIdMax, bucketPrefixBytesMax } from '../limits.js';

const singleByteIds = 0xf8;

/** Writes the prefix of `bucketId` at `offset` and returns its length in bytes (1 to 5). */
export function writeBucketPrefix(bucketId: number, target: Uint8Array, offset: number): number {
  assert(Number.isInteger(bucketId) && bucketId >= 0 && bucketId <= bucketIdMax, 'a bucket id is a 32-bit number');
  if (bucketId < singleByteIds) {
    target[offset] = bucketId;
    return 1;
  }
  const length = bucketId < 0x100 ? 1 : bucketId < 0x1_0000 ? 2 : bucketId < 0x100_0000 ? 3 : 4;
  target[offset] = singleByteIds - 1 + length;
  for (let i = 0; i < length; i++) target[offset + 1 + i] = (bucketId >>> (8 * (length - 1 - i))) & 0xff;
  return length + 1;
}

/** The prefix of a bucket as bytes of its own. */
export function bucketPrefix(bucketId: number): Uint8Array {
  const target = new Uint8Array(bucketPrefixBytesMax);
  return target.slice(0, writeBucketPrefix(bucketId, target, 0));
}

/** The smallest byte string that is greater than every key of the bucket. */
export function bucketEnd(bucketId: number): Uint8Array {
  const prefix = bucketPrefix(bucketId);
  let length = prefix.length;
  while (prefix[length - 1] === 0xff) length--;
  prefix[length - 1] = (prefix[length - 1] as number) + 1;
  return prefix.slice(0, length);
}

/** Length in bytes of the prefix that begins at `start`, or 0 where [start, end) does not begin with a whole prefix. */
export function bucketPrefixLength(key: Uint8Array, start: number, end: number): number {
  if (start >= end) return 0;
  const first = key[start] as number;
  if (first < singleByteIds) return 1;
  const length = first - singleByteIds + 2;
  return length <= bucketPrefixBytesMax && start + length <= end ? length : 0;
}

/** The bucket id at the head of an internal key, or -1 where the bytes are not one. */
export function readBucketId(key: Uint8Array, start: number, end: number): number {
  const length = bucketPrefixLength(key, start, end);
  if (length <= 1) return length === 0 ? -1 : (key[start] as number);
  let id = 0;
  for (let i = 1; i < length; i++) id = id * 256 + (key[start + i] as number);
  const fewest = id < 0x100 ? 1 : id < 0x1_0000 ? 2 : id < 0x100_0000 ? 3 : 4;
  return id >= singleByteIds && fewest === length - 1 ? id : -1;
}
