/**
 * The difference between two versions, as a value that the manifest stores.
 *
 * - A flush adds one run at the head of level 0.
 * - A compaction removes tables and adds one run: at the head of a level below (nothing older stays above it),
 *   or in the place of a run whose id it takes over.
 * - A table moves unchanged by being removed and added in one edit.
 *
 * How an edit is applied (`VersionBuilder` in version-builder.ts): the removed tables leave their runs, which keep their places even when
 * nothing is left in them; each added run joins the run of the same id in its level, or else stands in front of that level
 * (several, in the order in which they are given); then runs without tables go.
 *
 * **Invariants:**
 * 1. What is removed is there; nothing is removed twice.
 * 2. A counter says "at least this": it never leads back, and absent it changes nothing.
 */
import type { TableMetadata } from '../sstable/table-metadata.js';

/** A run to be added, or tables to join the run of that id in that level. */
export interface AddedRun {
  readonly level: number;
  readonly runId: number;
  /** In key order, at least one. */
  readonly tables: readonly TableMetadata[];
}

/** One change of the set of tables and of the counters. */
export interface VersionEdit {
  /** File numbers. */
  readonly removedTables: readonly number[];
  readonly addedRuns: readonly AddedRun[];
  /** Logs with smaller numbers are not needed any more. */
  readonly oldestLogNumber?: number | undefined;
  /** Every sequence that was given out before the edit is at most this. */
  readonly lastSequence?: number | undefined;
  /** The smallest file number that was not given out. */
  readonly nextFileNumber?: number | undefined;
  /** The smallest bucket id that was never given out. */
  readonly nextBucketId?: number | undefined;
  /** The log that is committed to now, and how much of it is durable. */
  readonly newestLogNumber?: number | undefined;
  readonly newestLogBytes?: number | undefined;
}
