/**
 * What the three iterators have in common: a walk over a range at one view, giving entries, keys or values.
 *
 *   placed ── next, nextMany, all … ──▶ at its end ── seek ──▶ placed         close, at any time ──▶ released
 *
 * Invariants:
 * 1. The view is taken when the walk is made, or is that of an explicit snapshot, which outlives every read.
 * 2. Everything given out is the caller's to keep; nothing is read ahead.
 * 3. Reads are synchronous, and no promise or closure is made for an entry. What lasts lets others go first now and then (turn.ts).
 */
import type { BucketStore, BucketView } from '../backend/bucket-store.js';
import type { KeyRange, RangeCursor } from '../engine/range-cursor.js';
import type { EntryCursor } from '../format/entry-cursor.js';
import { type Encoded, type EncodedInput, type Format, readEncoded } from './encoded.js';
import { type EncodedBounds, internalRange, rangeFrom } from './key-range.js';
import { abortError, asLevelError } from './level-error.js';
import { viewOf } from './snapshot.js';
import type { Turn } from './turn.js';

/** Entries that are read before others may go first. */
const entriesPerPiece = 256;

/** Options as abstract-level passes them to an iterator. */
export interface WalkOptions extends EncodedBounds {
  readonly reverse: boolean;
  readonly keyEncoding: Format;
  readonly valueEncoding: Format;
  readonly keys?: boolean;
  readonly values?: boolean;
  readonly snapshot?: unknown;
  readonly signal?: AbortSignal | null | undefined;
}

/** Makes an item of what is under the walk. The first `skip` bytes of the key are the bucket's. */
export type ItemReader<Item> = (entry: EntryCursor, skip: number, keys: Format, values: Format) => Item;

export class ItemWalk<Item> {
  private readonly view: BucketView;
  private readonly ownsView: boolean;
  private readonly range: KeyRange | undefined;
  private readonly skip: number;
  private readonly keys: Format;
  private readonly values: Format;
  private readonly signal: AbortSignal | undefined;
  private cursor: RangeCursor | undefined;

  constructor(
    private readonly store: BucketStore,
    private readonly options: WalkOptions,
    private readonly read: ItemReader<Item>,
    private readonly turn: Turn,
  ) {
    const snapshotView = viewOf(options.snapshot, store);
    this.view = snapshotView ?? store.view();
    this.ownsView = snapshotView === undefined;
    this.keys = options.keyEncoding;
    this.values = options.valueEncoding;
    this.signal = options.signal ?? undefined;
    const { bucket } = this.view;
    this.skip = bucket?.prefix.length ?? 0;
    this.range = bucket === undefined ? undefined : internalRange(bucket, options);
    this.place(this.range);
  }

  /** The next item, or undefined at the end. */
  next(): Item | undefined | Promise<Item | undefined> {
    if (this.signal !== undefined) return this.stepUnlessAborted();
    const item = this.step();
    const pause = this.turn.after(1);
    return pause === undefined ? item : pause.then(() => item);
  }

  /** The next `most` items; fewer only at the end. */
  nextMany(most: number): Item[] | Promise<Item[]> {
    return this.signal === undefined && most < entriesPerPiece ? this.gatherNow(most) : this.gather(most);
  }

  /** Goes on at the target, or after it in the direction of the walk; outside the range there is nothing. */
  seek(target: EncodedInput): void {
    const { bucket } = this.view;
    if (bucket !== undefined && this.range !== undefined) this.place(rangeFrom(bucket, this.range, target, this.options.reverse));
  }

  /** Ends the walk. */
  close(): void {
    this.cursor = undefined;
    if (this.ownsView) this.view.release();
  }

  private place(range: KeyRange | undefined): void {
    const { view, store } = this;
    const { bucket } = view;
    this.cursor = bucket === undefined || range === undefined ? undefined : store.walk(view, bucket, range, this.options.reverse);
  }

  private step(): Item | undefined {
    const { cursor } = this;
    try {
      this.store.checkOpen();
      const entry = cursor?.next();
      if (cursor === undefined || entry === undefined) return undefined;
      cursor.rememberKey(entry);
      return this.read(entry, this.skip, this.keys, this.values);
    } catch (error) {
      throw asLevelError(error);
    }
  }

  /** Adds up to `most` items; whether there may be more. */
  private take(most: number, items: Item[]): boolean {
    const { cursor, read, skip, keys, values } = this;
    try {
      this.store.checkOpen();
      if (cursor === undefined) return false;
      let last: EntryCursor | undefined;
      for (let taken = 0; taken < most; taken++) {
        const entry = cursor.next();
        if (entry === undefined) return false;
        items.push(read(entry, skip, keys, values));
        last = entry;
      }
      if (last !== undefined) cursor.rememberKey(last);
      return true;
    } catch (error) {
      throw asLevelError(error);
    }
  }

  private gatherNow(most: number): Item[] | Promise<Item[]> {
    const items: Item[] = [];
    this.take(most, items);
    const pause = this.turn.after(items.length);
    return pause === undefined ? items : pause.then(() => items);
  }

  private async gather(most: number): Promise<Item[]> {
    const items: Item[] = [];
    if (this.signal !== undefined) await undefined;
    for (;;) {
      this.checkNotAborted();
      const before = items.length;
      if (!this.take(Math.min(entriesPerPiece, most - before), items) || items.length >= most) return items;
      const pause = this.turn.after(items.length - before);
      if (pause !== undefined) await pause;
    }
  }

  /** Whoever called may call it off in the same turn. */
  private async stepUnlessAborted(): Promise<Item | undefined> {
    await this.turn.after(1);
    this.checkNotAborted();
    return this.step();
  }

  private checkNotAborted(): void {
    if (this.signal?.aborted === true) throw abortError(this.signal.reason);
  }
}

const keyOf = (entry: EntryCursor, skip: number, format: Format): Encoded =>
  readEncoded(format, entry.keyBytes, entry.keyStart + skip, entry.keyEnd);

const valueOf = (entry: EntryCursor, format: Format): Encoded =>
  readEncoded(format, entry.valueBytes, entry.valueStart, entry.valueEnd);

/** An entry; a side that is not wanted is undefined. */
export type EncodedEntry = [Encoded | undefined, Encoded | undefined];

const readEntry: ItemReader<EncodedEntry> = (entry, skip, keys, values) => [keyOf(entry, skip, keys), valueOf(entry, values)];
const readKeyAlone: ItemReader<EncodedEntry> = (entry, skip, keys) => [keyOf(entry, skip, keys), undefined];
const readValueAlone: ItemReader<EncodedEntry> = (entry, _skip, _keys, values) => [undefined, valueOf(entry, values)];
const readNothing: ItemReader<EncodedEntry> = () => [undefined, undefined];

/** Reads entries with the sides that are wanted. */
export function entryReader({ keys, values }: Pick<WalkOptions, 'keys' | 'values'>): ItemReader<EncodedEntry> {
  if (keys === false) return values === false ? readNothing : readValueAlone;
  return values === false ? readKeyAlone : readEntry;
}

/** Reads keys. */
export const readKey: ItemReader<Encoded> = (entry, skip, keys) => keyOf(entry, skip, keys);

/** Reads values. */
export const readValue: ItemReader<Encoded> = (entry, _skip, _keys, values) => valueOf(entry, values);
