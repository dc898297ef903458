/**
 * A version: which tables hold the database, as an immutable value.
 *
 *   newest   level 0   | run 9 | run 8 |        one run a flush, newest first
 *            level 1   | run 7 |
 *              …
 *   oldest   level 6   | run 3 |                one run, the bulk of the data
 *
 * A run is a sorted list of tables with disjoint key ranges. Reading newest first: all runs of a level in their order, then the
 * next level.
 *
 * **Invariants** (`checkVersion` states them; they hold for every version that is installed):
 * 1. There are `levelCount` levels, and the last holds at most one run.
 * 2. A run has an id of its own and at least one table; its tables ascend, and no key is in the range of two of them.
 * 3. No file number occurs twice. What a table says of itself is in range (table-metadata.ts).
 * 4. Everything in level i is newer than what has the same key in level i + 1, and so is every run than the runs after it. This
 *    cannot be seen in the metadata of merged runs; for level 0, which holds flushes, it can: sequences descend from run to run.
 * 5. It never changes. An edit leads to another one (version-builder.ts), which shares what the edit does not touch.
 */
import { compareKeys } from '../format/bytes.js';
import { internalKeyBytesMax, levelCount } from '../limits.js';
import type { TableMetadata } from '../sstable/table-metadata.js';

/** A sorted list of disjoint tables. */
export interface Run {
  /** Unique in a version. */
  readonly id: number;
  readonly tables: readonly TableMetadata[];
}

/** Runs, newest first. */
export interface Level {
  readonly runs: readonly Run[];
}

/** All levels, newest first. */
export interface Version {
  readonly levels: readonly Level[];
}

/** The version of a database that holds no table. */
export const emptyVersion: Version = { levels: Array.from({ length: levelCount }, () => ({ runs: [] })) };

/** All tables, newest run first, each run in key order. */
export function* versionTables(version: Version): Generator<TableMetadata, void, undefined> {
  for (const level of version.levels) {
    for (const run of level.runs) yield* run.tables;
  }
}

/** Bytes of the files of a run. */
export function runBytes(run: Run): number {
  let bytes = 0;
  for (const table of run.tables) bytes += table.fileBytes;
  return bytes;
}

/** Bytes of the files of a level. */
export function levelBytes(level: Level): number {
  let bytes = 0;
  for (const run of level.runs) bytes += runBytes(run);
  return bytes;
}

/** Number of files of a level. */
export function levelTableCount(level: Level): number {
  let count = 0;
  for (const run of level.runs) count += run.tables.length;
  return count;
}

/** Bytes of the files of a version. */
export function versionBytes(version: Version): number {
  let bytes = 0;
  for (const level of version.levels) bytes += levelBytes(level);
  return bytes;
}

/** What is wrong with the metadata of one table, or undefined. */
export function checkTable(table: TableMetadata): string | undefined {
  const counters = [
    table.fileBytes,
    table.minSequence,
    table.maxSequence,
    table.entryCount,
    table.tombstoneCount,
    table.rawBytes,
  ];
  const name = `table ${table.fileNumber}`;
  if (!Number.isSafeInteger(table.fileNumber) || table.fileNumber < 1) return `${name} has a number that is not one`;
  if (!counters.every((counter) => Number.isSafeInteger(counter) && counter >= 0)) return `${name} has a count that is not one`;
  if (table.smallestKey.length > internalKeyBytesMax) return `the smallest key of ${name} is too long`;
  if (table.largestKey.length > internalKeyBytesMax) return `the largest key of ${name} is too long`;
  if (compareKeys(table.smallestKey, table.largestKey) > 0) return `the keys of ${name} are reversed`;
  if (table.minSequence > table.maxSequence) return `the sequences of ${name} are reversed`;
  if (table.tombstoneCount > table.entryCount) return `${name} has more tombstones than entries`;
  return undefined;
}

/** What is wrong with a run by itself, in words, or undefined. */
export function checkRun(run: Run): string | undefined {
  if (!Number.isSafeInteger(run.id) || run.id < 1) return `a run has the id ${run.id}`;
  if (run.tables.length === 0) return `run ${run.id} has no table`;
  let previous: TableMetadata | undefined;
  for (const table of run.tables) {
    const problem = checkTable(table);
    if (problem !== undefined) return problem;
    if (previous !== undefined && compareKeys(previous.largestKey, table.smallestKey) >= 0) {
      return `tables ${previous.fileNumber} and ${table.fileNumber} of run ${run.id} overlap or are out of order`;
    }
    previous = table;
  }
  return undefined;
}

/** Whether the flushes of level 0 descend in age. */
function checkFlushOrder(level: Level): string | undefined {
  let olderThan = Number.MAX_SAFE_INTEGER;
  for (const run of level.runs) {
    let smallest = Number.MAX_SAFE_INTEGER;
    for (const table of run.tables) {
      if (table.maxSequence > olderThan) return `run ${run.id} of level 0 is newer than the run before it`;
      smallest = Math.min(smallest, table.minSequence);
    }
    olderThan = smallest;
  }
  return undefined;
}

/** The first invariant that a version breaks, in words, or undefined where it breaks none. Linear in the number of tables. */
export function checkVersion(version: Version): string | undefined {
  if (version.levels.length !== levelCount) return `there are ${version.levels.length} levels, not ${levelCount}`;
  const runIds = new Set<number>();
  const fileNumbers = new Set<number>();
  for (const level of version.levels) {
    for (const run of level.runs) {
      const problem = checkRun(run);
      if (problem !== undefined) return problem;
      if (runIds.has(run.id)) return `run ${run.id} occurs twice`;
      runIds.add(run.id);
      for (const table of run.tables) {
        if (fileNumbers.has(table.fileNumber)) return `table ${table.fileNumber} occurs twice`;
        fileNumbers.add(table.fileNumber);
      }
    }
  }
  const last = version.levels[levelCount - 1];
  if (last !== undefined && last.runs.length > 1) return `the last level holds ${last.runs.length} runs`;
  const first = version.levels[0];
  return first === undefined ? undefined : checkFlushOrder(first);
}
