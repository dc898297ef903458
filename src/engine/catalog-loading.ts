/**
 * The catalogue as the tables hold it: bucket 0, from a name to an id. What logs tell of buckets comes after it (recovery.ts).
 */
import { corruption } from '../errors.js';
import { compareKeys } from '../format/bytes.js';
import { currentFileName, tableFileName } from '../format/file-names.js';
import { bucketEnd, bucketPrefix } from '../format/internal-key.js';
import { catalogBucketId } from '../limits.js';
import { RunCursor } from '../sstable/run-cursor.js';
import type { BucketCatalog } from './bucket-catalog.js';
import { MergingCursor } from './merging-cursor.js';
import { touches } from './read-path.js';
import type { ReadableRun } from './live-runs.js';

/** Fills the catalogue, which must be empty, from the tables, newest run first. What contradicts itself is VARVE_CORRUPTION. */
export function loadCatalog(catalog: BucketCatalog, runs: readonly ReadableRun[]): void {
  const prefix = bucketPrefix(catalogBucketId);
  const end = bucketEnd(catalogBucketId);
  const holders = runs.filter((run) => touches(run, prefix, end));
  const walk = new MergingCursor(
    holders.map(({ readers }) => new RunCursor(readers, Number.MAX_SAFE_INTEGER)),
    false,
    holders.length,
  );
  const ids = new Set<string>();
  walk.seek(prefix, 0, prefix.length);
  for (let entry = walk.current; entry !== undefined; entry = walk.current) {
    const key = Buffer.from(entry.keyBytes.subarray(entry.keyStart, entry.keyEnd));
    if (compareKeys(key, end) >= 0) break;
    const id = Buffer.from(entry.valueBytes.subarray(entry.valueStart, entry.valueEnd));
    const idText = id.toString('latin1');
    const problem = ids.has(idText) ? 'two buckets have one id' : catalog.recoverStored(key.subarray(prefix.length), id);
    if (problem !== undefined) throw corruption(nameOfTableWith(holders, key), undefined, problem);
    ids.add(idText);
    walk.next();
  }
}

/** The newest table whose range has the key, for the message. */
function nameOfTableWith(runs: readonly ReadableRun[], key: Uint8Array): string {
  for (const { tables } of runs) {
    const table = tables.find(({ largestKey }) => compareKeys(key, largestKey) <= 0);
    if (table !== undefined && compareKeys(table.smallestKey, key) <= 0) return tableFileName(table.fileNumber);
  }
  return currentFileName;
}
