/**
 * The iterator that `unsafeIterate` gives: lazy, synchronous, over the state at the call.
 *
 *   open ── end reached, return, throw, or an error of a read ──▶ ended (view released)
 *     └── its transaction, section or backend ended ──▶ throws at each step (view released)
 *
 * Invariants:
 * 1. Its view is registered as long as it is open, unless it lives in an open section; one that was dropped without an end is
 *    released when it is collected.
 * 2. Each step before the end asks its transaction whether it may still read, and throws what a read would.
 * 3. What was read ahead is a copy of entries of its view, which does not change: they are the same as if they were read at their step.
 * 4. Entries that were handed out are not held, nor is anything after the end: an iterator that somebody keeps keeps no large value alive.
 */
import type { RangeCursor } from '../engine/range-cursor.js';
import type { ViewRegistry } from '../engine/views.js';
import { VarveError } from '../errors.js';
import type { Stretch } from '../format/stretch.js';
import { copyStretch } from './copies.js';
import type { ReadScope } from './reader.js';

/** Releases a view once. */
class ViewHold {
  private held = true;

  constructor(
    private readonly views: ViewRegistry,
    private readonly sequence: number,
  ) {
    views.register(sequence);
  }

  release(): void {
    if (this.held) this.views.release(this.sequence);
    this.held = false;
  }
}

/** Entries that are read at the first step of an iterator without a limit, which may end at any step. */
const firstAhead = 4;

/** Stands where a value was that its owner has now. Keys are small. */
const handedOut = Buffer.alloc(0);

const dropped = new FinalizationRegistry<ViewHold>((hold) => hold.release());

export class EntryIterator implements IterableIterator<[key: Buffer, value: Buffer]> {
  private readonly epoch: number;
  private readonly hold: ViewHold | undefined;
  private left: number;
  /** Entries that were read ahead, of which those from `place` on are still to be handed out. */
  private readonly keys: Buffer[] = [];
  private readonly values: Buffer[] = [];
  private place = 0;
  private count = 0;
  /** How many may be read at the next reading. */
  private most: number;
  private ended = false;

  constructor(
    private readonly scope: ReadScope,
    /** Undefined: nothing to walk over, or no longer. */
    private walk: RangeCursor | undefined,
    private readonly prefixBytes: number,
    limit: number,
    views: ViewRegistry,
    /** For one step at a time. */
    private readonly stretch: Stretch,
  ) {
    this.epoch = scope.epoch;
    this.left = limit;
    this.most = limit === Number.POSITIVE_INFINITY ? firstAhead : limit;
    if (walk !== undefined && !scope.holdsView) {
      this.hold = new ViewHold(views, scope.viewSequence);
      dropped.register(this, this.hold, this);
    }
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<[key: Buffer, value: Buffer], undefined> {
    if (this.ended) return { done: true, value: undefined };
    this.check();
    try {
      if (this.place === this.count && !this.readAhead()) {
        this.end();
        return { done: true, value: undefined };
      }
      const place = this.place++;
      const key = this.keys[place] as Buffer;
      const value = this.values[place] as Buffer;
      this.values[place] = handedOut;
      return { done: false, value: [key, value] };
    } catch (error) {
      this.end();
      throw error;
    }
  }

  return(): IteratorResult<[key: Buffer, value: Buffer], undefined> {
    this.end();
    return { done: true, value: undefined };
  }

  throw(error: unknown): IteratorResult<[key: Buffer, value: Buffer], undefined> {
    this.end();
    throw error;
  }

  /** Reads the next stretch; false at the end. The walk itself goes further ahead the further it came. */
  private readAhead(): boolean {
    const { walk, stretch, most } = this;
    const last = most > 0 ? walk?.nextStretch(stretch, most) : undefined;
    if (walk === undefined || last === undefined) return false;
    walk.rememberKey(last);
    this.count = stretch.count;
    this.place = 0;
    this.left -= this.count;
    this.most = this.left;
    copyStretch(stretch, this.prefixBytes, this.keys, this.values, 0);
    return true;
  }

  /** Throws where the transaction is read no more. It never is again, so each later step throws too: an end would say that this was all. */
  private check(): void {
    try {
      this.scope.check();
      if (this.scope.epoch !== this.epoch) throw new VarveError('VARVE_TX_NOT_LOCKED', 'the section of this iterator has ended');
    } catch (error) {
      this.release();
      throw error;
    }
  }

  private end(): void {
    this.ended = true;
    this.release();
  }

  private release(): void {
    this.hold?.release();
    dropped.unregister(this);
    this.walk = undefined;
    this.keys.length = 0;
    this.values.length = 0;
  }
}
