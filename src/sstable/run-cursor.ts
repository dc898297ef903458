/**
 * Cursor over a sorted run: tables with disjoint keys, as one view sees them.
 *
 * The position is a raw entry: (table, block, entry). Raw entries of one key stand newest first, over block borders too. The
 * cursor shows of each key the first that the view may see.
 *
 *      raw entries      a9  a5  b7  b3  c8        view 6
 *      shown                a5      b3            c8 is too new, and c has no older version
 *
 * Invariants:
 * 1. The entry shown is the first of its key with a sequence not above that of the view.
 * 2. `block` is held by the cursor: its bytes stay readable although the cache may evict it.
 * 3. A table without sequences has one visible entry a key; there the steps compare nothing.
 */

import { compareBytes } from '../format/bytes.js';
import type { EntryCursor } from '../format/entry-cursor.js';
import type { Stretch } from '../format/stretch.js';
import { tableFileName } from '../format/file-names.js';
import type { Block } from './block.js';
import { stretchBackward, stretchForward } from './block-stretch.js';
import type { TableReader } from './table-reader.js';

const noBytes = new Uint8Array(0);

/** A cursor over tables in key order, no key in two of them. The tables stay open as long as the cursor is used. */
export class RunCursor implements EntryCursor {
  valid = false;
  keyBytes: Uint8Array = noBytes;
  keyStart = 0;
  keyEnd = 0;
  isTombstone = false;
  valueBytes: Uint8Array = noBytes;
  valueStart = 0;
  valueEnd = 0;
  private readonly tables: readonly TableReader[];
  private readonly viewSequence: number;
  private tableNumber = 0;
  private blockNumber = 0;
  private blockCount = 0;
  private block: Block | undefined;
  private entry = 0;
  private hasVersions = false;

  constructor(tables: readonly TableReader[], viewSequence: number) {
    this.tables = tables;
    this.viewSequence = viewSequence;
  }

  get file(): string {
    return tableFileName((this.tables[this.tableNumber] as TableReader).metadata.fileNumber);
  }

  seek(target: Uint8Array, start: number, end: number): void {
    this.placeAtOrAfter(target, start, end);
    this.settleForward();
  }

  seekBefore(target: Uint8Array, start: number, end: number): void {
    this.placeAtOrAfter(target, start, end);
    if (this.block === undefined) this.placeLast();
    else this.stepBack();
    this.settleBackward();
  }

  next(): void {
    const block = this.block as Block;
    if (!this.hasVersions && this.entry + 1 < block.entryCount) {
      this.entry++;
      this.show(block, this.entry);
      return;
    }
    if (this.hasVersions) this.skipKeyForward();
    else this.stepForward();
    this.settleForward();
  }

  previous(): void {
    const block = this.block as Block;
    if (!this.hasVersions && this.entry > 0) {
      this.entry--;
      this.show(block, this.entry);
      return;
    }
    // Before the entry shown lie versions of its key that are too new, which settling passes, or the last of the key before.
    this.stepBack();
    this.settleBackward();
  }

  /** A block with sequences may have entries that the view does not see: there each is taken alone. */
  fillStretch(stretch: Stretch): void {
    const block = this.block as Block;
    if (block.sequences !== undefined) stretch.takeOne(this);
    else if (!stretch.reverse) stretchForward(stretch, block, this.entry, block.entryCount);
    // A newer version of the first key may stand at the end of the block before: stepping there finds out.
    else stretchBackward(stretch, block, this.entry, this.hasVersions ? Math.min(1, this.entry) : 0);
  }

  passStretch({ count, reverse }: Stretch): void {
    if (count === 1) return;
    this.entry += reverse ? 1 - count : count - 1;
    this.show(this.block as Block, this.entry);
  }

  /** From a raw entry forward to the first that the view sees. Older versions of one key follow the newer ones. */
  private settleForward(): void {
    while (this.block !== undefined && this.hasVersions && this.block.sequence(this.entry) > this.viewSequence)
      this.stepForward();
    this.showPosition();
  }

