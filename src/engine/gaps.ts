/**
 * Gaps: ranges of internal keys in which there is nothing to read, as walks found that had to step over many deleted entries.
 *
 *   entries    a  x  x  x  x  x  x  x  x  f         x: deleted, and still there until a compaction drops it
 *   gap           [b ─────────────────── f)         the next walk that comes to b goes on at f
 *
 * Whoever takes from the front of a queue deletes what the next one has to step over: without gaps each look at the front would cost as much as
 * all that were taken since the last compaction. A gap says something of the content, not of where it lies: it stays when memtables are
 * flushed and runs are merged.
 *
 *   put into it ─▶ cut: the part remains from which walks came      section undone in which it was found ─▶ gone
 *
 * Invariants:
 * 1. Gaps ascend, do not touch, and are not empty; there are `gapsMax` at most.
 * 2. A view that is not older than `asOf` sees no key in a gap.
 * 3. A gap is found by a view of all that is written (`asOf`); each put that comes later is told to `cut` before anybody can see it; those of the
 *    catalogue are not, which nobody walks over.
 */
import { compareBytes, compareKeys } from '../format/bytes.js';

const gapsMax = 64;

interface Gap {
  /** Internal keys k with start <= k < end. */
  start: Uint8Array;
  end: Uint8Array;
  /** Sequence of the newest write that was there. */
  asOf: number;
  /** Found by a walk in reverse, which comes from its end. */
  reverse: boolean;
}

export class Gaps {
  private readonly gaps: Gap[] = [];

  get isEmpty(): boolean {
    return this.gaps.length === 0;
  }

  /** Where a walk goes on that comes to a key: forward to keys at or after it, in reverse to those before it. Undefined: there. */
  leap(key: Uint8Array, keyStart: number, keyEnd: number, viewSequence: number, reverse: boolean): Uint8Array | undefined {
    const gap = this.gaps[this.lastUpTo(key, keyStart, keyEnd, reverse)];
    if (gap === undefined || gap.asOf > viewSequence) return undefined;
    const difference = compareBytes(key, keyStart, keyEnd, gap.end, 0, gap.end.length);
    if (reverse) return difference <= 0 ? gap.start : undefined;
    return difference < 0 ? gap.end : undefined;
  }

  /** Notes that a view of everything up to `asOf` sees no key k with start <= k < end. */
  add(start: Uint8Array, end: Uint8Array, asOf: number, reverse: boolean): void {
    if (compareKeys(start, end) >= 0) return;
    const { gaps } = this;
    // What it touches becomes part of it: those gaps hold still, or they would have been cut.
    let first = 0;
    while (first < gaps.length && compareKeys((gaps[first] as Gap).end, start) < 0) first++;
    const gap = { start, end, asOf, reverse };
    let stop = first;
    for (let other = gaps[stop]; other !== undefined && compareKeys(other.start, end) <= 0; other = gaps[++stop]) {
      if (compareKeys(other.start, gap.start) < 0) gap.start = other.start;
      if (compareKeys(other.end, gap.end) > 0) gap.end = other.end;
    }
    gaps.splice(first, stop - first, gap);
    if (gaps.length > gapsMax) this.dropOldest();
  }

  /** Before a value is put under key[0, keyEnd). */
  cut(key: Uint8Array, keyEnd: number): void {
    const place = this.lastUpTo(key, 0, keyEnd, false);
    const gap = this.gaps[place];
    if (gap === undefined || compareBytes(key, 0, keyEnd, gap.end, 0, gap.end.length) >= 0) return;
    if (gap.reverse) gap.start = keyAfter(key, 0, keyEnd);
    else gap.end = keyCopy(key, 0, keyEnd);
    if (compareKeys(gap.start, gap.end) >= 0) this.gaps.splice(place, 1);
  }

  /** After everything from `sequence` on was undone: what was deleted there is back. */
  undoFrom(sequence: number): void {
    for (let place = this.gaps.length - 1; place >= 0; place--) {
      if ((this.gaps[place] as Gap).asOf >= sequence) this.gaps.splice(place, 1);
    }
  }

  /** The last gap that starts at or before a key (`before`: only before it), or -1. */
  private lastUpTo(key: Uint8Array, keyStart: number, keyEnd: number, before: boolean): number {
    let low = 0;
    let high = this.gaps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { start } = this.gaps[middle] as Gap;
      const difference = compareBytes(start, 0, start.length, key, keyStart, keyEnd);
      if (difference < 0 || (difference === 0 && !before)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The one that no walk made longer for the longest time. */
  private dropOldest(): void {
    let oldest = 0;
    for (let place = 1; place < this.gaps.length; place++) {
      if ((this.gaps[place] as Gap).asOf < (this.gaps[oldest] as Gap).asOf) oldest = place;
    }
    this.gaps.splice(oldest, 1);
  }
}

/** The smallest key above key[start, end). */
export function keyAfter(key: Uint8Array, start: number, end: number): Uint8Array {
  const after = new Uint8Array(end - start + 1);
  after.set(key.subarray(start, end));
  return after;
}

/** A copy of key[start, end): `slice` of a Buffer is none. */
export function keyCopy(key: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(key.subarray(start, end));
}
