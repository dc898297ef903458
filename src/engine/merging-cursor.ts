/**
 * Several sorted sources as one, newest version wins, tombstones hidden: what a range read walks over.
 *
 * The sources that are not at their end are kept in an array, sorted by the key they stand on and by age where keys are equal.
 * Stepping moves the first source and those that stand on the same key, and puts each back at its place. Where one source
 * has a long stretch to itself (keys that arrived in order, a store that was compacted) that costs one comparison.
 *
 * Invariants:
 * 1. `order` is sorted; its first source stands on the current entry, which is no tombstone.
 * 2. A cursor goes one way, from its `seek` on.
 */
import { compareBytes } from '../format/bytes.js';
import type { EntryCursor } from '../format/entry-cursor.js';

interface RankedCursor {
  readonly cursor: EntryCursor;
  /** Age of the source: 0 is the newest. */
  readonly rank: number;
}

export class MergingCursor {
  private readonly sources: readonly RankedCursor[];
  private readonly order: RankedCursor[] = [];

  constructor(
    /** Newest first. */
    cursors: readonly EntryCursor[],
    private readonly reverse: boolean,
    /** How many of them are runs of tables. */
    readonly runs: number,
  ) {
    this.sources = cursors.map((cursor, rank) => ({ cursor, rank }));
  }

  /** The source that stands on the current entry, or undefined at the end. Its fields are valid until the next call here. */
  get current(): EntryCursor | undefined {
    return this.order[0]?.cursor;
  }

  /** Forward: to the first key at or after the target. In reverse: to the last key before it. */
  seek(target: Uint8Array, start: number, end: number): void {
    this.order.length = 0;
    for (const source of this.sources) {
      if (this.reverse) source.cursor.seekBefore(target, start, end);
      else source.cursor.seek(target, start, end);
      if (source.cursor.valid) this.insert(source);
    }
    if (this.order[0]?.cursor.isTombstone === true) this.next();
  }

  /** To the next entry in the direction of this cursor. */
  next(): void {
    const { order } = this;
    do {
      const top = order[0];
      if (top === undefined) return;
      while (order.length > 1 && this.sameKey(top, order[1] as RankedCursor)) this.step(1);
      this.step(0);
    } while (order[0]?.cursor.isTombstone === true);
  }

  private step(at: number): void {
    const source = this.order[at] as RankedCursor;
    if (this.reverse) source.cursor.previous();
    else source.cursor.next();
    if (!source.cursor.valid) {
      this.order.splice(at, 1);
      return;
    }
    const { order } = this;
    let place = at;
    while (place + 1 < order.length && this.before(order[place + 1] as RankedCursor, source)) {
      order[place] = order[place + 1] as RankedCursor;
      place++;
    }
    order[place] = source;
  }

  private insert(source: RankedCursor): void {
    const { order } = this;
    let place = order.length;
    order.push(source);
    while (place > 0 && this.before(source, order[place - 1] as RankedCursor)) {
      order[place] = order[place - 1] as RankedCursor;
      place--;
    }
    order[place] = source;
  }

  private before(a: RankedCursor, b: RankedCursor): boolean {
    const difference = compareBytes(
      a.cursor.keyBytes,
      a.cursor.keyStart,
      a.cursor.keyEnd,
      b.cursor.keyBytes,
      b.cursor.keyStart,
      b.cursor.keyEnd,
    );
    if (difference !== 0) return this.reverse ? difference > 0 : difference < 0;
    return a.rank < b.rank;
  }

  private sameKey(a: RankedCursor, b: RankedCursor): boolean {
    const { cursor: x } = a;
    const { cursor: y } = b;
    return compareBytes(x.keyBytes, x.keyStart, x.keyEnd, y.keyBytes, y.keyStart, y.keyEnd) === 0;
  }
}
