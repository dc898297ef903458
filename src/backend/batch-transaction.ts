/**
 * The one write transaction: sections, puts and deletes, commits.
 *
 * Checks come in this order: closed, no section, read-only or stopped, bucket, arguments, limits. A call that throws has changed
 * nothing and counts for nothing.
 */
import type { BatchTx, BytesInput, IterateOptions, RangeResult } from '../api.js';
import type { Bucket } from '../engine/bucket-catalog.js';
import type { Engine } from '../engine/engine.js';
import { invalidArgument, VarveError } from '../errors.js';
import { keyBytesMax } from '../limits.js';
import type { Committer } from './committer.js';
import { byteLength, checkBytes, checkPutLimits, KeyScratch, toBytes } from './input.js';
import { bucketNameKey, bucketNotFound, type Reader, type ReadScope } from './reader.js';
import type { SectionHolder, SectionLock } from './section-lock.js';

export class BatchTransaction implements BatchTx, ReadScope {
  readonly requiresBucket = true;
  readonly holdsView = true;
  private readonly scratch = new KeyScratch();
  /** Operations of the open section. */
  private operations = 0;

  constructor(
    private readonly engine: Engine,
    private readonly reader: Reader,
    private readonly sections: SectionLock,
    private readonly committer: Committer,
    private readonly takesEmptyKeys: boolean,
  ) {}

  // ---- the section

  get viewSequence(): number {
    return this.engine.writes.writtenSequence - 1;
  }

  get epoch(): number {
    return this.sections.epoch;
  }

  check(): void {
    this.engine.parts.health.checkOpen();
    this.sections.checkHeld();
  }

  lock(): void {
    this.engine.parts.health.checkOpen();
    this.begin('user');
  }

  unlock(): void {
    if (this.engine.parts.health.isClosed) return;
    this.sections.checkMayEnd();
    this.end();
  }

  rollback(): void {
    this.engine.parts.health.checkOpen();
    this.sections.checkMayEnd();
    this.undo();
  }

  async acquire(): Promise<Disposable> {
    this.engine.parts.health.checkOpen();
    return new Promise<Disposable>((resolve, reject) => {
      const begin = (): void => {
        this.begin('user');
        const epoch = this.sections.epoch;
        resolve({
          [Symbol.dispose]: () => {
            if (this.sections.epoch === epoch && !this.engine.parts.health.isClosed) this.unlock();
          },
        });
      };
      this.sections.wait(begin, reject);
    });
  }

  rlock(): void {
    this.engine.parts.health.checkOpen();
    throw invalidArgument('the write transaction has no rlock: use lock, acquire or update');
  }

  runlock(): void {
    if (this.engine.parts.health.isClosed) return;
    throw invalidArgument('the write transaction has no runlock: use unlock');
  }

  [Symbol.dispose](): void {
    if (this.sections.isHeld && !this.engine.parts.health.isClosed) this.unlock();
  }

  /** Begins a section for `holder`. VARVE_TX_LOCKED where one is open. */
  begin(holder: SectionHolder): void {
    this.sections.take(holder);
    this.operations = 0;
    this.engine.writes.begin();
  }

  /** Ends the open section: its writes become visible, and the lock passes on. `others`: operations that did not come through here. */
  end(others = 0): void {
    const operations = this.operations + others;
    this.operations = 0;
    this.sections.release();
    try {
      this.engine.writes.end();
      this.committer.sectionEnded(operations);
    } finally {
      this.sections.passOn();
    }
  }

  /** Runs `fn`, whose operations do not count for the open section. */
  uncounted(fn: () => void): void {
    const { operations } = this;
    try {
      fn();
    } finally {
      this.operations = operations;
    }
  }

  /** Undoes the open section; the lock passes on. */
  undo(): void {
    this.operations = 0;
    this.sections.release();
    try {
      this.engine.writes.rollBack();
      this.committer.sectionUndone();
    } finally {
      this.sections.passOn();
    }
  }

  // ---- reads

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

  // ---- writes

  unsafeCreateBucket(name: BytesInput): void {
    this.checkWritable();
    checkBytes(name, 'bucket');
    if (name.length === 0) throw invalidArgument('the name of a bucket is not empty');
    const length = byteLength(name);
    if (length > keyBytesMax)
      throw new VarveError('VARVE_LIMIT', `the name of a bucket has at most ${keyBytesMax} bytes, not ${length}`);
    if (this.reader.bucket(this, name) === undefined) {
      const bytes = Buffer.from(toBytes(name, 'bucket'));
      this.engine.writes.createBucket(bytes, bucketNameKey(bytes));
    }
    this.operations++;
  }

  unsafeDeleteBucket(name: BytesInput): void {
    this.checkWritable();
    this.engine.writes.deleteBucket(this.existing(name));
    this.operations++;
  }

  unsafePut(bucket: BytesInput, key: BytesInput, value: BytesInput): void {
    this.checkWritable();
    const { prefix } = this.existing(bucket);
    checkBytes(value, 'value');
    const valueBytes = byteLength(value);
    const keyEnd = this.scratch.encode(prefix, key);
    const userKeyBytes = keyEnd < 0 ? byteLength(key) : keyEnd - prefix.length;
    if (userKeyBytes < 1 || keyEnd < 0 || valueBytes > 0x4000_0000)
      checkPutLimits(userKeyBytes, valueBytes, this.takesEmptyKeys ? 0 : 1);
    this.engine.writes.put(this.scratch.bytes, keyEnd, userKeyBytes, value, valueBytes);
    this.operations++;
  }

  unsafeSeqPut(bucket: BytesInput, key: BytesInput, value: BytesInput): void {
    // Keys in order are found out by the memtable itself, whichever call they come by.
    this.unsafePut(bucket, key, value);
  }

  unsafeDelete(bucket: BytesInput, key: BytesInput): void {
    this.checkWritable();
    const { prefix } = this.existing(bucket);
    const keyEnd = this.scratch.encode(prefix, key);
    if (keyEnd > prefix.length || (this.takesEmptyKeys && keyEnd >= 0)) this.engine.writes.delete(this.scratch.bytes, keyEnd);
    this.operations++;
  }

  // ---- commits

  async commit(): Promise<void> {
    this.engine.parts.health.checkOpen();
    await this.committer.commit();
  }

  async commitAndStop(): Promise<void> {
    this.engine.parts.health.checkOpen();
    await this.committer.commit(() => this.engine.parts.health.stop());
  }

  private checkWritable(): void {
    this.check();
    this.engine.parts.health.checkWritable();
    // Making room may run the commit hook, which writes through this transaction too: before anything is encoded.
    this.engine.writes.prepare();
  }

  private existing(name: BytesInput): Bucket {
    const bucket = this.reader.bucket(this, name);
    if (bucket === undefined) throw bucketNotFound(bucketNameKey(name));
    return bucket;
  }
}
