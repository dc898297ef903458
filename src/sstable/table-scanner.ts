/**
 * Reads one table from front to back, or a range of its keys, every version of every key, past the cache: for compaction and for
 * verification.
 *
 * Blocks are read many at a time into a window; an entry at a time comes out, or a block at a time, with its stored bytes,
 * so that it can be copied to another table as it is.
 *
 *      new ──▶ at an entry ── next, skipBlock ──▶ at an entry … ──▶ not valid
 *
 * Invariants:
 * 1. Every block passes its checksum and the checks of its structure before an entry of it is shown.
 * 2. Key and value ranges are valid until the scanner moves to another block; so are blockStored and block. The memory is
 *    used again from block to block.
 * 3. Of a whole table as many entries pass as the properties say: another sum in the index, or another number in a block, is
 *    VARVE_CORRUPTION. What passes of a range its caller counts.
 * 4. Memory is the window, one block, and the index.
 */
import { assert } from '../errors.js';
import { compareKeys } from '../format/bytes.js';
import { tableFileName } from '../format/file-names.js';
import type { Block } from './block.js';
import { type BlockHandle, codecNone } from './block-handle.js';
import type { TableFileContext } from './table-context.js';
import { checkStored, decodeBlock, decompressBlock, readCheckedFooter, readExactly, readIndex } from './table-file.js';
import type { TableIndex } from './table-index.js';
import type { TableMetadata } from './table-metadata.js';

/** Read-ahead. At this size a read from the page cache costs 0.1 µs a KiB; larger reads gain nothing. */
const windowBytesMax = 256 * 1024;

/**
 * Windows of scanners that have passed their last entry, for those to come: a merge opens as many scanners as it reads tables, and the
 * collector is slow to see that a window is free. As many as a merge of upper runs has open at a time.
 */
const spareWindows: Buffer[] = [];
const spareWindowsMax = 12;

/** Memory [start, end) for blocks, a multiple of 8 from the start of its ArrayBuffer. */
export interface BlockSlot {
  readonly memory: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Internal keys k with lower <= k < upper, which is the greater one; undefined: no bound on that side. */
export interface ScanRange {
  readonly lower: Uint8Array | undefined;
  readonly upper: Uint8Array | undefined;
}

const allKeys: ScanRange = { lower: undefined, upper: undefined };

/** Whether a table may have entries in the range: its first and its last key say so. */
export function touchesRange(table: TableMetadata, { lower, upper }: ScanRange): boolean {
  return (
    (lower === undefined || compareKeys(table.largestKey, lower) >= 0) &&
    (upper === undefined || compareKeys(table.smallestKey, upper) < 0)
  );
}

/** A sequential reader of one table; placed at the first entry from the start. */
export class TableScanner {
  valid = true;
  /** The internal key is keyBytes[keyStart, keyEnd). */
  keyBytes: Uint8Array;
  keyStart = 0;
  keyEnd = 0;
  /** 0 where it was left out because everybody sees the entry. */
  sequence = 0;
  isTombstone = false;
  valueBytes: Uint8Array;
  valueStart = 0;
  valueEnd = 0;
  /** The current block, decoded. */
  block: Block;
  /** Where and how the current block is stored. */
  blockHandle: BlockHandle;
  /** The current block as it is stored. */
  blockStored: Uint8Array;
  readonly metadata: TableMetadata;
  private readonly context: TableFileContext;
  private readonly file: string;
  private readonly index: TableIndex;
  private readonly window: Buffer;
  private windowStart = 0;
  private windowBytes = 0;
  private readonly slot: BlockSlot | undefined;
  private readonly range: ScanRange;
  /** The blocks that may have entries in the range. */
  private readonly firstBlock: number;
  private readonly lastBlock: number;
  private raw: Uint8Array;
  /** Where the current block begins in `keyBytes`. */
  private blockStart = 0;
  private blockNumber: number;
  private entry = 0;
  /** Entries of the current block that are in the range. */
  private entryStart = 0;
  private entryEnd = 0;
  private passedEntries = 0;

  /**
   * Reads footer, index and the first blocks. Throws VARVE_CORRUPTION, VARVE_UNSUPPORTED_VERSION or VARVE_IO. Entries of blocks
   * that fit into `slot` are shown as ranges of its memory. Only entries in `range` are shown, which the table touches; where there is none
   * the scanner is not valid.
   */
  constructor(context: TableFileContext, metadata: TableMetadata, slot?: BlockSlot, range: ScanRange = allKeys) {
    this.context = context;
    this.slot = slot;
    this.range = range;
    this.metadata = metadata;
    this.file = tableFileName(metadata.fileNumber);
    const footer = readCheckedFooter(context, metadata);
    this.index = readIndex(context, metadata.fileNumber, footer, metadata);
    const isWhole = this.index.dataBytes >= windowBytesMax;
    this.window =
      (isWhole ? spareWindows.pop() : undefined) ?? Buffer.allocUnsafeSlow(Math.min(windowBytesMax, this.index.dataBytes));
    this.raw = Buffer.allocUnsafeSlow(slot === undefined ? 32 * 1024 : 0);
    const { lower, upper } = range;
    this.firstBlock = lower === undefined ? 0 : this.index.find(lower, 0, lower.length);
    const end = upper === undefined ? this.index.blockCount : this.index.find(upper, 0, upper.length);
    this.lastBlock = Math.min(end, this.index.blockCount - 1);
    this.blockNumber = this.firstBlock;
    this.blockHandle = this.index.handle(this.blockNumber);
    this.blockStored = this.window;
    this.block = this.readBlock(this.blockHandle);
    this.keyBytes = this.valueBytes = this.block.bytes;
    this.enterBlock();
  }

