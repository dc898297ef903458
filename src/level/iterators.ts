/**
 * The iterators of a VarveLevel over entries, keys and values: abstract-level's classes, each over a walk (item-walk.ts).
 */
import { AbstractIterator, AbstractKeyIterator, AbstractValueIterator } from './abstract-base.js';
import type { Encoded, EncodedInput } from './encoded.js';
import type { EncodedEntry, ItemWalk } from './item-walk.js';

/** Over entries. */
export class LevelIterator<TDatabase, K, V> extends AbstractIterator<TDatabase, K, V> {
  constructor(
    db: TDatabase,
    options: object,
    private readonly walk: ItemWalk<EncodedEntry>,
  ) {
    super(db, options);
  }

  _next(): EncodedEntry | undefined | Promise<EncodedEntry | undefined> {
    return this.walk.next();
  }

  _nextv(size: number): EncodedEntry[] | Promise<EncodedEntry[]> {
    return this.walk.nextMany(size);
  }

  _all(): EncodedEntry[] | Promise<EncodedEntry[]> {
    return this.walk.nextMany(this.limit - this.count);
  }

  _seek(target: EncodedInput): void {
    this.walk.seek(target);
  }

  _close(): void {
    this.walk.close();
  }
}

/** Over keys. */
export class LevelKeyIterator<TDatabase, K> extends AbstractKeyIterator<TDatabase, K> {
  constructor(
    db: TDatabase,
    options: object,
    private readonly walk: ItemWalk<Encoded>,
  ) {
    super(db, options);
  }

  _next(): Encoded | undefined | Promise<Encoded | undefined> {
    return this.walk.next();
  }

  _nextv(size: number): Encoded[] | Promise<Encoded[]> {
    return this.walk.nextMany(size);
  }

  _all(): Encoded[] | Promise<Encoded[]> {
    return this.walk.nextMany(this.limit - this.count);
  }

  _seek(target: EncodedInput): void {
    this.walk.seek(target);
  }

  _close(): void {
    this.walk.close();
  }
}

/** Over values. */
export class LevelValueIterator<TDatabase, K, V> extends AbstractValueIterator<TDatabase, K, V> {
  constructor(
    db: TDatabase,
    options: object,
    private readonly walk: ItemWalk<Encoded>,
  ) {
    super(db, options);
  }

  _next(): Encoded | undefined | Promise<Encoded | undefined> {
    return this.walk.next();
  }

  _nextv(size: number): Encoded[] | Promise<Encoded[]> {
    return this.walk.nextMany(size);
  }

  _all(): Encoded[] | Promise<Encoded[]> {
    return this.walk.nextMany(this.limit - this.count);
  }

  _seek(target: EncodedInput): void {
    this.walk.seek(target);
  }

  _close(): void {
    this.walk.close();
  }
}
