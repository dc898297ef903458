/**
 * Which versions and tombstones may vanish when runs are merged or a memtable is flushed. Pure: from sequences to decisions.
 *
 * The versions of one key come newest first, as the sequences s0 > s1 > … A view at sequence v reads the first version with
 * s <= v. So version i is needed by the views in [s(i), s(i-1)), and the newest one by everybody who comes later.
 *
 *   views            10        25
 *   versions   8  9      20        30     kept: 30 (newest), 20 (view 25), 9 (view 10); dropped: 8
 *
 * Invariants:
 * 1. A version that some live view reads is kept, and so is the newest, but for (2).
 * 2. A tombstone goes only where no older run outside can hold its key, and every live view sees it: then everything that it
 *    hides is dropped with it.
 * 3. A kept version that every live view sees is written with sequence 0 (elided): views that come later are newer still.
 * 4. A bucket that nobody can read loses all that it owns.
 */
import type { Retention } from './job.js';

export const dropVersion = -1;

export class DropPolicy {
  private readonly views: readonly number[];
  private readonly oldestView: number;
  private readonly liveBuckets: Uint32Array;
  private newerSequence = Number.POSITIVE_INFINITY;

  constructor(
    retention: Retention,
    private readonly dropTombstones: boolean,
  ) {
    this.views = retention.views;
    this.oldestView = retention.views[0] ?? Number.POSITIVE_INFINITY;
    this.liveBuckets = retention.liveBuckets;
  }

  /** Before the first (newest) version of a key. */
  beginKey(): void {
    this.newerSequence = Number.POSITIVE_INFINITY;
  }

  /** The sequence with which the next older version is written (0: elided), or `dropVersion`. */
  decide(sequence: number, isTombstone: boolean): number {
    const newer = this.newerSequence;
    this.newerSequence = sequence;
    if (newer !== Number.POSITIVE_INFINITY && !this.isRead(sequence, newer)) return dropVersion;
    const seenByAll = sequence <= this.oldestView;
    if (isTombstone && seenByAll && this.dropTombstones) return dropVersion;
    return seenByAll ? 0 : sequence;
  }

  isLiveBucket(bucketId: number): boolean {
    const { liveBuckets } = this;
    return liveBuckets[firstFrom(liveBuckets, bucketId)] === bucketId;
  }

  /** Whether some view sees a version and not the next newer one: the first view that sees the version says it. */
  private isRead(sequence: number, newer: number): boolean {
    const view = this.views[firstFrom(this.views, sequence)];
    return view !== undefined && view < newer;
  }
}

/** The place of the first of ascending numbers that is not below `least`; their count where there is none. */
export function firstFrom(ascending: ArrayLike<number>, least: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
