/**
 * Several sorted sources as one, newest version wins, tombstones hidden: what a range read walks over.
 *
 * The sources that are not at their end are kept in an array, sorted by the key they stand on and by age where keys are equal.
 * Stepping moves the first source and those that stand on the same key, and puts each back at its place. Where one source
 * has a long stretch to itself (keys that arrived in order, a store that was compacted) that costs one comparison, and the
 * whole stretch can be taken in one step.
 *
 * Invariants:
 * 1. `order` is sorted; its first source stands on the current entry, which is no tombstone.
 * 2. A cursor goes one way, from its `seek` on.
 */
import { compareBytes } from '../format/bytes.js';
import type { EntryCursor } from '../format/entry-cursor.js';
import type { Stretch } from '../format/stretch.js';

export class MergingCursor {
  private readonly order: EntryCursor[] = [];

  constructor(
    /** Newest first. */
    private readonly sources: readonly EntryCursor[],
    private readonly reverse: boolean,
    /** How many of them are runs of tables. */
    readonly runs: number,
  ) {}

  /** The source that stands on the current entry, or undefined at the end. Its fields are valid until the next call here. */
  get current(): EntryCursor | undefined {
    return this.order[0];
  }

  /** Forward: to the first key at or after the target. In reverse: to the last key before it. */
  seek(target: Uint8Array, start: number, end: number): void {
    if (this.order.length > 0) this.order.length = 0;
    for (let i = 0; i < this.sources.length; i++) {
      const source = this.sources[i] as EntryCursor;
      if (this.reverse) source.seekBefore(target, start, end);
      else source.seek(target, start, end);
      if (source.valid) this.insert(source);
    }
    if (this.order[0]?.isTombstone === true) this.next();
  }

  /** To the next entry in the direction of this cursor. */
  next(): void {
    const { order } = this;
    do {
      const top = order[0];
      if (top === undefined) return;
      while (order.length > 1 && sameKey(top, order[1] as EntryCursor)) this.step(1);
      this.step(0);
    } while (order[0]?.isTombstone === true);
  }

  /**
   * Fills a stretch in the direction of this cursor with the current entry, which is there, and with those after it that its source
   * has to itself and that lie before `bound` (in reverse: at or above it). Stands on the last of them then.
   */
  takeStretch(stretch: Stretch, bound: Uint8Array): void {
    const { order } = this;
    const source = order[0] as EntryCursor;
    source.fillStretch(stretch);
    if (stretch.count === 1) return;
    const second = order[1];
    if (second !== undefined) stretch.cut(second.keyBytes, second.keyStart, second.keyEnd, false);
    stretch.cut(bound, 0, bound.length, this.reverse);
    source.passStretch(stretch);
  }

  private step(at: number): void {
    const { order } = this;
    const source = order[at] as EntryCursor;
    if (this.reverse) source.previous();
    else source.next();
    if (!source.valid) {
      order.splice(at, 1);
      return;
    }
    let place = at;
    while (place + 1 < order.length && this.before(order[place + 1] as EntryCursor, source)) {
      order[place] = order[place + 1] as EntryCursor;
      place++;
    }
    order[place] = source;
  }

  private insert(source: EntryCursor): void {
    const { order } = this;
    let place = order.length;
    order.push(source);
    while (place > 0 && this.before(source, order[place - 1] as EntryCursor)) {
      order[place] = order[place - 1] as EntryCursor;
      place--;
    }
    order[place] = source;
  }

  private before(a: EntryCursor, b: EntryCursor): boolean {
    const difference = compareBytes(a.keyBytes, a.keyStart, a.keyEnd, b.keyBytes, b.keyStart, b.keyEnd);
    if (difference !== 0) return this.reverse ? difference > 0 : difference < 0;
    return this.sources.indexOf(a) < this.sources.indexOf(b);
  }
}

function sameKey(a: EntryCursor, b: EntryCursor): boolean {
  return compareBytes(a.keyBytes, a.keyStart, a.keyEnd, b.keyBytes, b.keyStart, b.keyEnd) === 0;
}
