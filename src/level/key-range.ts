/**
 * Ranges of abstract-level as ranges of internal keys. Pure.
 *
 * A bound counts where it is given, and an empty one is the empty key: `{ gt: '' }` is everything but the empty key, `{ lt: '' }` is nothing.
 * Where both bounds of one side are given the inclusive one holds, as everywhere in Level: gte before gt, lte before lt.
 */
import { boundary } from '../backend/key-bounds.js';
import type { Bucket } from '../engine/bucket-catalog.js';
import type { KeyRange } from '../engine/range-cursor.js';
import { compareKeys } from '../format/bytes.js';
import { type EncodedInput, encodedBytes } from './encoded.js';

/** Bounds as abstract-level passes them on: encoded. */
export interface EncodedBounds {
  readonly gte?: EncodedInput | undefined;
  readonly gt?: EncodedInput | undefined;
  readonly lte?: EncodedInput | undefined;
  readonly lt?: EncodedInput | undefined;
}

/** Whether there is no bound at all. */
export function isUnbounded({ gte, gt, lte, lt }: EncodedBounds): boolean {
  return gte === undefined && gt === undefined && lte === undefined && lt === undefined;
}

/** The internal keys of a range. */
export function internalRange(bucket: Bucket, { gte, gt, lte, lt }: EncodedBounds): KeyRange {
  let lower = bucket.prefix;
  if (gte !== undefined) lower = boundary(bucket, encodedBytes(gte), false);
  else if (gt !== undefined) lower = boundary(bucket, encodedBytes(gt), true);
  let upper = bucket.end;
  if (lte !== undefined) upper = boundary(bucket, encodedBytes(lte), true);
  else if (lt !== undefined) upper = boundary(bucket, encodedBytes(lt), false);
  return { lower, upper };
}

/** What is left of a range from a target on, in the direction of the walk; undefined where the target is not in it. */
export function rangeFrom(bucket: Bucket, range: KeyRange, target: EncodedInput, reverse: boolean): KeyRange | undefined {
  const { lower, upper } = range;
  const bytes = encodedBytes(target);
  const point = boundary(bucket, bytes, false);
  if (compareKeys(point, lower) < 0 || compareKeys(point, upper) >= 0) return undefined;
  return reverse ? { lower, upper: boundary(bucket, bytes, true) } : { lower: point, upper };
}
