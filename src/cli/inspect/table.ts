/** A table: footer, sections, blocks, and what a full verification finds. */
import { loadCodec } from '../../format/compression.js';
import { OpenTables } from '../../sstable/open-tables.js';
import type { TableFileContext } from '../../sstable/table-context.js';
import { readBlock, readProperties, readSection } from '../../sstable/table-file.js';
import { decodeFooter, footerBytes, type TableFooter } from '../../sstable/table-footer.js';
import { TableIndex } from '../../sstable/table-index.js';
import { verifyTable } from '../../sstable/table-verifier.js';
import { internalKeyToJson } from '../internal-key-text.js';
import { hexOf, type OneFile, type Part, problemPart, readPiece, sizeOf } from './part.js';

const file = 'the table';

function* footerParts(footer: TableFooter, offset: number): Generator<Part> {
  yield { part: 'footer', offset, fileNumber: footer.fileNumber, databaseId: hexOf(footer.databaseId) };
  for (const part of ['filter', 'index', 'properties'] as const) {
    yield { part: `${part} section`, offset: footer[part].offset, bytes: footer[part].storedBytes };
  }
}

function propertiesPart(context: TableFileContext, footer: TableFooter): Part {
  const properties = readProperties(context, footer.fileNumber, footer);
  const { smallestKey, largestKey, ...counts } = properties;
  const keys = { smallestKey: internalKeyToJson(smallestKey), largestKey: internalKeyToJson(largestKey) };
  return { part: 'properties', offset: footer.properties.offset, ...counts, ...keys };
}

function filterPart(context: TableFileContext, footer: TableFooter): Part {
  const bytes = Buffer.from(readSection(context, footer.fileNumber, footer.filter));
  const [kind, probes, lines, keys] = [0, 4, 8, 12].map((at) => bytes.readUInt32LE(at));
  return { part: 'filter', offset: footer.filter.offset, kind, probes, lines, keys };
}

function* blockParts(context: TableFileContext, footer: TableFooter, withEntries: boolean): Generator<Part> {
  const bytes = readSection(context, footer.fileNumber, footer.index);
  const index = TableIndex.decode(bytes, file, footer.index.offset, footer.filter.offset);
  const { lastKeys } = index;
  for (let number = 0; number < index.blockCount; number++) {
    const { offset, storedBytes, rawBytes, codec, entryCount, tombstoneCount, hasSequences } = index.handle(number);
    const lastKey = internalKeyToJson(lastKeys.bytes.subarray(lastKeys.keyStart(number), lastKeys.keyEnd(number)));
    const compression = codec === 0 ? 'none' : 'zstd';
    yield { part: 'block', offset, storedBytes, rawBytes, compression, entryCount, tombstoneCount, hasSequences, lastKey };
    if (!withEntries) continue;
    try {
      yield* entryParts(readBlock(context.openTables.handle(footer.fileNumber), file, index.handle(number), context.codec));
    } catch (error) {
      // The verification that follows tells of damage, once.
      problemPart(error);
    }
  }
}

function* entryParts(block: ReturnType<typeof readBlock>): Generator<Part> {
  for (let entry = 0; entry < block.entryCount; entry++) {
    const sequence = block.sequence(entry);
    const isTombstone = block.isTombstone(entry);
    yield {
      part: isTombstone ? 'delete' : 'put',
      ...(sequence === 0 ? {} : { sequence }),
      ...internalKeyToJson(block.bytes.subarray(block.keyStart(entry), block.keyEnd(entry))),
      ...(isTombstone ? {} : { valueBytes: block.valueEnd(entry) - block.valueStart(entry) }),
    };
  }
}

/** All parts of a table. */
export function* inspectTable(files: OneFile, withEntries: boolean): Generator<Part> {
  const openTables = new OpenTables(files, '');
  try {
    const fileBytes = sizeOf(files);
    if (fileBytes < footerBytes) {
      yield { part: 'problem', message: `${fileBytes} bytes are no table` };
      return;
    }
    const footer = decodeFooter(readPiece(files, fileBytes - footerBytes, footerBytes), file, fileBytes);
    const context = { fileSystem: files, directory: '', databaseId: footer.databaseId, codec: loadCodec(), openTables };
    yield* footerParts(footer, fileBytes - footerBytes);
    const readers = [
      () => [propertiesPart(context, footer)],
      () => [filterPart(context, footer)],
      () => blockParts(context, footer, withEntries),
    ];
    for (const read of readers) {
      try {
        yield* read();
      } catch (error) {
        // As above: it is among the problems.
        problemPart(error);
      }
    }
    for (const problem of verifyTable(context, footer.fileNumber).problems) yield { part: 'problem', ...problem };
  } catch (error) {
    yield problemPart(error);
  } finally {
    openTables.closeAll();
  }
}
