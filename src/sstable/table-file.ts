/**
 * Reading the parts of a table file: footer, sections, blocks. Each part is checked before anything is made of it:
 * bounds, then checksum, then structure.
 *
 * Invariants:
 * 1. Nothing is allocated above what the file holds, or, for a compressed block, above compressedBlockRawBytesMax.
 * 2. The scratch memory for compressed bytes is one a thread; calls are synchronous and do not overlap.
 */

import type { FileHandle } from '../env/file-system.js';
import { corruption, VarveError } from '../errors.js';
import { equalBytes } from '../format/bytes.js';
import { checksum64 } from '../format/checksum.js';
import type { Codec } from '../format/compression.js';
import { tableFileName } from '../format/file-names.js';
import { Block } from './block.js';
import { type BlockHandle, codecNone } from './block-handle.js';
import type { TableFileContext } from './table-context.js';
import { TableFilter } from './table-filter.js';
import { decodeFooter, footerBytes, type SectionHandle, type TableFooter } from './table-footer.js';
import { TableIndex } from './table-index.js';
import type { TableMetadata } from './table-metadata.js';
import { decodeProperties, differingProperty, type TableProperties } from './table-properties.js';

/** Compressed blocks of the default size fit; larger scratch memory is not kept. */
const scratch = Buffer.allocUnsafeSlow(128 * 1024);

/** Fills `target` from `offset`, or throws VARVE_CORRUPTION where the file ends early. */
export function readExactly(handle: FileHandle, file: string, target: Uint8Array, offset: number): void {
  const bytes = handle.read(target, offset);
  if (bytes !== target.length) throw corruption(file, offset, `the file ends ${target.length - bytes} bytes early`);
}

/** Reads and checks the footer of a table; also that the file is the one that it should be. */
export function readFooter(context: TableFileContext, fileNumber: number): TableFooter {
  const file = tableFileName(fileNumber);
  const handle = context.openTables.handle(fileNumber);
  const fileBytes = handle.sizeBytes();
  if (fileBytes < footerBytes) throw corruption(file, undefined, `${fileBytes} bytes are no table`);
  const bytes = new Uint8Array(footerBytes);
  readExactly(handle, file, bytes, fileBytes - footerBytes);
  const footer = decodeFooter(bytes, file, fileBytes);
  if (footer.fileNumber !== fileNumber) throw corruption(file, fileBytes - footerBytes, `this is table ${footer.fileNumber}`);
  if (!equalBytes(footer.databaseId, 0, 16, context.databaseId, 0, context.databaseId.length)) {
    throw corruption(file, fileBytes - footerBytes, 'the table belongs to another database');
  }
  return footer;
}

/** Reads a section into memory of its own and checks its checksum. */
export function readSection(context: TableFileContext, fileNumber: number, section: SectionHandle): Uint8Array {
  const file = tableFileName(fileNumber);
  const bytes = Buffer.allocUnsafeSlow(section.storedBytes);
  readExactly(context.openTables.handle(fileNumber), file, bytes, section.offset);
  if (checksum64(bytes) !== section.checksum) throw corruption(file, section.offset, 'the section has a wrong checksum');
  return bytes;
}

/** Reads the footer and the properties of a table and checks them against what the manifest knows. */
export function readCheckedFooter(context: TableFileContext, metadata: TableMetadata): TableFooter {
  const file = tableFileName(metadata.fileNumber);
  const fileBytes = context.openTables.handle(metadata.fileNumber).sizeBytes();
  if (fileBytes !== metadata.fileBytes) throw corruption(file, undefined, `${fileBytes} bytes instead of ${metadata.fileBytes}`);
  const footer = readFooter(context, metadata.fileNumber);
  const difference = differingProperty(readProperties(context, metadata.fileNumber, footer), metadata);
  if (difference !== undefined) throw corruption(file, footer.properties.offset, `another ${difference} than in the manifest`);
  return footer;
}

