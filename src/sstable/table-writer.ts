/**
 * Writes one table file, front to back: data blocks, filter, index, properties, footer (table-footer.ts draws the file).
 *
 *      add | addStoredBlock | noteSequences, any number, at least one entry ──▶ finish ──▶ no further call
 *
 * Invariants:
 * 1. Entries come in order: key ascending, and of one key the sequences descending, 0 last. What does not is refused.
 * 2. The file is created, closed and, after a failure, removed by the caller. `finish` leaves it synced.
 * 3. A key counts once in the filter and in the sample, however many versions it has.
 * 4. Memory is a few blocks, the staging buffer, four bytes a key for the filter, and the index; a large value is never copied. All but the
 *    filter is taken over from the writer before (table-memory.ts).
 */

import type { FileHandle } from '../env/file-system.js';
import { assert } from '../errors.js';
import { compareBytes } from '../format/bytes.js';
import { checksum64, checksum64OfPieces } from '../format/checksum.js';
import type { Codec } from '../format/compression.js';
import { readBucketId } from '../format/internal-key.js';
import { hashKey } from '../format/key-hash.js';
import { compressedBlockRawBytesMax, internalKeyBytesMax, sequenceMax, valueBytesMax } from '../limits.js';
import type { Block } from './block.js';
import { type BlockBuilder, copyRange, singleEntryHead } from './block-builder.js';
import { BlockCompressor } from './block-compressor.js';
import { type BlockHandle, blockHandleBytes, codecNone, codecZstd, writeBlockHandle } from './block-handle.js';
import { type KeySample, KeySampleBuilder, sampledHashEnd } from './key-sample.js';
import { StagedOutput } from './staged-output.js';
import { FilterBuilder, filterBytes } from './table-filter.js';
import { encodeFooter, footerBytes, type SectionHandle } from './table-footer.js';
import type { TableMemory } from './table-memory.js';
import type { TableMetadata } from './table-metadata.js';
import { encodeProperties, type TableProperties } from './table-properties.js';

/** A value of this size gets a block of its own, which is written from where the value lies; it is never compressed. */
const largeValueBytes = compressedBlockRawBytesMax;

export interface TableWriterOptions {
  readonly fileNumber: number;
  /** 16 bytes. */
  readonly databaseId: Uint8Array;
  /** Size before compression at which a block is closed. */
  readonly blockBytes: number;
  /** Undefined: blocks are stored as they are. */
  readonly compression: Codec | undefined;
  /** 0: no filter. */
  readonly filterBitsPerKey: number;
}

/** A table that is written and synced, with what its reader needs to begin without reading. The bytes own their buffers. */
export interface FinishedTable {
  readonly metadata: TableMetadata;
  readonly index: Uint8Array<ArrayBuffer>;
  readonly filter: Uint8Array<ArrayBuffer>;
  /** Stands in no file. */
  readonly sample: KeySample;
}

/** The writer of one table. */
export class TableWriter {
  private readonly file: FileHandle;
  private readonly options: TableWriterOptions;
  private readonly output: StagedOutput;
  private readonly compressor: BlockCompressor;
  private readonly builder: BlockBuilder;
  private readonly indexBuilder: BlockBuilder;
  private readonly filterBuilder = new FilterBuilder();
  private readonly sampleBuilder = new KeySampleBuilder();
  private readonly handleBytes = new Uint8Array(blockHandleBytes);
  private readonly handleView = new DataView(this.handleBytes.buffer);
  private readonly ownKey: Buffer;
  /** The key taken last is lastKey[lastKeyStart, lastKeyEnd): where the builder has it, or in `ownKey`. */
  private lastKey: Uint8Array;
  private lastKeyStart = 0;
  private lastKeyEnd = 0;
  private lastSequence = 0;
  private smallestKey = new Uint8Array(0);
  private entries = 0;
  private tombstones = 0;
  private contentBytes = 0;
  private storesSequences = false;
  private minSequence = sequenceMax;
  private maxSequence = 0;

  /** `memory` is this writer's until it has finished. */
  constructor(file: FileHandle, options: TableWriterOptions, memory: TableMemory) {
    assert(options.databaseId.length === 16, 'a database id has 16 bytes');
    this.file = file;
    this.options = options;
    this.output = new StagedOutput(file, memory.staging);
    this.builder = memory.blocks;
    this.indexBuilder = memory.index;
    this.ownKey = memory.key;
    this.lastKey = this.ownKey;
    this.compressor = new BlockCompressor(options.compression);
  }

