/**
 * Clearing: all keys in constant time, a range of them in pieces.
 *
 * A range is cleared as it was at the call: what is put into it meanwhile under a new key stays. It is not atomic (Level does not
 * ask for that): each piece is one section, and other calls go between them, so memory stays bounded however long the range.
 */
import type { BucketStore, BucketView, StoreOperation } from '../backend/bucket-store.js';
import { copyOut } from '../backend/copies.js';
import type { Bucket } from '../engine/bucket-catalog.js';
import type { EntryCursor } from '../format/entry-cursor.js';
import { type EncodedBounds, internalRange, isUnbounded } from './key-range.js';

/** Keys that are deleted in one section. */
const keysPerPiece = 1000;

/** Options of `clear`, as abstract-level passes them on. */
export interface ClearOptions extends EncodedBounds {
  readonly reverse: boolean;
  /** Negative: all. */
  readonly limit: number;
}

/** Deletes the keys of a range that the snapshot, or else the newest state, holds. Begins before it returns. */
export async function clear(store: BucketStore, options: ClearOptions, snapshot: BucketView | undefined): Promise<void> {
  if (snapshot === undefined && options.limit < 0 && isUnbounded(options)) {
    store.clear();
    return;
  }
  const view = snapshot ?? store.view();
  try {
    if (view.bucket !== undefined) await clearRange(store, options, view, view.bucket);
  } finally {
    if (view !== snapshot) view.release();
  }
}

async function clearRange(store: BucketStore, options: ClearOptions, view: BucketView, bucket: Bucket): Promise<void> {
  const walk = store.walk(view, bucket, internalRange(bucket, options), options.reverse);
  const skip = bucket.prefix.length;
  let left = options.limit < 0 ? Number.POSITIVE_INFINITY : options.limit;
  for (;;) {
    const operations: StoreOperation[] = [];
    let entry: EntryCursor | undefined;
    const most = Math.min(keysPerPiece, left);
    while (operations.length < most && (entry = walk.next()) !== undefined) {
      operations.push({ type: 'del', key: copyOut(entry.keyBytes, entry.keyStart + skip, entry.keyEnd) });
    }
    if (entry !== undefined) walk.rememberKey(entry);
    if (operations.length > 0) store.write(operations);
    left -= operations.length;
    if (entry === undefined || left === 0) return;
    await new Promise((resolve) => setImmediate(resolve));
    store.checkOpen();
  }
}