/** Reads the properties of a table. */
export function readProperties(context: TableFileContext, fileNumber: number, footer: TableFooter): TableProperties {
  const bytes = readSection(context, fileNumber, footer.properties);
  return decodeProperties(bytes, tableFileName(fileNumber), footer.properties.offset);
}

/** All metadata of a table from its file alone. */
export function readTableMetadata(context: TableFileContext, fileNumber: number): TableMetadata {
  const footer = readFooter(context, fileNumber);
  const fileBytes = footer.properties.offset + footer.properties.storedBytes + footerBytes;
  return { fileNumber, fileBytes, ...readProperties(context, fileNumber, footer) };
}

/** Reads the filter of a table. */
export function readFilter(context: TableFileContext, fileNumber: number, footer: TableFooter): TableFilter {
  const bytes = readSection(context, fileNumber, footer.filter);
  return TableFilter.decode(bytes, tableFileName(fileNumber), footer.filter.offset);
}

/** Reads the index of a table; its blocks fill the file up to the filter, and its totals are those expected. */
export function readIndex(
  context: TableFileContext,
  fileNumber: number,
  footer: TableFooter,
  expected: TableProperties,
): TableIndex {
  const file = tableFileName(fileNumber);
  const bytes = readSection(context, fileNumber, footer.index);
  const index = TableIndex.decode(bytes, file, footer.index.offset, footer.filter.offset);
  if (index.dataBytes !== footer.filter.offset) {
    throw corruption(file, footer.index.offset, `the index ends at ${index.dataBytes}, the blocks at ${footer.filter.offset}`);
  }
  const isSame =
    index.entryCount === expected.entryCount &&
    index.tombstoneCount === expected.tombstoneCount &&
    index.hasSequences === expected.hasSequences;
  if (!isSame) throw corruption(file, footer.index.offset, 'the index and the properties count different entries');
  return index;
}

/** Reads one block into memory of its own. */
export function readBlock(handle: FileHandle, file: string, place: BlockHandle, codec: Codec | undefined): Block {
  const raw = Buffer.allocUnsafeSlow(place.rawBytes);
  if (place.codec === codecNone) {
    readExactly(handle, file, raw, place.offset);
    checkStored(raw, file, place);
  } else {
    const isSmall = place.storedBytes <= scratch.length;
    const stored = isSmall ? scratch.subarray(0, place.storedBytes) : Buffer.allocUnsafeSlow(place.storedBytes);
    readExactly(handle, file, stored, place.offset);
    checkStored(stored, file, place);
    decompressBlock(stored, raw, file, place, codec);
  }
  return decodeBlock(raw, file, place);
}

/** Checks the checksum of a block as it is stored. */
export function checkStored(stored: Uint8Array, file: string, place: BlockHandle): void {
  if (checksum64(stored) !== place.checksum) throw corruption(file, place.offset, 'the block has a wrong checksum');
}

/** Decompresses a block whose checksum is good into `raw`, of place.rawBytes bytes. */
export function decompressBlock(
  stored: Uint8Array,
  raw: Uint8Array,
  file: string,
  place: BlockHandle,
  codec: Codec | undefined,
): void {
  if (codec === undefined) {
    const message = `${file}: the table is compressed with zstd, and neither zstd-napi nor a Node.js with zstd is there`;
    throw new VarveError('VARVE_UNSUPPORTED_VERSION', message, { file, offset: place.offset });
  }
  if (!codec.decompress(stored, raw)) throw corruption(file, place.offset, `the block is no frame of ${raw.length} bytes`);
}

/** Takes raw bytes as the block that its handle describes. */
export function decodeBlock(raw: Uint8Array, file: string, place: BlockHandle): Block {
  const block = Block.decode(raw, file, place.offset);
  if (block.entryCount !== place.entryCount || (block.sequences !== undefined) !== place.hasSequences) {
    throw corruption(file, place.offset, 'the block has other entries than the index says');
  }
  return block;
}