  /** Whether the current entry is the first of its block that is shown. */
  get atBlockStart(): boolean {
    return this.entry === this.entryStart;
  }

  /** Whether it is the last: `next` then leaves the block. */
  get atBlockEnd(): boolean {
    return this.entry === this.entryEnd - 1;
  }

  /** Whether all entries of the current block are in the range. */
  get blockIsWhole(): boolean {
    return this.entryStart === 0 && this.entryEnd === this.block.entryCount;
  }

  /** The last key of the current block is blockLastKeyBytes[blockLastKeyStart, blockLastKeyEnd). */
  get blockLastKeyBytes(): Uint8Array {
    return this.block.bytes;
  }

  get blockLastKeyStart(): number {
    return this.block.keyStart(this.block.entryCount - 1);
  }

  get blockLastKeyEnd(): number {
    return this.block.keyEnd(this.block.entryCount - 1);
  }

  get blockHasTombstones(): boolean {
    return this.blockHandle.tombstoneCount > 0;
  }

  get blockHasSequences(): boolean {
    return this.blockHandle.hasSequences;
  }

  /** To the next entry. Only while valid. */
  next(): void {
    this.entry++;
    if (this.entry < this.entryEnd) this.show();
    else this.skipBlock();
  }

  /** To the first entry of the next block. Only while valid. */
  skipBlock(): void {
    assert(this.valid, 'a scanner moves on from an entry');
    this.passedEntries += this.entryEnd - this.entryStart;
    if (this.blockNumber === this.lastBlock) {
      this.end();
      return;
    }
    this.blockNumber++;
    this.blockHandle = this.index.handle(this.blockNumber);
    this.block = this.readBlock(this.blockHandle);
    this.enterBlock();
  }

  private enterBlock(): void {
    const { block, slot } = this;
    const isInSlot = slot !== undefined && block.bytes.buffer === slot.memory.buffer;
    this.keyBytes = this.valueBytes = isInSlot ? slot.memory : block.bytes;
    this.blockStart = isInSlot ? slot.start : 0;
    const { lower, upper } = this.range;
    const isFirst = lower !== undefined && this.blockNumber === this.firstBlock;
    const isLast = upper !== undefined && this.blockNumber === this.lastBlock;
    this.entryStart = isFirst ? firstFrom(block, lower) : 0;
    this.entryEnd = isLast ? firstFrom(block, upper) : block.entryCount;
    this.entry = this.entryStart;
    // Only the last block may have none: keys of the blocks before it are below the upper bound.
    if (this.entryStart < this.entryEnd) this.show();
    else this.end();
  }

  private end(): void {
    this.valid = false;
    const { lower, upper } = this.range;
    // The index was checked against the properties, and each block against the index.
    if (lower === undefined && upper === undefined)
      assert(this.passedEntries === this.metadata.entryCount, 'a scan passes every entry of its table');
    if (this.window.length === windowBytesMax && spareWindows.length < spareWindowsMax) spareWindows.push(this.window);
  }

  private show(): void {
    const { block, entry, blockStart } = this;
    this.keyStart = blockStart + block.keyStart(entry);
    this.keyEnd = blockStart + block.keyEnd(entry);
    this.sequence = block.sequence(entry);
    this.isTombstone = block.isTombstone(entry);
    this.valueStart = blockStart + block.valueStart(entry);
    this.valueEnd = blockStart + block.valueEnd(entry);
  }

  private readBlock(place: BlockHandle): Block {
    const isLarge = place.storedBytes > this.window.length;
    if (isLarge && place.codec === codecNone) {
      // A large value: read to where it will be used, so that it is in memory once.
      const bytes = this.rawMemory(place.rawBytes);
      readExactly(this.context.openTables.handle(this.metadata.fileNumber), this.file, bytes, place.offset);
      this.blockStored = bytes;
      checkStored(bytes, this.file, place);
      return decodeBlock(bytes, this.file, place);
    }
    const stored = isLarge ? this.readAlone(place) : this.readThroughWindow(place);
    this.blockStored = stored;
    checkStored(stored, this.file, place);
    const raw = this.rawMemory(place.rawBytes);
    if (place.codec === codecNone) raw.set(stored);
    else decompressBlock(stored, raw, this.file, place, this.context.codec);
    return decodeBlock(raw, this.file, place);
  }

  private rawMemory(bytes: number): Uint8Array {
    const { slot } = this;
    if (slot !== undefined && bytes <= slot.end - slot.start) return slot.memory.subarray(slot.start, slot.start + bytes);
    if (this.raw.length < bytes) this.raw = Buffer.allocUnsafeSlow(bytes);
    return this.raw.subarray(0, bytes);
  }

  private readAlone(place: BlockHandle): Uint8Array {
    const stored = Buffer.allocUnsafeSlow(place.storedBytes);
    readExactly(this.context.openTables.handle(this.metadata.fileNumber), this.file, stored, place.offset);
    return stored;
  }

  private readThroughWindow(place: BlockHandle): Uint8Array {
    if (place.offset < this.windowStart || place.offset + place.storedBytes > this.windowStart + this.windowBytes) {
      const bytes = Math.min(this.window.length, this.index.dataBytes - place.offset);
      // Not known to be good until it is all there.
      this.windowBytes = 0;
      const handle = this.context.openTables.handle(this.metadata.fileNumber);
      readExactly(handle, this.file, this.window.subarray(0, bytes), place.offset);
      this.windowStart = place.offset;
      this.windowBytes = bytes;
    }
    const at = place.offset - this.windowStart;
    return this.window.subarray(at, at + place.storedBytes);
  }
}

/** The first entry whose key is at or after `key`. */
function firstFrom(block: Block, key: Uint8Array): number {
  const found = block.find(key, 0, key.length);
  return found < 0 ? ~found : found;
}