  /**
   * From a raw entry, which is the last of its key, backward to the newest version that the view sees; where it sees none of
   * this key, on to the key before.
   */
  private settleBackward(): void {
    while (this.block !== undefined && this.hasVersions && this.block.sequence(this.entry) > this.viewSequence) {
      this.stepBack();
    }
    // The entry is visible, and the last of its key: any older ones would be visible too. Now to the newest visible one.
    while (this.block !== undefined && this.hasVersions) {
      const { tableNumber, blockNumber, block, entry } = this;
      this.stepBack();
      const isNewerVersion =
        this.block !== undefined &&
        this.tableNumber === tableNumber &&
        this.block.sequence(this.entry) <= this.viewSequence &&
        this.block.hasKey(this.entry, block.bytes, block.keyStart(entry), block.keyEnd(entry));
      if (isNewerVersion) continue;
      this.restore(tableNumber, blockNumber, block, entry);
      break;
    }
    this.showPosition();
  }

  /** To the first raw entry of the next key. */
  private skipKeyForward(): void {
    const { block, entry, tableNumber } = this;
    const shown = block as Block;
    const start = shown.keyStart(entry);
    const end = shown.keyEnd(entry);
    do this.stepForward();
    while (
      this.block !== undefined &&
      this.tableNumber === tableNumber &&
      this.block.hasKey(this.entry, shown.bytes, start, end)
    );
  }

  /** To the first raw entry with a key at or after the target, or to no entry. */
  private placeAtOrAfter(target: Uint8Array, start: number, end: number): void {
    let low = 0;
    let high = this.tables.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const largest = (this.tables[middle] as TableReader).metadata.largestKey;
      if (compareBytes(largest, 0, largest.length, target, start, end) < 0) low = middle + 1;
      else high = middle;
    }
    if (low === this.tables.length) {
      this.block = undefined;
      return;
    }
    this.enterTable(low);
    const blockNumber = (this.tables[low] as TableReader).index().find(target, start, end);
    // The largest key of the table is not below the target, so a block is found; an index that contradicts its table was
    // refused when it was loaded, or, from the writer, cannot be.
    const block = this.enterBlock(Math.min(blockNumber, this.blockCount - 1));
    const entry = block.find(target, start, end);
    this.entry = entry < 0 ? ~entry : entry;
    if (this.entry === block.entryCount) {
      this.entry--;
      this.stepForward();
    }
  }

  private placeLast(): void {
    if (this.tables.length === 0) return;
    this.enterTable(this.tables.length - 1);
    this.entry = this.enterBlock(this.blockCount - 1).entryCount - 1;
  }

  private stepForward(): void {
    const block = this.block as Block;
    this.entry++;
    if (this.entry < block.entryCount) return;
    if (this.blockNumber + 1 < this.blockCount) {
      this.enterBlock(this.blockNumber + 1);
    } else if (this.tableNumber + 1 < this.tables.length) {
      this.enterTable(this.tableNumber + 1);
      this.enterBlock(0);
    } else {
      this.block = undefined;
    }
    this.entry = 0;
  }

  private stepBack(): void {
    this.entry--;
    if (this.entry >= 0) return;
    if (this.blockNumber > 0) {
      this.enterBlock(this.blockNumber - 1);
    } else if (this.tableNumber > 0) {
      this.enterTable(this.tableNumber - 1);
      this.enterBlock(this.blockCount - 1);
    } else {
      this.block = undefined;
      return;
    }
    this.entry = (this.block as Block).entryCount - 1;
  }

  private enterTable(tableNumber: number): void {
    const table = this.tables[tableNumber] as TableReader;
    this.tableNumber = tableNumber;
    this.blockCount = table.index().blockCount;
    this.hasVersions = table.metadata.hasSequences;
  }

  private enterBlock(blockNumber: number): Block {
    const block = (this.tables[this.tableNumber] as TableReader).block(blockNumber, false);
    this.block = block;
    this.blockNumber = blockNumber;
    return block;
  }

  private restore(tableNumber: number, blockNumber: number, block: Block, entry: number): void {
    if (this.tableNumber !== tableNumber) this.enterTable(tableNumber);
    this.blockNumber = blockNumber;
    this.block = block;
    this.entry = entry;
  }

  private showPosition(): void {
    const block = this.block;
    this.valid = block !== undefined;
    if (block !== undefined) this.show(block, this.entry);
  }

  private show(block: Block, entry: number): void {
    this.keyBytes = block.bytes;
    this.keyStart = block.keyStart(entry);
    this.keyEnd = block.keyEnd(entry);
    this.isTombstone = block.isTombstone(entry);
    this.valueBytes = block.bytes;
    this.valueStart = block.valueStart(entry);
    this.valueEnd = block.valueEnd(entry);
  }
}
