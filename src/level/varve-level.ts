/**
 * VarveLevel: a database of abstract-level on varve, in the place of ClassicLevel.
 *
 *   abstract-level (encodings, events, hooks, sublevels, deferred open) ─▶ this class ─▶ one bucket of a backend (bucket-store.ts)
 *
 *   closed ── open (open-level.ts) ──▶ open: backend and store there ── close ──▶ closed, and may be opened again
 *
 * Invariants:
 * 1. Reads and writes are done when the private method returns; a promise is made only to wait for a disk, or to let others go first.
 * 2. A write without `sync` is visible when it resolves, and durable within batchIntervalMs, or when `close` has resolved.
 * 3. What is thrown is a LevelError, or an error of abstract-level's own.
 */
import type { Backend, BackendStats, Snapshot } from '../api.js';
import type { BucketStore, StoreOperation } from '../backend/bucket-store.js';
import { systemClock } from '../env/clock.js';
import { invalidArgument } from '../errors.js';
import type { FoundValue } from '../format/entry-cursor.js';
import { describe } from '../options.js';
import { type AbstractBatchOperation, AbstractLevel } from './abstract-base.js';
import { ChainedBatch } from './chained-batch.js';
import { clear, type ClearOptions } from './clear.js';
import { type Encoded, type EncodedInput, type Format, readEncoded } from './encoded.js';
import { entryReader, ItemWalk, readKey, readValue, type WalkOptions } from './item-walk.js';
import { LevelIterator, LevelKeyIterator, LevelValueIterator } from './iterators.js';
import { internalRange } from './key-range.js';
import { asLevelError, notOpenError } from './level-error.js';
import { levelManifest } from './manifest.js';
import { type OpenedLevel, openLevel } from './open-level.js';
import type {
  BatchOptions,
  DatabaseOptions,
  DelOptions,
  OpenOptions,
  PutOptions,
  StartEndOptions,
  WriteOptions,
} from './options.js';
import { LevelSnapshot, viewOf } from './snapshot.js';
import { Turn } from './turn.js';

/** A read's options as abstract-level passes them on. */
interface ReadOptions {
  readonly valueEncoding: Format;
  readonly snapshot?: unknown;
}

/** What abstract-level awaits. */
type MayWait<T> = T | Promise<T>;

/** A database of abstract-level on varve: what it does not say here is as in ClassicLevel. */
export class VarveLevel<KDefault = string, VDefault = string> extends AbstractLevel<
  string | Buffer | Uint8Array,
  KDefault,
  VDefault
