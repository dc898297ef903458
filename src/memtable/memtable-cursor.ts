/**
 * A cursor over one bucket of one memtable, as one view sees it.
 *
 * It fetches keys from the sorted order in small batches and looks each up by its key when the batch is used up, so it holds no
 * place in the tree and stays right while records are added. Keys without a version for the view are passed over.
 *
 * Invariants: those of EntryCursor. The key under the cursor is the record of the visible version itself.
 */
import type { EntryCursor } from '../format/entry-cursor.js';
import type { Stretch } from '../format/stretch.js';
import type { BucketOrder } from './bucket-order.js';
import type { KeyIndex } from './key-index.js';
import { kindTombstone } from './record.js';
import type { RecordReader } from './record-table.js';

/** The first batch is small, for point-like ranges; batches double up to the largest. */
const firstBatch = 8;
const largestBatch = 128;

export class MemtableCursor implements EntryCursor {
  readonly file = 'a memtable';
  valid = false;
  keyBytes: Buffer = Buffer.alloc(0);
  keyStart = 0;
  keyEnd = 0;
  isTombstone = false;
  valueBytes: Buffer = this.keyBytes;
  valueStart = 0;
  valueEnd = 0;
  private batch = new Uint32Array(firstBatch);
  private batchLength = 0;
  private place = 0;
  private forward = true;

  constructor(
    private readonly index: KeyIndex,
    private readonly order: BucketOrder,
    private readonly reader: RecordReader,
    /** Ordinal after those that the view may see. */
    private readonly visibleEnd: number,
  ) {}

  seek(target: Uint8Array, start: number, end: number): void {
    this.forward = true;
    this.fetch(target, start, end, false);
    this.settleOn();
  }

  seekBefore(target: Uint8Array, start: number, end: number): void {
    this.forward = false;
    this.fetch(target, start, end, true);
    this.settleOn();
  }

  next(): void {
    if (this.forward) {
      this.place++;
    } else {
      this.forward = true;
      this.fetch(this.keyBytes, this.keyStart, this.keyEnd, true);
    }
    this.settleOn();
  }

  previous(): void {
    if (this.forward) {
      this.forward = false;
      this.fetch(this.keyBytes, this.keyStart, this.keyEnd, true);
    } else {
      this.place++;
    }
    this.settleOn();
  }

  /** Records of neighbouring keys do not lie side by side. */
  fillStretch(stretch: Stretch): void {
    stretch.takeOne(this);
  }

  passStretch(): void {
    // The cursor stands on the one entry that it had.
  }

  private fetch(target: Uint8Array, start: number, end: number, exclusive: boolean): void {
    if (this.batchLength === this.batch.length && this.batch.length < largestBatch)
      this.batch = new Uint32Array(this.batch.length * 2);
    this.index.takeOverAll();
    this.batchLength = this.order.collect(target, start, end, this.forward, exclusive, this.batch);
    this.place = 0;
  }

  /** Goes on from `place` to a key that the view can see. */
  private settleOn(): void {
    const { index, reader } = this;
    reader.addresses = index.addresses;
    for (;;) {
      if (this.place === this.batchLength) {
        if (this.batchLength < this.batch.length) {
          this.valid = false;
          return;
        }
        reader.locate(this.batch[this.place - 1] as number);
        this.fetch(reader.bytes, reader.keyStart, reader.keyEnd, true);
        if (this.batchLength === 0) {
          this.valid = false;
          return;
        }
      }
      const version = index.visibleVersion(this.batch[this.place] as number, this.visibleEnd);
      if (version !== 0) {
        this.show(version);
        return;
      }
      this.place++;
    }
  }

  private show(ordinal: number): void {
    const { reader } = this;
    reader.locate(ordinal);
    this.valid = true;
    this.keyBytes = reader.bytes;
    this.keyStart = reader.keyStart;
    this.keyEnd = reader.keyEnd;
    this.isTombstone = reader.kind === kindTombstone;
    this.valueBytes = reader.bytes;
    this.valueStart = reader.keyEnd;
    this.valueEnd = reader.valueEnd;
  }
}
