/**
 * Bounds of ranges, from user keys to internal keys. Pure.
 *
 * The smallest key above k is k followed by a zero byte, so every bound becomes one of the form lower <= key < upper:
 *
 * | gte k | lower = k    | lt k  | upper = k    |
 * | gt k  | lower = k 00 | lte k | upper = k 00 |
 *
 * Of two bounds on one side the tighter holds; a side without a bound is the end of the bucket.
 */
import type { BytesInput, IterateOptions } from '../api.js';
import type { Bucket } from '../engine/bucket-catalog.js';
import type { KeyRange } from '../engine/range-cursor.js';
import { compareKeys } from '../format/bytes.js';
import { toBytes } from './input.js';

type BucketBounds = Pick<Bucket, 'prefix' | 'end'>;

/** Up to this length a loop is faster than a call. */
const shortKeyBytes = 64;

/** The internal key of a user key, or the smallest one above it. */
export function boundary(bucket: BucketBounds, key: Uint8Array, after: boolean): Uint8Array {
  const bound = new Uint8Array(bucket.prefix.length + key.length + (after ? 1 : 0));
  const { prefix } = bucket;
  let at = 0;
  for (; at < prefix.length; at++) bound[at] = prefix[at] as number;
  if (key.length > shortKeyBytes) bound.set(key, at);
  else for (let i = 0; i < key.length; i++, at++) bound[at] = key[i] as number;
  return bound;
}

/** Keys k with from <= k < to. */
export function pointRange(bucket: BucketBounds, from: Uint8Array, to: Uint8Array): KeyRange {
  return { lower: boundary(bucket, from, false), upper: boundary(bucket, to, false) };
}

/** The range that the options of `unsafeIterate` describe; undefined without a bucket. Checks the options in any case. */
export function internalBounds(bucket: BucketBounds | undefined, options: IterateOptions): KeyRange | undefined {
  const bytes = (value: BytesInput | undefined, name: string): Uint8Array | undefined =>
    value === undefined ? undefined : toBytes(value, name);
  const gte = bytes(options.gte, 'gte');
  const gt = bytes(options.gt, 'gt');
  const lte = bytes(options.lte, 'lte');
  const lt = bytes(options.lt, 'lt');
  if (bucket === undefined) return undefined;
  let lower = bucket.prefix;
  if (gte !== undefined) lower = boundary(bucket, gte, false);
  if (gt !== undefined) lower = later(lower, boundary(bucket, gt, true));
  let upper = bucket.end;
  if (lt !== undefined) upper = boundary(bucket, lt, false);
  if (lte !== undefined) upper = earlier(upper, boundary(bucket, lte, true));
  return { lower, upper };
}

const later = (a: Uint8Array, b: Uint8Array): Uint8Array => (compareKeys(a, b) >= 0 ? a : b);
const earlier = (a: Uint8Array, b: Uint8Array): Uint8Array => (compareKeys(a, b) <= 0 ? a : b);