  /** Entries so far. */
  get entryCount(): number {
    return this.entries;
  }

  /** Size that the file would have about now, were it finished: the open block is counted before compression. */
  get estimatedBytes(): number {
    const filter = filterBytes(this.filterBuilder.keyCount, this.options.filterBitsPerKey);
    return this.output.offset + this.builder.sizeBytes + this.indexBuilder.sizeBytes + filter + footerBytes;
  }

  /**
   * Widens the range of sequences in the metadata. Sequences given to `add` are in it by themselves, except 0, which stands
   * for one that was left out: so the caller notes the range of all it was given.
   */
  noteSequences(minSequence: number, maxSequence: number): void {
    if (minSequence < this.minSequence) this.minSequence = minSequence;
    if (maxSequence > this.maxSequence) this.maxSequence = maxSequence;
  }

  /**
   * Adds one entry, copying its bytes. Sequence 0: everybody sees it. A tombstone has an empty value. False where the entry does not come
   * after those added so far: the table is of no use then, and whose fault that is is for the caller to say.
   */
  add(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    sequence: number,
    isTombstone: boolean,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    const valueLength = valueEnd - valueStart;
    assert(valueLength >= 0 && valueLength <= valueBytesMax, 'a value is within its limit');
    assert(!isTombstone || valueLength === 0, 'a tombstone has no value');
    // The open block ends before the key is taken: its entry in the index has the key taken last.
    if (valueLength >= largeValueBytes) this.finishBlock();
    if (!this.takeKey(keyBytes, keyStart, keyEnd, sequence, valueLength)) return false;
    if (valueLength >= largeValueBytes) {
      this.keepKey(keyBytes, keyStart, keyEnd);
      this.addLarge(keyBytes, keyStart, keyEnd, sequence, valueBytes.subarray(valueStart, valueEnd));
      return true;
    }
    this.lastKeyStart = this.builder.add(keyBytes, keyStart, keyEnd, sequence, isTombstone, valueBytes, valueStart, valueEnd);
    this.lastKeyEnd = this.lastKeyStart + keyEnd - keyStart;
    this.lastKey = this.builder.window;
    if (this.builder.sizeBytes >= this.options.blockBytes) this.finishBlock();
    return true;
  }

  /**
   * Adds a block of another table as it is stored there, checksum included. `block` is the same block decoded. The caller
   * has found that all of its entries are wanted. False as in `add`.
   */
  addStoredBlock(stored: Uint8Array, handle: BlockHandle, block: Block): boolean {
    assert(stored.length === handle.storedBytes, 'a stored block has the size that its handle says');
    this.finishBlock();
    const bytes = block.bytes;
    for (let i = 0; i < block.entryCount; i++) {
      const keyStart = block.keyStart(i);
      const keyEnd = block.keyEnd(i);
      const valueLength = block.valueEnd(i) - block.valueStart(i);
      if (!this.takeKey(bytes, keyStart, keyEnd, block.sequence(i), valueLength)) return false;
      this.lastKey = bytes;
      this.lastKeyStart = keyStart;
      this.lastKeyEnd = keyEnd;
    }
    this.keepKey(bytes, this.lastKeyStart, this.lastKeyEnd);
    const offset = this.output.offset;
    this.output.append(stored);
    this.addHandle({ ...handle, offset }, block.keyAreaBytes + block.valueAreaBytes);
    return true;
  }

  /** Writes what is left, syncs the file, and returns the table. At least one entry was added. */
  finish(): FinishedTable {
    assert(this.entries > 0, 'a table has at least one entry');
    this.finishBlock();
    const filterSection = this.filterBuilder.finish(this.options.filterBitsPerKey) as Uint8Array<ArrayBuffer>;
    const indexSection = new Uint8Array(this.indexBuilder.finish());
    const properties = this.properties();
    const filter = this.appendSection(filterSection);
    const index = this.appendSection(indexSection);
    const propertiesHandle = this.appendSection(encodeProperties(properties));
    const { fileNumber, databaseId } = this.options;
    this.output.append(encodeFooter({ filter, index, properties: propertiesHandle, fileNumber, databaseId }));
    this.output.flush();
    this.file.sync();
    const metadata = { fileNumber, fileBytes: this.output.offset, ...properties };
    return { metadata, index: indexSection, filter: filterSection, sample: this.sampleBuilder.finish() };
  }