> {
  /** Directory of the database, as it was given. */
  readonly location: string;
  private opened: OpenedLevel | undefined;
  private readonly turn = new Turn(systemClock);
  /** Clears of ranges that are under way: closing waits for them. */
  private readonly clears = new Set<Promise<void>>();

  /** Opens by itself in the next turn; `open` may be awaited. Options may be given here or to `open`. */
  constructor(location: string, options?: DatabaseOptions<KDefault, VDefault>) {
    if (typeof location !== 'string' || location === '') {
      throw asLevelError(invalidArgument(`location is the name of a directory, not ${describe(location)}`));
    }
    super(levelManifest, options);
    this.location = location;
  }

  // ---- what takes options of ours

  /** Opens the database; needed only to await it, or to open again after `close`. Rejects where it cannot be opened. */
  override open(options: OpenOptions = {}): Promise<void> {
    return super.open(options);
  }

  /** Writes one entry. */
  override put(key: KDefault, value: VDefault): Promise<void>;
  /** Writes one entry; with `sync` it resolves when that is durable. */
  override put<K = KDefault, V = VDefault>(key: K, value: V, options: PutOptions<K, V>): Promise<void>;
  override put<K, V>(key: K, value: V, options?: PutOptions<K, V>): Promise<void> {
    return super.put(key, value, options as PutOptions<K, V>);
  }

  /** Deletes one entry; a missing one is no error. */
  override del(key: KDefault): Promise<void>;
  /** Deletes one entry; with `sync` it resolves when that is durable. */
  override del<K = KDefault>(key: K, options: DelOptions<K>): Promise<void>;
  override del<K>(key: K, options?: DelOptions<K>): Promise<void> {
    return super.del(key, options as DelOptions<K>);
  }

  /** Writes operations, all or none. */
  override batch(operations: AbstractBatchOperation<this, KDefault, VDefault>[]): Promise<void>;
  /** Writes operations, all or none; with `sync` it resolves when they are durable. */
  override batch<K = KDefault, V = VDefault>(
    operations: AbstractBatchOperation<this, K, V>[],
    options: BatchOptions<K, V>,
  ): Promise<void>;
  /** A batch to be filled call by call. */
  override batch(): ChainedBatch<this, KDefault, VDefault>;
  override batch(...args: unknown[]): Promise<void> | ChainedBatch<this, KDefault, VDefault> {
    const batch = super.batch as (...given: unknown[]) => Promise<void> | ChainedBatch<this, KDefault, VDefault>;
    return batch.apply(this, args);
  }

  // ---- additional methods

  /** Bytes of table files that hold the keys k with start <= k < end, about. What is in memory and in logs does not count. */
  approximateSize(start: KDefault, end: KDefault): Promise<number>;
  approximateSize<K = KDefault>(start: K, end: K, options: StartEndOptions<K>): Promise<number>;
  approximateSize<K>(start: K, end: K, options: StartEndOptions<K> = {}): Promise<number> {
    return this.whenOpen(async () => {
      const { store } = this.parts;
      const bounds = this.startAndEnd(start, end, options);
      const bucket = store.current;
      return bucket === undefined ? 0 : store.fileBytes(internalRange(bucket, bounds));
    });
  }

  /** Compacts the range, and today all else with it: the same as `defrag`. */
  compactRange(start: KDefault, end: KDefault): Promise<void>;
  compactRange<K = KDefault>(start: K, end: K, options: StartEndOptions<K>): Promise<void>;
  compactRange<K>(start: K, end: K, options: StartEndOptions<K> = {}): Promise<void> {
    return this.whenOpen(() => {
      this.startAndEnd(start, end, options);
      return this.parts.backend.defrag();
    });
  }

  /** Compacts everything: afterwards no overwritten or deleted key or value is left in a file that no snapshot or iterator needs. */
  defrag(options?: Parameters<Backend['defrag']>[0]): Promise<void> {
    return this.whenOpen(() => this.parts.backend.defrag(options));
  }

  /** A number that two databases with the same durable content share, whatever their files: etcd's CRC-32C over keys and values. */
  hash(): Promise<number> {
    return this.whenOpen(() => this.parts.backend.hash());
  }

  /**
   * Streams a copy of the database as it is now, while it goes on: a tar that `restoreSnapshot` of varve takes. Resolves with the
   * bytes written when the target has taken all; does not end it.
   */
  backup(target: Parameters<Snapshot['writeTo']>[0], options?: { signal?: AbortSignal }): Promise<number> {
    return this.whenOpen(async () => {
      const snapshot = await this.parts.backend.snapshot();
      try {
        return await snapshot.writeTo(target, options);
      } finally {
        await snapshot.close();
      }
    });
  }

  /** Counters and gauges: levels, bytes, cache, stalls, latencies. Throws where the database is not open. */
  stats(): BackendStats {
    return this.parts.backend.stats();
  }

  // ---- what abstract-level calls

  /** @internal */
  async _open(options: OpenOptions): Promise<void> {
    this.opened = await openLevel(this.location, options);
  }

  /** @internal */
  async _close(): Promise<void> {
    const { opened } = this;
    await Promise.allSettled(this.clears);
    this.opened = undefined;
    try {
      await opened?.backend.close();
    } catch (error) {
      throw asLevelError(error);
    }
  }

  /** @internal */
  _get(key: EncodedInput, options: ReadOptions): MayWait<Encoded | undefined> {
    return this.inTurn(this._getSync(key, options), 1);
  }

  /** @internal */
  _getSync(key: EncodedInput, options: ReadOptions): Encoded | undefined {
    const found = this.find(key, options);
    return found === undefined ? undefined : readEncoded(options.valueEncoding, found.bytes, found.start, found.end);
  }

  /** @internal */
  _getMany(keys: readonly EncodedInput[], options: ReadOptions): MayWait<(Encoded | undefined)[]> {
    return this.inTurn(
      keys.map((key) => this._getSync(key, options)),
      keys.length,
    );
  }

  /** @internal */
  _has(key: EncodedInput, options: ReadOptions): MayWait<boolean> {
    return this.inTurn(this.find(key, options) !== undefined, 1);
  }

  /** @internal */
  _hasMany(keys: readonly EncodedInput[], options: ReadOptions): MayWait<boolean[]> {
    return this.inTurn(
      keys.map((key) => this.find(key, options) !== undefined),
      keys.length,
    );
  }

  /** @internal */
  _put(key: EncodedInput, value: EncodedInput, options: WriteOptions): Promise<void> | undefined {
    return this.write([{ type: 'put', key, value }], options.sync === true);
  }

  /** @internal */
  _del(key: EncodedInput, options: WriteOptions): Promise<void> | undefined {
    return this.write([{ type: 'del', key }], options.sync === true);
  }

  /** @internal */
  _batch(operations: readonly StoreOperation[], options: WriteOptions): Promise<void> | undefined {
    return this.write(operations, options.sync === true);
  }

  /** @internal */
  _chainedBatch(): ChainedBatch<this, KDefault, VDefault> {
    return new ChainedBatch(this, (operations, sync) => this.write(operations, sync));
  }

  /** @internal */
  async _clear(options: ClearOptions & { readonly snapshot?: unknown }): Promise<void> {
    const { store } = this.parts;
    const clearing = clear(store, options, viewOf(options.snapshot, store));
    this.clears.add(clearing);
    try {
      await clearing;
    } catch (error) {
      throw asLevelError(error);
    } finally {
      this.clears.delete(clearing);
    }
  }

  /** @internal */
  _iterator(options: WalkOptions): LevelIterator<this, KDefault, VDefault> {
    return new LevelIterator(this, options, new ItemWalk(this.parts.store, options, entryReader(options), this.turn));
  }

  /** @internal */
  _keys(options: WalkOptions): LevelKeyIterator<this, KDefault> {
    return new LevelKeyIterator(this, options, new ItemWalk(this.parts.store, options, readKey, this.turn));
  }

  /** @internal */
  _values(options: WalkOptions): LevelValueIterator<this, KDefault, VDefault> {
    return new LevelValueIterator(this, options, new ItemWalk(this.parts.store, options, readValue, this.turn));
  }

  /** @internal */
  _snapshot(options: { readonly owner: object }): LevelSnapshot {
    const { store } = this.parts;
    return new LevelSnapshot(options, store, store.view());
  }

  // ---- within

  private get parts(): OpenedLevel {
    if (this.opened === undefined) throw notOpenError();
    return this.opened;
  }

  private find(key: EncodedInput, options: ReadOptions): FoundValue | undefined {
    const { store } = this.parts;
    try {
      return store.find(key, viewOf(options.snapshot, store));
    } catch (error) {
      throw asLevelError(error);
    }
  }

  private write(operations: readonly StoreOperation[], sync: boolean): Promise<void> | undefined {
    const { store } = this.parts;
    try {
      store.write(operations);
    } catch (error) {
      throw asLevelError(error);
    }
    return sync ? this.committed(store) : this.turn.after(operations.length);
  }

  /** A result that is there; given out when others had their turn, if it is time. */
  private inTurn<T>(result: T, work: number): MayWait<T> {
    const pause = this.turn.after(work);
    return pause === undefined ? result : pause.then(() => result);
  }

  private async committed(store: BucketStore): Promise<void> {
    try {
      await store.commit();
    } catch (error) {
      throw asLevelError(error);
    }
  }

  private startAndEnd<K>(start: K, end: K, options: StartEndOptions<K>): { gte: EncodedInput; lt: EncodedInput } {
    if (start === undefined || start === null || end === undefined || end === null) {
      throw invalidArgument('start and end are keys, and both are needed');
    }
    const encoding = this.keyEncoding(options.keyEncoding as Parameters<this['keyEncoding']>[0] & string);
    const encode = (key: K): EncodedInput => encoding.encode(key as never) as EncodedInput;
    return { gte: encode(start), lt: encode(end) };
  }

  /** Runs a call of ours as abstract-level runs its own: after an opening that is under way, and with errors as Level has them. */
  private async whenOpen<T>(call: () => Promise<T>): Promise<T> {
    if (this.status === 'opening') return this.deferAsync(() => this.whenOpen(call));
    if (this.status !== 'open') throw notOpenError();
    try {
      return await call();
    } catch (error) {
      throw asLevelError(error);
    }
  }
}
