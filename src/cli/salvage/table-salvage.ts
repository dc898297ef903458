/**
 * What can be read of one table: block by block, the newest version of each key.
 *
 * Invariants:
 * 1. An entry is given only from a block whose checksum and structure are right.
 * 2. Only the index says where blocks begin: without footer or index the whole table is lost.
 * 3. Where a block is lost, versions that follow it of the key that it ends with are lost too: the newer one was in it.
 */
import { compareKeys } from '../../format/bytes.js';
import { tableFileName } from '../../format/file-names.js';
import type { Block } from '../../sstable/block.js';
import type { TableFileContext } from '../../sstable/table-context.js';
import { readBlock, readFilter, readFooter, readProperties, readSection } from '../../sstable/table-file.js';
import type { TableFooter } from '../../sstable/table-footer.js';
import { TableIndex } from '../../sstable/table-index.js';
import type { TableMetadata } from '../../sstable/table-metadata.js';
import { type Loss, messageOfDamage, type Salvaged } from './salvaged.js';

const keyOf = (block: Block, entry: number): Uint8Array => block.bytes.slice(block.keyStart(entry), block.keyEnd(entry));

/** Reads a table, as far as it can be read. `metadata` is what the manifest knows of it. */
export function* salvageTable(
  context: TableFileContext,
  fileNumber: number,
  metadata: TableMetadata | undefined,
): Generator<Salvaged> {
  const file = tableFileName(fileNumber);
  let footer: TableFooter;
  let index: TableIndex;
  try {
    footer = readFooter(context, fileNumber);
    index = TableIndex.decode(readSection(context, fileNumber, footer.index), file, footer.index.offset, footer.filter.offset);
  } catch (error) {
    const { entryCount, fileBytes, smallestKey, largestKey } = metadata ?? {};
    const message = messageOfDamage(error);
    const isOfUnknownAge = metadata === undefined;
    yield { kind: 'loss', file, bytes: fileBytes, message, entries: entryCount, smallestKey, largestKey, isOfUnknownAge };
    return;
  }
  yield* damageWithoutLoss(context, fileNumber, footer);
  yield* salvageBlocks(context, fileNumber, index, metadata?.smallestKey);
}

/** Filter and properties: what they say can be made anew. */
function* damageWithoutLoss(context: TableFileContext, fileNumber: number, footer: TableFooter): Generator<Loss> {
  const readers = [
    { section: footer.filter, read: () => readFilter(context, fileNumber, footer) },
    { section: footer.properties, read: () => readProperties(context, fileNumber, footer) },
  ];
  for (const { section, read } of readers) {
    try {
      read();
    } catch (error) {
      const message = messageOfDamage(error);
      yield {
        kind: 'loss',
        file: tableFileName(fileNumber),
        offset: section.offset,
        bytes: section.storedBytes,
        message,
        entries: 0,
      };
    }
  }
}

function* salvageBlocks(
  context: TableFileContext,
  fileNumber: number,
  index: TableIndex,
  smallestKey: Uint8Array | undefined,
): Generator<Salvaged> {
  const file = tableFileName(fileNumber);
  let before = smallestKey;
  // What the block before ends with is newer than its versions that follow.
  let excludesSmallest = false;
  let lastKey: Uint8Array | undefined;
  let isAfterLoss = false;
  for (let number = 0; number < index.blockCount; number++) {
    const place = index.handle(number);
    const blockLastKey = keyOf(index.lastKeys, number);
    let block: Block;
    try {
      block = readBlock(context.openTables.handle(fileNumber), file, place, context.codec);
    } catch (error) {
      const { offset, storedBytes: bytes, entryCount: entries } = place;
      const message = messageOfDamage(error);
      yield {
        kind: 'loss',
        file,
        offset,
        bytes,
        message,
        entries,
        smallestKey: before,
        excludesSmallest,
        largestKey: blockLastKey,
      };
      before = blockLastKey;
      excludesSmallest = true;
      lastKey = blockLastKey;
      isAfterLoss = true;
      continue;
    }
    for (let entry = 0; entry < block.entryCount; entry++) {
      const internalKey = keyOf(block, entry);
      if (lastKey !== undefined && compareKeys(internalKey, lastKey) === 0) {
        const message = 'an older version of the key that the damaged block before it ends with';
        if (isAfterLoss)
          yield { kind: 'loss', file, offset: place.offset, message, entries: 1, smallestKey: lastKey, largestKey: lastKey };
        continue;
      }
      isAfterLoss = false;
      lastKey = internalKey;
      const value = block.isTombstone(entry) ? undefined : block.bytes.slice(block.valueStart(entry), block.valueEnd(entry));
      yield { kind: 'entry', internalKey, value };
    }
    before = blockLastKey;
    excludesSmallest = true;
  }
}
