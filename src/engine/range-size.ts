/**
 * How many bytes of table files hold a range of keys, from the metadata and the indexes of the tables: no block is read.
 *
 *   table      |   b0   |   b1   |   b2   |   b3   | index, filter, footer |
 *   range              ^lower            ^upper
 *   counted             |   b1   |   b2   |           the blocks from that of lower to that of upper
 *
 * A table that lies wholly in the range counts with its file. Of one that the range cuts, blocks count; so an answer is wrong by
 * at most a block at each end, in each run. Versions and tombstones that compaction has not removed yet take room, and count.
 */
import { compareKeys } from '../format/bytes.js';
import type { TableReader } from '../sstable/table-reader.js';
import type { Engine } from './engine.js';
import type { KeyRange } from './range-cursor.js';

/** Bytes of files that hold internal keys k with lower <= k < upper. Throws what reading an index throws. */
export function rangeFileBytes(engine: Engine, { lower, upper }: KeyRange): number {
  let bytes = 0;
  if (compareKeys(lower, upper) >= 0) return bytes;
  for (const { tables, readers } of engine.parts.versions.runs) {
    tables.forEach((table, place) => {
      if (compareKeys(table.largestKey, lower) < 0 || compareKeys(table.smallestKey, upper) >= 0) return;
      const isInside = compareKeys(table.smallestKey, lower) >= 0 && compareKeys(table.largestKey, upper) < 0;
      bytes += isInside ? table.fileBytes : blockBytes(readers[place] as TableReader, lower, upper);
    });
  }
  return bytes;
}

function blockBytes(reader: TableReader, lower: Uint8Array, upper: Uint8Array): number {
  const index = reader.index();
  const offsetOf = (key: Uint8Array): number => {
    const block = index.find(key, 0, key.length);
    return block === index.blockCount ? index.dataBytes : index.handle(block).offset;
  };
  return offsetOf(upper) - offsetOf(lower);
}
