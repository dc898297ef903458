/**
 * A walk over a range of one bucket for one view, that lasts as long as the caller likes.
 *
 *   unplaced ── first next ──▶ on an entry ── next, nextStretch … ──▶ ended
 *
 * Between two steps memtables may be sealed and flushed and tables be replaced. The walk keeps the key on which it stands, and
 * where `generation` changed it takes its place again in the new sources, right after that key.
 *
 * Invariants:
 * 1. Entries are those of the view at `viewSequence`, which whoever walks has registered or which cannot go (an open section).
 * 2. The bytes under the walk are valid until the next call of the engine.
 */
import { corruption, type VarveError } from '../errors.js';
import { compareBytes } from '../format/bytes.js';
import type { EntryCursor } from '../format/entry-cursor.js';
import { type Stretch, stretchEntriesMax } from '../format/stretch.js';
import type { Bucket } from './bucket-catalog.js';
import type { MergingCursor } from './merging-cursor.js';
import type { ReadPath } from './read-path.js';

/** Steps over several runs are paid for (read-debt.ts) so many at a time. */
const stepsPerPayment = 64;
/** Entries that the first stretch may have. */
const firstReach = 16;

const noBytes = Buffer.alloc(0);

/** Internal keys k with lower <= k < upper. */
export interface KeyRange {
  readonly lower: Uint8Array;
  readonly upper: Uint8Array;
}

export class RangeCursor {
  private cursor: MergingCursor | undefined;
  private generation = -1;
  private lastKey = noBytes;
  private lastKeyBytes = -1;
  private ended = false;
  private steps = 0;
  /** How long a stretch is looked for: about as long as the last ones were, so that where sources alternate nothing is looked at in vain. */
  private reach = firstReach;

  constructor(
    private readonly reads: Pick<ReadPath, 'generation' | 'cursor' | 'paySteps'>,
    private readonly bucket: Pick<Bucket, 'id' | 'prefix' | 'end'>,
    private readonly range: KeyRange,
    private readonly reverse: boolean,
    private readonly viewSequence: number,
  ) {}

  /** To the next entry of the range; undefined at its end. */
  next(): EntryCursor | undefined {
    if (this.ended) return undefined;
    if (this.cursor === undefined || this.generation !== this.reads.generation) this.takePlace();
    else this.step(this.cursor);
    const current = this.cursor?.current;
    if (current === undefined || !this.isInside(current)) {
      this.ended = true;
      this.cursor = undefined;
      return undefined;
    }
    // Only a table whose keys are out of order shows one that is not even long enough to be of the bucket.
    if (current.keyEnd - current.keyStart < this.bucket.prefix.length) throw outOfOrder(current);
    return current;
  }

  /**
   * To the next entry, and on over those that can be taken with it, at most so many. Fills the stretch with them and gives the last one,
   * on which the walk stands; undefined at the end of the range.
   */
  nextStretch(stretch: Stretch, most: number): EntryCursor | undefined {
    const current = this.next();
    if (current === undefined) return undefined;
    stretch.begin(this.reverse, Math.min(most, this.reach));
    this.cursor?.takeStretch(stretch, this.reverse ? this.range.lower : this.range.upper);
    if (stretch.shortestKeyBytes < this.bucket.prefix.length) throw outOfOrder(current);
    this.reach = Math.max(this.reach >> 1, Math.min(2 * stretch.count, stretchEntriesMax));
    return current;
  }

  /** Keeps a copy of the key under the walk: needed before anything else may happen between two steps. */
  rememberKey(current: EntryCursor): void {
    const { keyBytes, keyStart, keyEnd } = current;
    this.lastKeyBytes = keyEnd - keyStart;
    if (this.lastKey.length < this.lastKeyBytes) this.lastKey = Buffer.allocUnsafeSlow(Math.max(64, this.lastKeyBytes * 2));
    for (let from = keyStart, to = 0; from < keyEnd; from++, to++) this.lastKey[to] = keyBytes[from] as number;
  }

  /** A stretch counts as one: it costs no more than a step. */
  private step(cursor: MergingCursor): void {
    cursor.next();
    if (cursor.runs > 1 && ++this.steps % stepsPerPayment === 0) this.reads.paySteps(stepsPerPayment);
  }

  private takePlace(): void {
    const { reads, range, reverse } = this;
    const cursor = reads.cursor(this.bucket, this.viewSequence, reverse, reverse ? range.lower : range.upper);
    this.cursor = cursor;
    this.generation = reads.generation;
    if (this.lastKeyBytes < 0) {
      const bound = reverse ? range.upper : range.lower;
      cursor.seek(bound, 0, bound.length);
      return;
    }
    cursor.seek(this.lastKey, 0, this.lastKeyBytes);
    // Forward, a seek finds the key itself where it is still there; in reverse it finds the one before.
    const { current } = cursor;
    if (!reverse && current !== undefined && this.isLastKey(current)) cursor.next();
  }

  private isLastKey({ keyBytes, keyStart, keyEnd }: EntryCursor): boolean {
    return compareBytes(keyBytes, keyStart, keyEnd, this.lastKey, 0, this.lastKeyBytes) === 0;
  }

  private isInside({ keyBytes, keyStart, keyEnd }: EntryCursor): boolean {
    const { lower, upper } = this.range;
    return this.reverse
      ? compareBytes(keyBytes, keyStart, keyEnd, lower, 0, lower.length) >= 0
      : compareBytes(keyBytes, keyStart, keyEnd, upper, 0, upper.length) < 0;
  }
}

function outOfOrder({ file }: EntryCursor): VarveError {
  return corruption(file, undefined, 'keys are out of order');
}