  /** Checks the order, counts the entry, and gives a new key to the filter and the sample. The caller then says where the last key is. */
  private takeKey(keyBytes: Uint8Array, start: number, end: number, sequence: number, valueLength: number): boolean {
    const length = end - start;
    assert(length >= 0 && length <= internalKeyBytesMax, 'a key is within its limit');
    const isFirst = this.entries === 0;
    const order = isFirst ? 1 : compareBytes(keyBytes, start, end, this.lastKey, this.lastKeyStart, this.lastKeyEnd);
    if (order < 0 || (order === 0 && sequence >= this.lastSequence)) return false;
    this.entries++;
    this.lastSequence = sequence;
    if (sequence !== 0) this.noteSequences(sequence, sequence);
    if (order === 0) return true;
    if (isFirst) this.smallestKey = new Uint8Array(keyBytes.subarray(start, end));
    const hash = hashKey(keyBytes, start, end);
    this.filterBuilder.add(hash);
    if (hash < sampledHashEnd) this.sampleBuilder.add(hash, readBucketId(keyBytes, start, end), length + valueLength);
    return true;
  }

  /** Copies the key taken last, which is not in the builder. */
  private keepKey(bytes: Uint8Array, start: number, end: number): void {
    copyRange(bytes, start, end, this.ownKey, 0);
    this.lastKey = this.ownKey;
    this.lastKeyStart = 0;
    this.lastKeyEnd = end - start;
  }

  private finishBlock(): void {
    const { entryCount, tombstoneCount, hasSequences, contentBytes } = this.builder;
    if (entryCount === 0) return;
    const raw = this.builder.finish();
    const compressed = this.compressor.compress(raw);
    const stored = compressed ?? raw;
    const handle: BlockHandle = {
      offset: this.output.offset,
      storedBytes: stored.length,
      rawBytes: raw.length,
      codec: compressed === undefined ? codecNone : codecZstd,
      entryCount,
      tombstoneCount,
      hasSequences,
      checksum: checksum64(stored),
    };
    this.output.append(stored);
    this.addHandle(handle, contentBytes);
  }

  private addLarge(key: Uint8Array, keyStart: number, keyEnd: number, sequence: number, value: Uint8Array): void {
    const pieces = [singleEntryHead(key, keyStart, keyEnd, sequence, value.length), value];
    const storedBytes = (pieces[0] as Uint8Array).length + value.length;
    const handle: BlockHandle = {
      offset: this.output.offset,
      storedBytes,
      rawBytes: storedBytes,
      codec: codecNone,
      entryCount: 1,
      tombstoneCount: 0,
      hasSequences: sequence !== 0,
      checksum: checksum64OfPieces(pieces),
    };
    this.output.appendDirect(pieces);
    this.addHandle(handle, keyEnd - keyStart + value.length);
  }

  /** Adds a block that was just written to the index, with the key added last as its last key. */
  private addHandle(handle: BlockHandle, contentBytes: number): void {
    writeBlockHandle(handle, this.handleView, 0);
    const { lastKey, lastKeyStart, lastKeyEnd } = this;
    this.indexBuilder.add(lastKey, lastKeyStart, lastKeyEnd, 0, false, this.handleBytes, 0, blockHandleBytes);
    this.tombstones += handle.tombstoneCount;
    this.contentBytes += contentBytes;
    this.storesSequences ||= handle.hasSequences;
  }

  private appendSection(bytes: Uint8Array): SectionHandle {
    const offset = this.output.offset;
    this.output.append(bytes);
    return { offset, storedBytes: bytes.length, checksum: checksum64(bytes) };
  }

  private properties(): TableProperties {
    return {
      smallestKey: this.smallestKey,
      largestKey: new Uint8Array(this.lastKey.subarray(this.lastKeyStart, this.lastKeyEnd)),
      minSequence: Math.min(this.minSequence, this.maxSequence),
      maxSequence: this.maxSequence,
      entryCount: this.entries,
      tombstoneCount: this.tombstones,
      rawBytes: this.contentBytes,
      hasSequences: this.storesSequences,
    };
  }
}
