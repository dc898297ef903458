/**
 * Index of a table: from a key to the data block that holds it.
 *
 * On disk it is a block (block.ts) whose n-th entry has as key the last key of the n-th data block and as value its handle
 * (block-handle.ts). In memory the search runs over the heads of the keys: the six bytes after what all keys of the index
 * share, as one number. A column of doubles is searched several times faster than keys are compared; bytes decide only where
 * heads are equal. As many slots as there are blocks divide the span of the heads evenly, and each knows the first block whose
 * head falls in it or after it: where keys are spread evenly one or two blocks are left to search, at worst all of them.
 *
 * Example: keys app:1900, app:2750, app:3100 share "app:"; their heads are the numbers of "1900\0\0", "2750\0\0", "3100\0\0".
 *
 * Invariants:
 * 1. Handles are contiguous: the first block begins at offset 0, each begins where the one before ends.
 * 2. Keys do not descend; one key stands more than once where its versions straddle blocks.
 */
import { corruption } from '../errors.js';
import { commonPrefixLength, compareBytes } from '../format/bytes.js';
import { Block } from './block.js';
import { type BlockHandle, blockHandleBytes, blockHandleProblem, readBlockHandle } from './block-handle.js';

const headBytes = 6;

/** A loaded index. Keeps the bytes. */
export class TableIndex {
  /** Data blocks of the table. */
  readonly blockCount: number;
  /** Where the last data block ends. */
  readonly dataBytes: number;
  /** Entries in all data blocks, and the tombstones among them. */
  readonly entryCount: number;
  readonly tombstoneCount: number;
  readonly hasSequences: boolean;
  /** Memory that the index takes. */
  readonly sizeBytes: number;
  private readonly keys: Block;
  private readonly handles: DataView;
  private readonly heads: Float64Array;
  private readonly sharedBytes: number;
  private readonly slotStarts: Uint32Array;
  private readonly slotsPerHead: number;

  private constructor(keys: Block, handles: DataView, totals: IndexTotals) {
    this.keys = keys;
    this.handles = handles;
    this.blockCount = keys.entryCount;
    this.dataBytes = totals.dataBytes;
    this.entryCount = totals.entryCount;
    this.tombstoneCount = totals.tombstoneCount;
    this.hasSequences = totals.hasSequences;
    this.sharedBytes = sharedKeyBytes(keys);
    this.heads = new Float64Array(keys.entryCount);
    for (let i = 0; i < this.heads.length; i++) {
      this.heads[i] = head(keys.bytes, keys.keyStart(i) + this.sharedBytes, keys.keyEnd(i));
    }
    const span = (this.heads[this.blockCount - 1] as number) - (this.heads[0] as number);
    this.slotsPerHead = span === 0 ? 0 : (this.blockCount - 1) / span;
    this.slotStarts = this.firstBlocksOfSlots();
    this.sizeBytes = keys.bytes.length + 12 * keys.entryCount;
  }

  /**
   * Takes an index section, 8-aligned in its ArrayBuffer, of a table whose data end at or before `dataBytesMax`. Checks every
   * handle. Throws VARVE_CORRUPTION with `file` and `offset`.
   */
  static decode(bytes: Uint8Array, file: string, offset: number, dataBytesMax: number): TableIndex {
    const keys = Block.decode(bytes, file, offset);
    const handlesStart = keys.valueStart(0);
    const handles = new DataView(bytes.buffer, bytes.byteOffset + handlesStart, keys.valueAreaBytes);
    const totals = { dataBytes: 0, entryCount: 0, tombstoneCount: 0, hasSequences: false };
    if (keys.sequences !== undefined) throw corruption(file, offset, 'the index has sequences');
    for (let i = 0; i < keys.entryCount; i++) {
      const refuse = (message: string) => corruption(file, offset, `block ${i} of the index ${message}`);
      if (keys.isTombstone(i) || keys.valueEnd(i) - keys.valueStart(i) !== blockHandleBytes) throw refuse('has no handle');
      const problem = blockHandleProblem(handles, i * blockHandleBytes, totals.dataBytes, dataBytesMax);
      if (problem !== undefined) throw refuse(problem);
      if (i > 0 && compareEntries(keys, i - 1, i) > 0) throw refuse('has a last key below that of the block before');
      const handle = readBlockHandle(handles, i * blockHandleBytes);
      totals.dataBytes += handle.storedBytes;
      totals.entryCount += handle.entryCount;
      totals.tombstoneCount += handle.tombstoneCount;
      totals.hasSequences ||= handle.hasSequences;
    }
    return new TableIndex(keys, handles, totals);
  }

