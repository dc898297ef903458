/**
 * Several sorted sources as one, newest version wins, tombstones hidden: what a range read walks over.
 *
 * The sources that are not at their end are kept in an array, sorted by the key they stand on and by age where keys are equal.
 * Stepping moves the first source and those that stand on the same key, and puts each back at its place. Where one source
 * has a long stretch to itself (keys that arrived in order, a store that was compacted) that costs one comparison, and the
 * whole stretch can be taken in one step.
 *
 * Where many tombstones follow one another, the walk that has stepped over them leaves word (gaps.ts), and those after it leap; and none
 * goes on over tombstones far beyond the end of its range.
 *
 * Invariants:
 * 1. `order` is sorted; its first source stands on the current entry, which is no tombstone.
 * 2. A cursor goes one way, from its `seek` on.
 * 3. It may show entries beyond its bound, or end there.
 */
import { compareBytes, compareKeys } from '../format/bytes.js';
import type { EntryCursor } from '../format/entry-cursor.js';
import type { Stretch } from '../format/stretch.js';
import { type Gaps, keyAfter, keyCopy } from './gaps.js';

/** Tombstones after which a cursor looks whether it may leap, and from which on it leaves word: they cost about as much as that. */
const hiddenPerLook = 64;

/** Who keeps what walks have found. */
export interface GapKeeper {
  readonly gaps: Gaps;
  /** Sequence of the newest write, also of one in an open section. */
  readonly writtenSequence: number;
}

const noBytes = new Uint8Array(0);

export class MergingCursor {
  private readonly order: EntryCursor[] = [];
  /** Where this cursor leapt to last. */
  private lastLeap: Uint8Array | undefined;

  constructor(
    /** Newest first. */
    private readonly sources: readonly EntryCursor[],
    private readonly reverse: boolean,
    /** How many of them are runs of tables. */
    readonly runs: number,
    private readonly keeper?: GapKeeper,
    private readonly viewSequence = 0,
    /** Where the range ends, for a cursor with a keeper: forward its first key beyond, in reverse its smallest key. */
    private readonly bound: Uint8Array = noBytes,
  ) {}

  /** The source that stands on the current entry, or undefined at the end. Its fields are valid until the next call here. */
  get current(): EntryCursor | undefined {
    return this.order[0];
  }

  /** Forward: to the first key at or after the target. In reverse: to the last key before it. */
  seek(target: Uint8Array, start: number, end: number): void {
    const leap = this.leap(target, start, end);
    this.lastLeap = leap;
    if (leap === undefined) this.place(target, start, end);
    else this.place(leap, 0, leap.length);
    if (this.order[0]?.isTombstone === true) this.passHidden(target, start, end, false);
  }

  /** To the next entry in the direction of this cursor. */
  next(): void {
    if (this.order.length === 0) return;
    this.stepOver();
    const top = this.order[0];
    if (top?.isTombstone === true) this.passHidden(top.keyBytes, top.keyStart, top.keyEnd, true);
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

  private place(target: Uint8Array, start: number, end: number): void {
    if (this.order.length > 0) this.order.length = 0;
    for (let i = 0; i < this.sources.length; i++) {
      const source = this.sources[i] as EntryCursor;
      if (this.reverse) source.seekBefore(target, start, end);
      else source.seek(target, start, end);
      if (source.valid) this.insert(source);
    }
  }

  /** Over the current entry and what it hides: the oldest first, so that each finds those that moved before it in their order already. */
  private stepOver(): void {
    const { order } = this;
    const top = order[0] as EntryCursor;
    let hiding = 1;
    while (hiding < order.length && sameKey(top, order[hiding] as EntryCursor)) hiding++;
    while (hiding > 0) this.step(--hiding);
  }

  /**
   * From a tombstone to the next entry that is none. From key[start, end) to where it stands there is nothing; the key itself belongs to that
   * where it is the one of the tombstone (`isOwnKey`).
   */
  private passHidden(key: Uint8Array, start: number, end: number, isOwnKey: boolean): void {
    const { order, keeper } = this;
    let hidden = 0;
    for (let top = order[0]; top?.isTombstone === true; top = order[0]) {
      if (++hidden % hiddenPerLook === 0 && keeper !== undefined) {
        if (this.isBeyond(top)) {
          order.length = 0;
          break;
        }
        const leap = this.leap(top.keyBytes, top.keyStart, top.keyEnd);
        // Where the keys of a table are out of order, a leap may lead back to what was passed or shown.
        if (leap !== undefined && (this.lastLeap === undefined || this.comesBefore(this.lastLeap, leap))) {
          hidden = 0;
          this.lastLeap = leap;
          this.place(leap, 0, leap.length);
          continue;
        }
      }
      this.stepOver();
    }
    if (hidden >= hiddenPerLook && keeper !== undefined) this.leaveWord(keeper, key, start, end, isOwnKey);
  }

  private leap(key: Uint8Array, start: number, end: number): Uint8Array | undefined {
    const { keeper } = this;
    if (keeper === undefined || keeper.gaps.isEmpty) return undefined;
    return keeper.gaps.leap(key, start, end, this.viewSequence, this.reverse);
  }

  /** Notes that there is nothing from key[start, end) to where this cursor stands, or its range ends. */
  private leaveWord(keeper: GapKeeper, key: Uint8Array, start: number, end: number, isOwnKey: boolean): void {
    const { viewSequence, bound } = this;
    const { gaps, writtenSequence } = keeper;
    // An older view does not see what was put since.
    if (viewSequence < writtenSequence) return;
    const top = this.order[0];
    const isAtEnd = top === undefined || this.isBeyond(top);
    if (this.reverse) {
      const from = isAtEnd ? bound : keyAfter(top.keyBytes, top.keyStart, top.keyEnd);
      gaps.add(from, isOwnKey ? keyAfter(key, start, end) : keyCopy(key, start, end), viewSequence, true);
    } else {
      const to = isAtEnd ? bound : keyCopy(top.keyBytes, top.keyStart, top.keyEnd);
      gaps.add(keyCopy(key, start, end), to, viewSequence, false);
    }
  }

  private comesBefore(a: Uint8Array, b: Uint8Array): boolean {
    return (this.reverse ? compareKeys(b, a) : compareKeys(a, b)) < 0;
  }

  private isBeyond({ keyBytes, keyStart, keyEnd }: EntryCursor): boolean {
    const { bound } = this;
    const difference = compareBytes(keyBytes, keyStart, keyEnd, bound, 0, bound.length);
    return this.reverse ? difference < 0 : difference >= 0;
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
    if (at + 1 === order.length || !this.before(order[at + 1] as EntryCursor, source)) return;
    let low = at + 2;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.before(order[middle] as EntryCursor, source)) low = middle + 1;
      else high = middle;
    }
    for (let place = at + 1; place < low; place++) order[place - 1] = order[place] as EntryCursor;
    order[low - 1] = source;
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
