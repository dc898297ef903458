/**
 * Dividing a compaction into parts of about as many bytes, each a range of keys, that can run at once.
 *
 *   largest runs  |  t0  |  t1  |  t2  |  t3  |        four tables, or the blocks of one
 *   cut at                      ^ first key of the table that half of the bytes reach into; or last key of such a block
 *   parts         [all keys below  )[ all others ]
 *
 * Of each merge the run with the most bytes stands for all of it; one after the other, as merges are, those runs are in key order.
 * (Subcompactions of RocksDB are divided the same way.)
 *
 * Invariant: the ranges follow each other without a gap, the first and the last are open to their side; so each entry is in one part, and all
 * versions of a key are in the same.
 */
import { compareKeys } from '../format/bytes.js';
import type { TableIndex } from '../sstable/table-index.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import { type ScanRange, touchesRange } from '../sstable/table-scanner.js';
import type { MergeInput } from './job.js';

/** So many tables for each part are cut between tables: their indexes need not be read. */
const tablesPerPart = 4;

/** One part of a compaction. */
export interface MergePart {
  /** Undefined where there is only one part. */
  readonly range: ScanRange | undefined;
  /** The merges that have tables in the range. */
  readonly merges: readonly MergeInput[];
}

/** `count` parts of merges in key order, or fewer where these have too few places to be cut at. `indexOf` gives the index of a table. */
export function divideMerges(
  merges: readonly MergeInput[],
  count: number,
  indexOf: (table: TableMetadata) => TableIndex,
): readonly MergePart[] {
  const cuts = cutKeys(merges.flatMap(largestRun), count, indexOf);
  if (cuts.length === 0) return [{ range: undefined, merges }];
  const bounds = [undefined, ...cuts, undefined];
  const ranges = bounds.slice(1).map((upper, place) => ({ lower: bounds[place], upper }));
  return ranges
    .map((range) => ({ range, merges: merges.filter((merge) => merge.flat().some((table) => touchesRange(table, range))) }))
    .filter((part) => part.merges.length > 0);
}

/** Stored bytes of the tables of a run. */
function runBytes(run: readonly TableMetadata[]): number {
  return run.reduce((sum, table) => sum + table.fileBytes, 0);
}

function largestRun(merge: MergeInput): readonly TableMetadata[] {
  return merge.reduce((largest, run) => (runBytes(run) > runBytes(largest) ? run : largest), []);
}

/** Ascending keys that divide tables in key order. */
function cutKeys(run: readonly TableMetadata[], count: number, indexOf: (table: TableMetadata) => TableIndex): Uint8Array[] {
  const cuts: Uint8Array[] = [];
  const total = runBytes(run);
  let passed = 0;
  for (const table of run) {
    for (let part = cuts.length + 1; part < count && (part * total) / count < passed + table.fileBytes; part++) {
      const isBetweenTables = run.length >= tablesPerPart * count;
      const share = ((part * total) / count - passed) / table.fileBytes;
      cuts.push(isBetweenTables ? table.smallestKey : keyAt(indexOf(table), share));
    }
    passed += table.fileBytes;
  }
  return cuts.filter((key, place) => place === 0 || compareKeys(cuts[place - 1] as Uint8Array, key) < 0);
}

/** The last key of the block that lies at a share (from 0 to 1) of the blocks of a table. */
function keyAt(index: TableIndex, share: number): Uint8Array {
  const block = Math.floor(share * index.blockCount);
  const { lastKeys } = index;
  return new Uint8Array(lastKeys.bytes.subarray(lastKeys.keyStart(block), lastKeys.keyEnd(block)));
}
