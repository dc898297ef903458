/**
 * The iterators of a VarveLevel over entries, keys and values: abstract-level's classes, each over a walk (item-walk.ts).
 */
import { AbstractIterator, AbstractKeyIterator, AbstractValueIterator } from './abstract-base.js';
import type { Encoded, EncodedInput } from './encoded.js';
import type { EncodedEntry, ItemWalk } from './item-walk.js';

/** Over entries. */
export class LevelIterator<TDatabase, K, V> extends AbstractIterator<TDatabase, K, V> {
  /** @internal */
  constructor(
    db: TDatabase,
    options: object,
    private readonly walk: ItemWalk<EncodedEntry>,
  ) {
    super(db, options);
  }

  /** @internal */
  _next(): EncodedEntry | undefined | Promise<EncodedEntry | undefined> {
    return this.walk.next();
  }

  /** @internal */
  _nextv(size: number): EncodedEntry[] | Promise<EncodedEntry[]> {
    return this.walk.nextMany(size);
  }

  /** @internal */
  _all(): EncodedEntry[] | Promise<EncodedEntry[]> {
    return this.walk.nextMany(this.limit - this.count);
  }

  /** @internal */
  _seek(target: EncodedInput): void {
    this.walk.seek(target);
  }

  /** @internal */
  _close(): void {
    this.walk.close();
  }
}

/** Over keys. */
export class LevelKeyIterator<TDatabase, K> extends AbstractKeyIterator<TDatabase, K> {
  /** @internal */
  constructor(
    db: TDatabase,
    options: object,
    private readonly walk: ItemWalk<Encoded>,
  ) {
    super(db, options);
  }

  /** @internal */
  _next(): Encoded | undefined | Promise<Encoded | undefined> {
    return this.walk.next();
  }

  /** @internal */
  _nextv(size: number): Encoded[] | Promise<Encoded[]> {
    return this.walk.nextMany(size);
  }

  /** @internal */
  _all(): Encoded[] | Promise<Encoded[]> {
    return this.walk.nextMany(this.limit - this.count);
  }

  /** @internal */
  _seek(target: EncodedInput): void {
    this.walk.seek(target);
  }

  /** @internal */
  _close(): void {
    this.walk.close();
  }
}

/** Over values. */
export class LevelValueIterator<TDatabase, K, V> extends AbstractValueIterator<TDatabase, K, V> {
  /** @internal */
  constructor(
    db: TDatabase,
    options: object,
    private readonly walk: ItemWalk<Encoded>,
  ) {
    super(db, options);
  }

  /** @internal */
  _next(): Encoded | undefined | Promise<Encoded | undefined> {
    return this.walk.next();
  }

  /** @internal */
  _nextv(size: number): Encoded[] | Promise<Encoded[]> {
    return this.walk.nextMany(size);
  }

  /** @internal */
  _all(): Encoded[] | Promise<Encoded[]> {
    return this.walk.nextMany(this.limit - this.count);
  }

  /** @internal */
  _seek(target: EncodedInput): void {
    this.walk.seek(target);
  }

  /** @internal */
  _close(): void {
    this.walk.close();
  }
}