  /** The first block whose last key is at or after the target: where the target is, if it is; blockCount where there is none. */
  find(target: Uint8Array, start: number, end: number): number {
    const shared = this.sharedBytes;
    const keys = this.keys.bytes;
    const sharedAt = this.keys.keyStart(0);
    for (let i = 0; i < shared; i++) {
      if (start + i >= end) return 0;
      const difference = (target[start + i] as number) - (keys[sharedAt + i] as number);
      if (difference !== 0) return difference < 0 ? 0 : this.blockCount;
    }
    const heads = this.heads;
    const targetHead = head(target, start + shared, end);
    // The same rounding for the target as for the heads keeps the order, so the answer is in the slot or begins the next.
    const slot = Math.floor((targetHead - (heads[0] as number)) * this.slotsPerHead);
    if (targetHead > (heads[heads.length - 1] as number)) return heads.length;
    let low = slot < 0 ? 0 : (this.slotStarts[slot] as number);
    let high = slot < 0 ? 0 : (this.slotStarts[slot + 1] as number);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((heads[middle] as number) < targetHead) low = middle + 1;
      else high = middle;
    }
    return low < heads.length && heads[low] === targetHead ? this.findAmongEqualHeads(low, target, start, end) : low;
  }

  /** The handle of a block below blockCount. */
  handle(block: number): BlockHandle {
    return readBlockHandle(this.handles, block * blockHandleBytes);
  }

  /** The last keys of the blocks: the key of the n-th entry is the last key of the n-th data block. */
  get lastKeys(): Block {
    return this.keys;
  }

  /** For each slot the first block whose head falls in it or after it, and the number of blocks at the end. */
  private firstBlocksOfSlots(): Uint32Array {
    const heads = this.heads;
    const starts = new Uint32Array(heads.length + 1).fill(heads.length);
    for (let i = heads.length - 1, slot = heads.length; i >= 0; i--) {
      const ownSlot = Math.floor(((heads[i] as number) - (heads[0] as number)) * this.slotsPerHead);
      // Slots between that of the next block and this one's begin with the next block.
      for (; slot > ownSlot; slot--) starts[slot] = i + 1;
      starts[ownSlot] = i;
    }
    return starts;
  }

  private findAmongEqualHeads(first: number, target: Uint8Array, start: number, end: number): number {
    const targetHead = this.heads[first] as number;
    let low = first;
    let high = this.heads.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const isAbove =
        (this.heads[middle] as number) > targetHead ||
        compareBytes(this.keys.bytes, this.keys.keyStart(middle), this.keys.keyEnd(middle), target, start, end) >= 0;
      if (isAbove) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

interface IndexTotals {
  readonly dataBytes: number;
  readonly entryCount: number;
  readonly tombstoneCount: number;
  readonly hasSequences: boolean;
}

/** Bytes that the first and the last key begin with, and so all keys between them. */
function sharedKeyBytes(keys: Block): number {
  const last = keys.entryCount - 1;
  return commonPrefixLength(keys.bytes, keys.keyStart(0), keys.keyEnd(0), keys.bytes, keys.keyStart(last), keys.keyEnd(last));
}

function compareEntries(keys: Block, a: number, b: number): number {
  return compareBytes(keys.bytes, keys.keyStart(a), keys.keyEnd(a), keys.bytes, keys.keyStart(b), keys.keyEnd(b));
}

/** The first bytes of a range as a number below 2^48; a range that ends early is filled up with zeros. */
function head(bytes: Uint8Array, start: number, end: number): number {
  let result = 0;
  const last = start + headBytes;
  for (let at = start; at < last; at++) result = result * 256 + (at < end ? (bytes[at] as number) : 0);
  return result;
}
