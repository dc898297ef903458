/**
 * Records one after the other in an order that is not that of their memory, as a flush reads them.
 *
 *   order               7 2 9 4 | 8 1 …
 *   arena (shared)    | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 |
 *   window (private)  | 7 | 2 | 9 | 4 |            | 8 | 1 | …
 *                     '-- one batch --'            '-- and the next, in the other half
 *
 * A record that lies anywhere has to be waited for. So the memory of a batch is asked for first, with loads that do not depend on
 * one another, then its records are copied, and all that follows works in a few KiB that are near.
 *
 * Invariants:
 * 1. Ranges are valid until the call of `next` after the next one: batches lie in one half of the window and the other in turns.
 * 2. Records that are large are shown where they lie: they are read in one go anyway.
 * 3. The memory of a record is asked for once.
 */
import { equalBytes } from '../format/bytes.js';
import { recordHeaderBytes } from './record.js';
import type { RecordReader } from './record-table.js';

/** Records of a batch. The loads of one are under way together. */
const batchRecords = 128;
/** A record from this size on is not copied. */
const largeRecordBytes = 4096;

/** Who has the private memory: `windowBytes` from the start of `window`, which may be another one for each batch. */
export interface RecordWindow {
  /** Begins at a multiple of 8 in its ArrayBuffer. */
  readonly window: Buffer;
  readonly windowBytes: number;
}

/** A pass over records in a given order. `next` places it on one; the fields then say where its parts lie. */
export class OrderedRecords {
  ordinal = 0;
  kind = 0;
  bytes: Buffer;
  keyStart = 0;
  keyEnd = 0;
  valueEnd = 0;
  /** Whether the record before has another key, or this is the first. */
  isNewKey = true;
  private window: Buffer;
  private windowWords: Uint32Array = new Uint32Array(0);
  private nextIndex = 0;
  /** Records [nextIndex, copiedEnd) of the order lie in the window, the next one at `nextStart`. */
  private copiedEnd = 0;
  private nextStart = 0;
  /** The memory of those before was asked for: a batch that a large record or the end of its half cut short leaves some. */
  private touchedEnd = 0;
  private isUpperHalf = false;

  constructor(
    private readonly reader: RecordReader,
    private readonly ordinals: Uint32Array,
    private readonly memory: RecordWindow,
  ) {
    this.window = memory.window;
    this.bytes = this.window;
  }

  /** To the next record, which is the first at first; false where there is none. */
  next(): boolean {
    if (this.nextIndex === this.copiedEnd) {
      if (this.nextIndex === this.ordinals.length) return false;
      this.copyBatch();
    }
    const { bytes, keyStart, keyEnd, nextIndex } = this;
    this.ordinal = this.ordinals[nextIndex] as number;
    this.nextIndex = nextIndex + 1;
    if (nextIndex === this.copiedEnd) this.showInPlace();
    else this.showCopy();
    this.isNewKey = nextIndex === 0 || !equalBytes(bytes, keyStart, keyEnd, this.bytes, this.keyStart, this.keyEnd);
    return true;
  }

  private showCopy(): void {
    this.bytes = this.window;
    const start = this.nextStart;
    const valueBytes = this.windowWords[start / 4] as number;
    const lengths = this.windowWords[start / 4 + 1] as number;
    this.kind = (lengths >>> 16) & 0xff;
    this.keyStart = start + recordHeaderBytes;
    this.keyEnd = this.keyStart + (lengths & 0xffff);
    this.valueEnd = this.keyEnd + valueBytes;
    this.nextStart = (this.valueEnd + 7) & ~7;
  }

  private showInPlace(): void {
    const { reader } = this;
    reader.locate(this.ordinal);
    this.bytes = reader.bytes;
    this.kind = reader.kind;
    this.keyStart = reader.keyStart;
    this.keyEnd = reader.keyEnd;
    this.valueEnd = reader.valueEnd;
    this.copiedEnd = this.nextIndex;
  }

  /** Copies records from `nextIndex` on, none where that one is large. */
  private copyBatch(): void {
    const { reader, ordinals, memory } = this;
    if (this.windowWords.buffer !== memory.window.buffer) {
      this.windowWords = new Uint32Array(memory.window.buffer, memory.window.byteOffset, memory.windowBytes / 4);
    }
    this.window = memory.window;
    this.isUpperHalf = !this.isUpperHalf;
    const halfBytes = memory.windowBytes / 2;
    let to = this.isUpperHalf ? halfBytes : 0;
    const end = to + halfBytes;
    this.nextStart = to;
    const stop = Math.min(this.nextIndex + batchRecords, ordinals.length);
    reader.touch(ordinals, Math.max(this.nextIndex, this.touchedEnd), stop, largeRecordBytes);
    this.touchedEnd = stop;
    let index = this.nextIndex;
    for (; index < stop && to + largeRecordBytes <= end; index++) {
      const bytes = reader.copyRecord(ordinals[index] as number, this.windowWords, to, largeRecordBytes);
      if (bytes === 0) break;
      to += bytes;
    }
    this.copiedEnd = index;
  }
}
