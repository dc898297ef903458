/**
 * The etcd surface over the engine: transactions, commits, snapshots, defrag, statistics, close.
 *
 *   open ── close ──▶ closing (section undone, last commit) ──▶ closed
 */
import type { Backend, BackendStats, BatchTx, IgnoreKey, ReadTx, Snapshot } from '../api.js';
import { takeCheckpoint } from '../engine/checkpoint.js';
import type { Engine } from '../engine/engine.js';
import { estimateSizeInUse } from '../engine/size-estimate.js';
import { VarveError } from '../errors.js';
import { BatchTransaction } from './batch-transaction.js';
import { BucketStore } from './bucket-store.js';
import { Committer, refuseThenable } from './committer.js';
import { type DefragOptions, DefragRuns } from './defrag.js';
import { hashCommitted } from './hash.js';
import { checkFunction } from './input.js';
import { ConcurrentReadTransaction, SharedReadTransaction, type ViewCount } from './read-transaction.js';
import { Reader } from './reader.js';
import { SectionLock } from './section-lock.js';
import { BackendSnapshot } from './snapshot.js';
import { collectStats } from './stats.js';

export class EngineBackend implements Backend {
  private readonly reader: Reader;
  private readonly shared: SharedReadTransaction;
  private readonly batch: BatchTransaction;
  private readonly sections = new SectionLock();
  private readonly committer: Committer;
  private readonly views: ViewCount = { open: 0 };
  private readonly snapshots = new Set<BackendSnapshot>();
  private readonly defrags: DefragRuns;
  private closing: Promise<void> | undefined;

  /** `takesEmptyKeys`: whether the empty key is a key, which it is to the engine, and not to etcd. */
  constructor(
    private readonly engine: Engine,
    takesEmptyKeys = false,
  ) {
    this.reader = new Reader(engine, takesEmptyKeys);
    this.shared = new SharedReadTransaction(engine, this.reader, this.views);
    this.committer = new Committer(engine, this.sections);
    this.batch = new BatchTransaction(engine, this.reader, this.sections, this.committer, takesEmptyKeys);
    this.committer.transaction = this.batch;
    engine.beforeCommitInPlace = () => this.batch.uncounted(() => this.committer.beforeCommitInPlace());
    this.defrags = new DefragRuns(engine, this.committer);
  }

  readTx(): ReadTx {
    this.check();
    return this.shared;
  }

  concurrentReadTx(): ReadTx {
    this.check();
    return new ConcurrentReadTransaction(this.engine, this.reader, this.views);
  }

  batchTx(): BatchTx {
    this.check();
    return this.batch;
  }

  /** The bucket of that name as a store of its own, for adapters: whoever uses it is the only one who writes. */
  bucketStore(name: string): BucketStore {
    this.check();
    return new BucketStore({ engine: this.engine, batch: this.batch, committer: this.committer, views: this.views }, name);
  }

  update<T>(fn: (tx: BatchTx) => T): T {
    this.check();
    checkFunction(fn, 'fn');
    this.batch.begin('update');
    let result: T;
    try {
      result = fn(this.batch);
      refuseThenable(result);
      // A close in `fn` has rolled the section back: nobody is told that it was done.
      this.check();
    } catch (error) {
      if (!this.isClosed && this.sections.isHeld) this.batch.undo();
      throw error;
    }
    this.batch.end();
    return result;
  }

  view<T>(fn: (tx: ReadTx) => T): T {
    this.check();
    checkFunction(fn, 'fn');
    const transaction = new ConcurrentReadTransaction(this.engine, this.reader, this.views);
    try {
      const result = fn(transaction);
      refuseThenable(result);
      return result;
    } finally {
      transaction.runlock();
    }
  }

  async snapshot(): Promise<Snapshot> {
    this.check();
    let snapshot: BackendSnapshot | undefined;
    const pin = (): void => {
      const taken = new BackendSnapshot(takeCheckpoint(this.engine), this.engine.parts.clock, () => {
        this.views.open--;
        this.snapshots.delete(taken);
      });
      this.views.open++;
      this.snapshots.add(taken);
      snapshot = taken;
    };
    await this.committer.commit(undefined, () => this.engine.commits.commitExactly(this.engine.writes.unlockedSequence, pin));
    if (snapshot === undefined || this.isClosed) throw new VarveError('VARVE_CLOSED', 'the backend was closed');
    return snapshot;
  }

  hash(ignores?: Iterable<IgnoreKey>): Promise<number> {
    return this.hashWithProgress(ignores);
  }

  /** As hash, for who shows how far it is. */
  async hashWithProgress(ignores?: Iterable<IgnoreKey>, onProgress?: (entries: number) => void): Promise<number> {
    this.check();
    return hashCommitted(this.engine, ignores, onProgress);
  }

  size(): number {
    this.check();
    return this.engine.sizeBytes();
  }

  sizeInUse(): number {
    this.check();
    return Math.min(this.engine.sizeBytes(), estimateSizeInUse(this.engine));
  }

  openReadTxN(): number {
    this.check();
    return this.views.open;
  }

  commits(): number {
    this.check();
    return this.engine.commits.commits;
  }

  async defrag(options: DefragOptions = {}): Promise<void> {
    this.check();
    this.engine.parts.health.checkWritableForDefrag();
    await this.defrags.run(options);
  }

  async forceCommit(): Promise<void> {
    await this.batch.commit();
  }

  stats(): BackendStats {
    this.check();
    return collectStats(this.engine, this.committer.latencies);
  }

  close(): Promise<void> {
    if (this.closing === undefined) {
      // Set before anything runs: the hook of the last commit may call close, too.
      let settle: (closed: Promise<void>) => void = () => {};
      this.closing = new Promise<void>((resolve) => {
        settle = resolve;
      });
      settle(this.closeOnce());
    }
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private get isClosed(): boolean {
    return this.engine.parts.health.isClosed;
  }

  private check(): void {
    this.engine.parts.health.checkOpen();
  }

  private async closeOnce(): Promise<void> {
    const closed = new VarveError('VARVE_CLOSED', 'the backend was closed');
    this.sections.close(closed);
    if (this.sections.isHeld) this.batch.undo();
    const { health } = this.engine.parts;
    // The commit starts before anybody is refused, so that the hook can still write.
    const committed = this.committer.commit().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const isAllCommitted = (): boolean => this.engine.committedSequence >= this.engine.writes.unlockedSequence;
    health.close();
    this.committer.stopTimer();
    for (const snapshot of [...this.snapshots]) snapshot.end();
    this.engine.background.notify();
    const failure = await committed;
    const shutDownFailure = await this.engine.shutDown();
    // A poisoned backend has told; it tells again only where something is lost.
    if (failure !== undefined && !(health.isPoisoned && isAllCommitted())) throw failure.error;
    if (shutDownFailure !== undefined) throw shutDownFailure;
  }
}
