/**
 * A stretch: entries that follow one another in one source and lie side by side in it, so that they can be taken together.
 *
 *   keys    | k5 | k6 | k7 |      the n-th key is keyBytes[keyBounds[n], keyBounds[n + 1]), for first <= n < end
 *   values  | v5 | v6 | v7 |      the n-th value likewise
 *
 *   forward: filled from 0 on, the nearest entry is `first`     in reverse: filled from the back, the nearest is `end` - 1
 *
 * Whoever walks says in which direction and how far it may go, a source fills it, and the walk cuts it where entries of others or the
 * end of a range come in between. One object serves many stretches, one after the other.
 *
 * Invariants:
 * 1. Once filled it has at least one entry, and cutting leaves the nearest one.
 * 2. Entries stand in key order, no key twice, and none is a tombstone.
 * 3. More than one entry have at most `stretchBytesMax` bytes together.
 * 4. The bytes belong to the source, and are valid until its next call.
 */
import { compareBytes } from './bytes.js';
import type { EntryCursor } from './entry-cursor.js';

/** Entries of a stretch at most. */
export const stretchEntriesMax = 128;
/** Bytes of the keys and values of several entries at most: a copy of them is one piece of the pool that small Buffers come from. */
export const stretchBytesMax = 4000;

const noBytes = new Uint8Array(0);

/** Entries that lie side by side. */
export class Stretch {
  keyBytes: Uint8Array = noBytes;
  valueBytes: Uint8Array = noBytes;
  readonly keyBounds = new Uint32Array(stretchEntriesMax + 1);
  readonly valueBounds = new Uint32Array(stretchEntriesMax + 1);
  first = 0;
  /** Exclusive. */
  end = 0;
  reverse = false;
  /** How many entries may be taken. */
  most = 1;

  get count(): number {
    return this.end - this.first;
  }

  /** Empties it, for at least one and at most `most` entries. */
  begin(reverse: boolean, most: number): void {
    this.reverse = reverse;
    this.most = Math.min(most, stretchEntriesMax);
    this.first = this.end = reverse ? stretchEntriesMax : 0;
  }

  /** The entry under a cursor, alone. */
  takeOne({ keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd }: EntryCursor): void {
    this.keyBytes = keyBytes;
    this.valueBytes = valueBytes;
    if (this.reverse) this.first--;
    else this.end++;
    const { first, end, keyBounds, valueBounds } = this;
    keyBounds[first] = keyStart;
    keyBounds[end] = keyEnd;
    valueBounds[first] = valueStart;
    valueBounds[end] = valueEnd;
  }

  /** Lets go of the bytes of the source, when the entries were copied. */
  release(): void {
    this.keyBytes = this.valueBytes = noBytes;
  }

  /** Drops what is not before key[start, end) in the direction of the stretch, or, where `keepsEqual`, not at it; but not the nearest entry. */
  cut(key: Uint8Array, start: number, end: number, keepsEqual: boolean): void {
    // Of the entries at distance d, those below `low` are known to stay, those from `high` on to go.
    let low = 1;
    let high = this.count;
    if (low === high) return;
    // Where sources alternate the first one goes already, and where one has all to itself the last one stays.
    if (!this.isBefore(low, key, start, end, keepsEqual)) high = low;
    else if (this.isBefore(high - 1, key, start, end, keepsEqual)) return;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.isBefore(middle, key, start, end, keepsEqual)) low = middle + 1;
      else high = middle;
    }
    if (this.reverse) this.first = this.end - low;
    else this.end = this.first + low;
  }

  /** Length of the shortest key. */
  get shortestKeyBytes(): number {
    const { keyBounds, first, end } = this;
    let shortest = Number.POSITIVE_INFINITY;
    for (let n = first; n < end; n++) shortest = Math.min(shortest, (keyBounds[n + 1] as number) - (keyBounds[n] as number));
    return shortest;
  }

  private isBefore(distance: number, key: Uint8Array, start: number, end: number, orEqual: boolean): boolean {
    const n = this.reverse ? this.end - 1 - distance : this.first + distance;
    const { keyBytes, keyBounds } = this;
    const difference = compareBytes(keyBytes, keyBounds[n] as number, keyBounds[n + 1] as number, key, start, end);
    return difference === 0 ? orEqual : difference < 0 !== this.reverse;
  }
}
