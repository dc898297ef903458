/**
 * One bucket without the manners of etcd: every key that the engine can store, the empty one too, and bounds that are exactly what
 * was given. What adapters to other interfaces are built on.
 *
 *   write(operations) ─▶ one section: visible at once, durable with the next commit
 *   find, walk        ─▶ at a view, or at the newest unlocked state
 *   clear             ─▶ the bucket goes, and a new one takes its name; views keep the one that they saw
 *
 * Invariants:
 * 1. Nobody else writes to the backend while a store is in use; so the write lock is free at every call.
 * 2. A write is refused after one that was not made durable (poison): it would be taken and never be kept.
 * 3. Bytes that `find` and a walk show belong to the engine, until its next call; whoever keeps them copies.
 */
import type { BytesInput } from '../api.js';
import type { Bucket } from '../engine/bucket-catalog.js';
import type { Engine } from '../engine/engine.js';
import { type KeyRange, RangeCursor } from '../engine/range-cursor.js';
import { rangeFileBytes } from '../engine/range-size.js';
import { assert, VarveError } from '../errors.js';
import type { FoundValue } from '../format/entry-cursor.js';
import { keyBytesMax, valueBytesMax } from '../limits.js';
import type { BatchTransaction } from './batch-transaction.js';
import type { Committer } from './committer.js';
import { byteLength, KeyScratch } from './input.js';
import type { ViewCount } from './read-transaction.js';
import { bucketNameKey } from './reader.js';

/** One step of a write. */
export type StoreOperation =
  | { readonly type: 'put'; readonly key: BytesInput; readonly value: BytesInput }
  | { readonly type: 'del'; readonly key: BytesInput };

/** The parts of a backend that a store works with. */
export interface StoreParts {
  readonly engine: Engine;
  readonly batch: BatchTransaction;
  readonly committer: Committer;
  readonly views: ViewCount;
}

/** A state of the store that stands still until it is released. */
export class BucketView {
  private held = true;

  constructor(
    private readonly parts: StoreParts,
    readonly bucket: Bucket | undefined,
    readonly sequence: number,
  ) {
    parts.engine.parts.views.register(sequence);
    parts.views.open++;
  }

  /** Lets the state go. Idempotent. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    this.parts.engine.parts.views.release(this.sequence);
    this.parts.views.open--;
  }
}

/** One bucket with every key that the engine stores. */
export class BucketStore {
  private readonly found: FoundValue = { bytes: Buffer.alloc(0), start: 0, end: 0 };
  private readonly scratch = new KeyScratch();
  private readonly name: Buffer;
  private readonly nameKey: string;
  /** Undefined where it is missing and may not be made: it reads as empty. */
  private bucket: Bucket | undefined;

  /** Makes the bucket where it is missing, unless nothing may be written. */
  constructor(
    private readonly parts: StoreParts,
    name: string,
  ) {
    this.name = Buffer.from(name);
    this.nameKey = bucketNameKey(name);
    this.refreshBucket();
    if (this.bucket !== undefined || parts.engine.parts.options.readOnly) return;
    this.section(1, () => this.createBucket());
    this.refreshBucket();
  }

  /** The newest unlocked state, held until it is released. */
  view(): BucketView {
    this.checkOpen();
    return new BucketView(this.parts, this.bucket, this.newestSequence);
  }

  /** Where the value of a key is, as the view (or else the newest state) has it; undefined where there is none. */
  find(key: BytesInput, view: BucketView | undefined): FoundValue | undefined {
    this.checkOpen();
    const bucket = view === undefined ? this.bucket : view.bucket;
    if (bucket === undefined) return undefined;
    const keyEnd = this.scratch.encode(bucket.prefix, key);
    if (keyEnd < 0) return undefined;
    const { found } = this;
    const sequence = view === undefined ? this.newestSequence : view.sequence;
    return this.parts.engine.reads.get(this.scratch.bytes, keyEnd, sequence, found) ? found : undefined;
  }

  /** A walk over a range of internal keys of the view's bucket, which is there. */
  walk(view: BucketView, bucket: Bucket, range: KeyRange, reverse: boolean): RangeCursor {
    return new RangeCursor(this.parts.engine.reads, bucket, range, reverse, view.sequence);
  }

  /** Applies the operations in their order, all or none; they are visible when this returns. */
  write(operations: readonly StoreOperation[]): void {
    this.section(operations.length, () => {
      const { prefix } = this.existing;
      for (let i = 0; i < operations.length; i++) this.apply(prefix, operations[i] as StoreOperation);
    });
  }

  /** Removes every key, in constant time. */
  clear(): void {
    const { writes } = this.parts.engine;
    this.section(2, () => {
      writes.prepare();
      writes.deleteBucket(this.existing);
      this.createBucket();
    });
    this.refreshBucket();
  }

  /** Resolves when everything that was written is durable. */
  commit(): Promise<void> {
    return this.parts.committer.commit();
  }

  /** Bytes of table files that hold the range, about; what is still in memory and in logs does not count. */
  fileBytes(range: KeyRange): number {
    this.checkOpen();
    return rangeFileBytes(this.parts.engine, range);
  }

  /** The bucket that new views see. */
  get current(): Bucket | undefined {
    return this.bucket;
  }

  /** Throws VARVE_CLOSED after the backend was closed. */
  checkOpen(): void {
    this.parts.engine.parts.health.checkOpen();
  }

  private get newestSequence(): number {
    return this.parts.engine.writes.unlockedSequence - 1;
  }

  /** The bucket of a write: only a store that may not write can be without one. */
  private get existing(): Bucket {
    assert(this.bucket !== undefined, 'a store that may write has a bucket');
    return this.bucket;
  }

  private createBucket(): void {
    const { writes } = this.parts.engine;
    writes.prepare();
    writes.createBucket(this.name, this.nameKey);
  }

  private refreshBucket(): void {
    this.bucket = this.parts.engine.parts.catalog.find(this.nameKey, this.newestSequence);
  }

  private section(operations: number, fill: () => void): void {
    const { engine, batch } = this.parts;
    engine.parts.health.checkWritable();
    engine.parts.health.checkNotPoisoned();
    batch.begin('update');
    try {
      fill();
    } catch (error) {
      batch.undo();
      throw error;
    }
    batch.end(operations);
  }

  private apply(prefix: Uint8Array, operation: StoreOperation): void {
    const { writes } = this.parts.engine;
    const { key } = operation;
    writes.prepare();
    const keyEnd = this.scratch.encode(prefix, key);
    if (operation.type === 'del') {
      if (keyEnd >= 0) writes.delete(this.scratch.bytes, keyEnd);
      return;
    }
    const valueBytes = byteLength(operation.value);
    if (keyEnd < 0) throw new VarveError('VARVE_LIMIT', `a key has at most ${keyBytesMax} bytes, not ${byteLength(key)}`);
    if (valueBytes > valueBytesMax)
      throw new VarveError('VARVE_LIMIT', `a value has at most ${valueBytesMax} bytes, not ${valueBytes}`);
    writes.put(this.scratch.bytes, keyEnd, keyEnd - prefix.length, operation.value, valueBytes);
  }
}
