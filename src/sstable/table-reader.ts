/**
 * Point reads and blocks of one table.
 *
 *      key ─ filter ─ maybe ─▶ index ─ block number ─▶ slot ─ hit ─▶ search in the block
 *               └ no: absent                             └ miss: read, check, decompress, check, admit to the cache
 *
 * Filter, index and blocks hang in slots of the reader and are counted in the one cache (block-cache.ts), which may empty any
 * slot at any time between calls; what is missing is read again. Nothing is read before it is needed: a reader of a table
 * that was just written begins with the index and the filter that the writer gave, and decodes them when somebody reads.
 *
 * Invariants:
 * 1. A block in a slot has passed checksum and structure checks; so a hit checks nothing.
 * 2. The footer and the properties are read once, before the first section, and must agree with the metadata.
 * 3. A read that failed can be tried again: errors leave the slots as they were, or empty where what was handed over does not decode.
 */
import { assert } from '../errors.js';
import { type FoundValue, type PointRead, pointAbsent, pointTombstone, pointValue } from '../format/entry-cursor.js';
import { tableFileName } from '../format/file-names.js';
import type { Block } from './block.js';
import type { CacheItem } from './block-cache.js';
import type { KeySample } from './key-sample.js';
import type { TableContext } from './table-context.js';
import { readBlock, readCheckedFooter, readFilter, readIndex } from './table-file.js';
import { TableFilter } from './table-filter.js';
import type { TableFooter } from './table-footer.js';
import { TableIndex } from './table-index.js';
import type { TableMetadata } from './table-metadata.js';

/** Slots of the cache: the sections, then the blocks by their numbers. */
const filterSlot = 0;
const indexSlot = 1;
const firstBlockSlot = 2;

/** What the writer of a table handed over. The reader keeps the bytes. */
export interface PreloadedSections {
  readonly index: Uint8Array;
  readonly filter: Uint8Array;
  readonly sample?: KeySample;
}

/** The reader of one table. */
export class TableReader {
  readonly metadata: TableMetadata;
  /** Undefined where the table was written before it was opened here. Not counted in the cache: it has no other place. */
  readonly keySample: KeySample | undefined;
  private readonly context: TableContext;
  private readonly hasSequences: boolean;
  private readonly maxSequence: number;
  private readonly blocks: (Block | undefined)[] = [];
  private loadedFilter: TableFilter | undefined;
  private loadedIndex: TableIndex | undefined;
  /** By slot: what the writer handed over and nobody has asked for yet. The cache counts it in the same slot. */
  private readonly handedOver: (Uint8Array | undefined)[] = [undefined, undefined];
  /** By slot: what the cache knows it as, and whether it was used since the cache last asked. */
  private readonly items: (CacheItem | undefined)[] = [undefined, undefined];
  private used = new Uint8Array(firstBlockSlot);
  private footer: TableFooter | undefined;
  private isClosed = false;

  /** Reads and decodes nothing. */
  constructor(context: TableContext, metadata: TableMetadata, preloaded?: PreloadedSections) {
    this.context = context;
    this.metadata = metadata;
    this.keySample = preloaded?.sample;
    this.hasSequences = metadata.hasSequences;
    this.maxSequence = metadata.maxSequence;
    if (preloaded === undefined) return;
    if (this.admit(indexSlot, preloaded.index.length, true)) this.handedOver[indexSlot] = aligned(preloaded.index);
    if (this.admit(filterSlot, preloaded.filter.length, true)) this.handedOver[filterSlot] = aligned(preloaded.filter);
  }

  /**
   * Looks for the newest version of a key with a sequence that is not above viewSequence. `hash` is hashKey of the key.
   * Fills `found` where it returns pointValue. Throws VARVE_CORRUPTION, VARVE_UNSUPPORTED_VERSION or VARVE_IO.
   */
  get(keyBytes: Uint8Array, keyStart: number, keyEnd: number, hash: number, viewSequence: number, found: FoundValue): PointRead {
    if (!this.filter().mayContain(hash)) return pointAbsent;
    const index = this.index();
    const number = index.find(keyBytes, keyStart, keyEnd);
    if (number === index.blockCount) return pointAbsent;
    let block = this.block(number, true);
    if (!block.hasLookup && block.countSearch()) block = this.addLookup(number, block);
    const entry = block.hasLookup ? block.findHashed(hash, keyBytes, keyStart, keyEnd) : block.find(keyBytes, keyStart, keyEnd);
    if (entry < 0) return pointAbsent;
    if (this.hasSequences && this.maxSequence > viewSequence) {
      return this.getVersion(index, number, block, entry, keyBytes, keyStart, keyEnd, viewSequence, found);
    }
    return pointOf(block, entry, found);
  }

  /** The index. Read where it is not in memory. */
  index(): TableIndex {
    const index = this.loadedIndex;
    if (index === undefined) return this.loadIndex();
    this.used[indexSlot] = 1;
    return index;
  }

  /**
   * A data block, by its number in the index. `isPoint` false: a scan reads it, and a block that was not in memory goes
   * first when room is needed.
   */
  block(number: number, isPoint: boolean): Block {
    const block = this.blocks[number];
    if (block === undefined) return this.loadBlock(number, isPoint);
    this.used[firstBlockSlot + number] = 1;
    this.context.cache.hits++;
    return block;
  }

  /** Reads what a first read would need: the file is there, and is the right one, and its sections are sound. */
  load(): void {
    this.checkedFooter();
    this.index();
    this.filter();
  }

