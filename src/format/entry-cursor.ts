/**
 * One sorted source of entries, as one view sees it. Memtables and runs of tables implement it; merging is over it.
 *
 * A cursor shows at most one entry a key: the newest version whose sequence is not above that of the view, tombstones
 * included. The fields describe the entry under the cursor as ranges of buffers that belong to the source.
 *
 * Invariants:
 * 1. While `valid`, the byte ranges stay readable until the next call on this cursor; the caller copies what it keeps.
 * 2. A new cursor is not valid; `seek` or `seekBefore` places it. Stepping beyond either end makes it not valid.
 * 3. A cursor that is not valid because of damage does not exist: damage throws.
 */
import type { Stretch } from './stretch.js';

/** A source of entries, with its place. */
export interface EntryCursor {
  /** Name of the file that the entry is from, or what else it is from; for messages. */
  readonly file: string;
  readonly valid: boolean;
  /** The internal key is keyBytes[keyStart, keyEnd). */
  readonly keyBytes: Uint8Array;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly isTombstone: boolean;
  /** The value is valueBytes[valueStart, valueEnd); of a tombstone, nothing. */
  readonly valueBytes: Uint8Array;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** To the first entry with a key at or after target[start, end). */
  seek(target: Uint8Array, start: number, end: number): void;
  /** To the last entry with a key before target[start, end). */
  seekBefore(target: Uint8Array, start: number, end: number): void;
  /** To the next entry in key order. Only while valid. */
  next(): void;
  /** To the previous entry in key order. Only while valid. */
  previous(): void;
  /** Fills a stretch that was begun with the entry under the cursor, which is no tombstone, and as many beside it as are there. */
  fillStretch(stretch: Stretch): void;
  /** To the last entry, in the direction of the stretch, of one that was filled here and perhaps cut since. */
  passStretch(stretch: Stretch): void;
}

/** What a point read found; reused from read to read. The bytes belong to the source: the caller copies what it keeps. */
export interface FoundValue {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** Result of a point read of one source: it holds no version for the view, a value, or a tombstone. */
export const pointAbsent = 0;
export const pointValue = 1;
export const pointTombstone = 2;
export type PointRead = typeof pointAbsent | typeof pointValue | typeof pointTombstone;
