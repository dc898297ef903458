/**
 * The read transactions: the shared one, whose view can be fixed and let go, and concurrent ones, with one view each.
 *
 *   shared:      free (newest unlocked state) ── rlock ──▶ fixed ── matching runlock ──▶ free
 *   concurrent:  open (state at its creation) ── runlock or disposal ──▶ ended
 *
 * Invariants:
 * 1. A fixed view is registered exactly once, however deep the locks nest.
 * 2. After the backend closed, ending a transaction is nothing, and everything else throws VARVE_CLOSED.
 */
import type { BytesInput, IterateOptions, RangeResult, ReadTx } from '../api.js';
import type { Engine } from '../engine/engine.js';
import { VarveError } from '../errors.js';
import type { Reader, ReadScope } from './reader.js';

/** How many views are open, for `openReadTxN`. */
export interface ViewCount {
  open: number;
}

abstract class ReadTransaction implements ReadTx, ReadScope {
  readonly requiresBucket = false;
  readonly holdsView = false;
  readonly epoch = 0;

  constructor(
    protected readonly engine: Engine,
    private readonly reader: Reader,
    protected readonly count: ViewCount,
  ) {}

  abstract readonly viewSequence: number;
  abstract check(): void;
  abstract rlock(): void;
  abstract runlock(): void;

  lock(): void {
    this.rlock();
  }

  unlock(): void {
    this.runlock();
  }

  [Symbol.dispose](): void {
    this.runlock();
  }

  unsafeRange(bucket: BytesInput, key: BytesInput, endKey?: BytesInput | null, limit?: number): RangeResult {
    return this.reader.range(this, bucket, key, endKey, limit);
  }

  unsafeGet(bucket: BytesInput, key: BytesInput): Buffer | undefined {
    return this.reader.get(this, bucket, key);
  }

  unsafeForEach(bucket: BytesInput, visitor: (key: Buffer, value: Buffer) => void): void {
    this.reader.forEach(this, bucket, visitor);
  }

  unsafeIterate(bucket: BytesInput, options?: IterateOptions): IterableIterator<[key: Buffer, value: Buffer]> {
    return this.reader.iterate(this, bucket, options);
  }

  unsafeBuckets(): Buffer[] {
    return this.reader.buckets(this);
  }

  protected register(sequence: number): void {
    this.engine.parts.views.register(sequence);
    this.count.open++;
  }

  protected release(sequence: number): void {
    this.engine.parts.views.release(sequence);
    this.count.open--;
  }
}

/** `readTx()`: its view stands still between `rlock` and `runlock`, which nest; outside it is the newest unlocked state. */
export class SharedReadTransaction extends ReadTransaction {
  private depth = 0;
  private fixedSequence = 0;

  get viewSequence(): number {
    return this.depth > 0 ? this.fixedSequence : this.engine.writes.unlockedSequence - 1;
  }

  check(): void {
    this.engine.parts.health.checkOpen();
  }

  rlock(): void {
    this.check();
    if (this.depth === 0) {
      this.fixedSequence = this.engine.writes.unlockedSequence - 1;
      this.register(this.fixedSequence);
    }
    this.depth++;
  }

  runlock(): void {
    if (this.engine.parts.health.isClosed) return;
    if (this.depth === 0) throw new VarveError('VARVE_TX_NOT_LOCKED', 'runlock without rlock on the shared read transaction');
    this.depth--;
    if (this.depth === 0) this.release(this.fixedSequence);
  }
}

/** `concurrentReadTx()`: its view is the unlocked state at its making, until `runlock`. */
export class ConcurrentReadTransaction extends ReadTransaction {
  readonly viewSequence: number;
  private ended = false;

  constructor(engine: Engine, reader: Reader, count: ViewCount) {
    super(engine, reader, count);
    this.viewSequence = engine.writes.unlockedSequence - 1;
    this.register(this.viewSequence);
  }

  check(): void {
    this.engine.parts.health.checkOpen();
    if (this.ended) throw new VarveError('VARVE_CLOSED', 'this concurrent read transaction has ended');
  }

  rlock(): void {
    this.check();
  }

  runlock(): void {
    if (this.ended) return;
    this.ended = true;
    this.release(this.viewSequence);
  }
}