  /** Gives back the cache memory and the descriptor. Idempotent; no read may follow. */
  close(): void {
    this.isClosed = true;
    const { cache } = this.context;
    for (const item of this.items) if (item !== undefined) cache.remove(item);
    this.items.length = 0;
    this.blocks.length = 0;
    this.loadedIndex = undefined;
    this.loadedFilter = undefined;
    this.handedOver.length = 0;
    this.context.openTables.close(this.metadata.fileNumber);
  }

  /** For the cache only. */
  forget(slot: number): void {
    this.items[slot] = undefined;
    if (slot < firstBlockSlot) this.handedOver[slot] = undefined;
    if (slot === filterSlot) this.loadedFilter = undefined;
    else if (slot === indexSlot) this.loadedIndex = undefined;
    else this.blocks[slot - firstBlockSlot] = undefined;
  }

  /** For the cache only. */
  takeUsed(slot: number): boolean {
    const wasUsed = this.used[slot] === 1;
    this.used[slot] = 0;
    return wasUsed;
  }

  /** The versions of a key follow one another, newest first, and may go on in the next blocks. */
  private getVersion(
    index: TableIndex,
    firstNumber: number,
    firstBlock: Block,
    firstEntry: number,
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    viewSequence: number,
    found: FoundValue,
  ): PointRead {
    let block = firstBlock;
    let entry = firstEntry;
    for (let number = firstNumber; ;) {
      for (; entry < block.entryCount; entry++) {
        if (!block.hasKey(entry, keyBytes, keyStart, keyEnd)) return pointAbsent;
        if (block.sequence(entry) <= viewSequence) return pointOf(block, entry, found);
      }
      number++;
      if (number === index.blockCount) return pointAbsent;
      block = this.block(number, true);
      entry = 0;
    }
  }

  private filter(): TableFilter {
    const filter = this.loadedFilter;
    if (filter === undefined) return this.loadFilter();
    this.used[filterSlot] = 1;
    return filter;
  }

  private loadFilter(): TableFilter {
    const { context, metadata } = this;
    const bytes = this.takeHandedOver(filterSlot);
    const filter =
      bytes === undefined
        ? readFilter(context, metadata.fileNumber, this.checkedFooter())
        : TableFilter.decode(bytes, tableFileName(metadata.fileNumber), 0);
    if (bytes === undefined) context.cache.missed(filter.sizeBytes);
    this.admitFilter(filter);
    return filter;
  }

  private loadIndex(): TableIndex {
    const { context, metadata } = this;
    const bytes = this.takeHandedOver(indexSlot);
    const index =
      bytes === undefined
        ? readIndex(context, metadata.fileNumber, this.checkedFooter(), metadata)
        : TableIndex.decode(bytes, tableFileName(metadata.fileNumber), 0, metadata.fileBytes);
    if (bytes === undefined) context.cache.missed(index.sizeBytes);
    this.admitIndex(index);
    return index;
  }

  /** What the writer handed over for a slot, which is empty from now on. */
  private takeHandedOver(slot: number): Uint8Array | undefined {
    const bytes = this.handedOver[slot];
    if (bytes === undefined) return undefined;
    this.handedOver[slot] = undefined;
    this.context.cache.remove(this.items[slot] as CacheItem);
    this.items[slot] = undefined;
    return bytes;
  }

  private loadBlock(number: number, isPoint: boolean): Block {
    assert(!this.isClosed, 'a closed table is not read');
    const { cache, codec, openTables } = this.context;
    const fileNumber = this.metadata.fileNumber;
    const place = this.index().handle(number);
    const block = readBlock(openTables.handle(fileNumber), tableFileName(fileNumber), place, codec);
    cache.missed(block.sizeBytes);
    if (this.admit(firstBlockSlot + number, block.sizeBytes, isPoint)) this.blocks[number] = block;
    return block;
  }

  /** Puts a block with a lookup in the place of one without, whose memory the cache has counted with it from the start. */
  private addLookup(number: number, block: Block): Block {
    // One that was searched several times was found in its slot.
    const withLookup = block.withLookup();
    this.blocks[number] = withLookup;
    return withLookup;
  }

  private checkedFooter(): TableFooter {
    assert(!this.isClosed, 'a closed table is not read');
    this.footer ??= readCheckedFooter(this.context, this.metadata);
    return this.footer;
  }

  private admitFilter(filter: TableFilter): void {
    if (this.admit(filterSlot, filter.sizeBytes, true)) this.loadedFilter = filter;
  }

  private admitIndex(index: TableIndex): void {
    // The slots of the blocks are made once, all of them: an array with holes is slower, and blocks may outlive the index.
    if (this.blocks.length < index.blockCount) {
      while (this.blocks.length < index.blockCount) this.blocks.push(undefined);
      while (this.items.length < firstBlockSlot + index.blockCount) this.items.push(undefined);
      const used = new Uint8Array(firstBlockSlot + index.blockCount);
      used.set(this.used);
      this.used = used;
    }
    if (this.admit(indexSlot, index.sizeBytes + 17 * index.blockCount, true)) this.loadedIndex = index;
  }

  /** Whether the cache keeps what goes into the slot, which the caller then fills. */
  private admit(slot: number, sizeBytes: number, isUsed: boolean): boolean {
    const item = this.context.cache.admit(this, slot, sizeBytes);
    this.items[slot] = item;
    this.used[slot] = isUsed ? 1 : 0;
    return item !== undefined;
  }
}

function pointOf(block: Block, entry: number, found: FoundValue): PointRead {
  if (block.isTombstone(entry)) return pointTombstone;
  found.bytes = block.bytes;
  found.start = block.valueStart(entry);
  found.end = block.valueEnd(entry);
  return pointValue;
}

/** Sections are read through typed arrays; bytes that came by a message may lie anywhere in their buffer. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
}
