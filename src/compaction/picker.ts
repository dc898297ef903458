/**
 * What to compact next. Pure: from a version and tuning to a plan, or nothing.
 *
 * Lazy levelling: runs of similar size gather in the levels above the last one, which is a single sorted run.
 *
 *   level 0   [run][run][run] …      a flush adds one
 *   level 1   [  run  ][  run  ]     a merge of all runs of level 0, when there are enough
 *   …
 *   level 6   [         run        ] all levels above merged with it, when garbage is worth it
 *
 * Such a merge costs the live bytes that it rewrites, and wins the superseded ones that it is rid of (garbage.ts). It is made when these
 * are `garbageShare` of those. So each byte that was overwritten pays, once, for 1 / `garbageShare` bytes of rewriting, and garbage stays below
 * about that share of what is live. New keys supersede nothing, and are not rewritten for space at all; how many runs they leave is bounded by the
 * levels, and reads ask for a merge themselves (planForReads). Where it is not known what is superseded, all above the last level counts so.
 *
 * A plan divides its inputs into groups whose key ranges do not touch. A group of one table moves as it is; a group of more is
 * merged. So keys that arrive in order are never rewritten.
 *
 * Invariants, of every plan but a removal, which takes tables away and puts none in their place:
 * 1. A plan takes all runs of each level that it takes from, and every level between its first and its target: age order holds.
 * 2. The result is one run, newer than all that stays in its target level and below.
 * 3. Tombstones may be dropped only where the plan takes every run from its first level to the last.
 * 4. What a plan is for changes neither what is read nor what survives: an estimate that is wrong costs time or space, nothing else.
 */
import { compareKeys } from '../format/bytes.js';
import { readBucketId } from '../format/internal-key.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import { type Run, type Version, versionTables } from '../version/version.js';
import type { Garbage } from './garbage.js';
import type { MergeInput } from './job.js';
import type { CompactionTuning } from './tuning.js';

export interface CompactionPlan {
  readonly targetLevel: number;
  /** Tables that leave their place: all tables of all inputs. */
  readonly removedTables: readonly number[];
  /** Tables that come back unchanged in the new run. */
  readonly movedTables: readonly TableMetadata[];
  readonly merges: readonly MergeInput[];
  readonly dropTombstones: boolean;
}

/** A table with the age of its run: 0 is the newest. */
interface RankedTable {
  readonly table: TableMetadata;
  readonly rank: number;
}

function bytesOf(runs: readonly Run[]): number {
  let sum = 0;
  for (const run of runs) sum += bytesOfTables(run.tables);
  return sum;
}

function bytesOfTables(tables: readonly TableMetadata[]): number {
  let sum = 0;
  for (const { fileBytes } of tables) sum += fileBytes;
  return sum;
}

/** What a plan depends on beside the version. Each is asked once at most, and only where the answer may matter. */
export interface PickerQuestions {
  /** What is known of garbage in merges. */
  garbageIn(merges: readonly MergeInput[]): Garbage | undefined;
  /** Whether the disk has hardly room for tables of so many bytes, and for what they come of. */
  isRoomShort(tableBytes: number): boolean;
}

/** The most urgent compaction, or undefined where the version is in good shape. */
export function pickCompaction(
  version: Version,
  tuning: CompactionTuning,
  targetTableBytes: number,
  questions: PickerQuestions,
): CompactionPlan | undefined {
  const last = version.levels.length - 1;
  const upperRuns = version.levels.slice(0, last).flatMap((level) => level.runs);
  if (tombstonesWeighTooMuch(version, upperRuns)) return planMerge(version, 0, last, targetTableBytes);
  const forSpace = planForSpace(version, upperRuns, tuning, targetTableBytes, questions);
  if (forSpace !== undefined) return forSpace;
  for (let level = 0; level < last; level++) {
    const enough = level === 0 ? tuning.runsPerLevel : tuning.runsPerDeeperLevel;
    if ((version.levels[level]?.runs.length ?? 0) >= enough) {
      const target = level + 1;
      return target === last
        ? planMerge(version, 0, last, targetTableBytes)
        : planMerge(version, level, target, targetTableBytes, true);
    }
  }
  return undefined;
}

/** Everything into the last level, where that is worth what it costs. */
function planForSpace(
  version: Version,
  upperRuns: readonly Run[],
  { runsPerLevel, runsToMergeDown, garbageShare }: CompactionTuning,
  targetTableBytes: number,
  { garbageIn, isRoomShort }: PickerQuestions,
): CompactionPlan | undefined {
  const last = version.levels.length - 1;
  const lastRuns = version.levels[last]?.runs ?? [];
  if (upperRuns.length < runsToMergeDown) return undefined;
  const upperBytes = bytesOf(upperRuns);
  // While the last level is empty nothing is rewritten twice yet, and reads ask for a merge themselves: so as many gather as there is room for.
  if (lastRuns.length === 0) {
    const isDue = upperRuns.length >= runsPerLevel || isRoomShort(upperBytes);
    return isDue ? planMerge(version, 0, last, targetTableBytes) : undefined;
  }
  // An upper entry supersedes one entry, so without as many there is not as much garbage, unless few large values are most of it.
  const isMuch = upperBytes >= garbageShare * bytesOf(lastRuns);
  if (!isMuch && entriesOf(upperRuns) < garbageShare * entriesOf(lastRuns)) return undefined;
  const plan = planMerge(version, 0, last, targetTableBytes);
  const garbage = garbageIn(plan.merges);
  const isWorthIt = garbage === undefined ? isMuch : garbage.supersededBytes >= garbageShare * garbage.liveBytes;
  return isWorthIt || (isMuch && movesMost(plan, upperBytes)) ? plan : undefined;
}

/** Share of what comes down that may be rewritten for nothing but fewer runs: keys in order, whose small tables are joined. */
const rewrittenShareMax = 1 / 8;

function movesMost({ merges }: CompactionPlan, upperBytes: number): boolean {
  return bytesOfTables(merges.flat(2)) <= rewrittenShareMax * upperBytes;
}

/** Everything into the last level: what defrag runs. Undefined where nothing would change. */
export function planFullCompaction(
  version: Version,
  targetTableBytes: number,
  isClean: (table: TableMetadata) => boolean,
): CompactionPlan | undefined {
  const last = version.levels.length - 1;
  const plan = planMerge(version, 0, last, targetTableBytes, false, isClean);
  const onlyLast = version.levels.slice(0, last).every((level) => level.runs.length === 0);
  return (onlyLast && plan.merges.length === 0) || plan.removedTables.length === 0 ? undefined : plan;
}

/** Share of the last level's entries below which the runs above it are merged for reads without it. */
const upperShareForReads = 1 / 8;

/** What a merge takes that spares reads a run. */
export interface MergeForReads {
  readonly targetLevel: number;
  readonly entries: number;
}

/**
 * The merge that spares reads most for what it costs: of all runs, or, where those above the last level are small beside it, of them alone.
 * Undefined where it would spare nothing.
 */
export function mergeForReads(version: Version): MergeForReads | undefined {
  const last = version.levels.length - 1;
  const upperRuns = version.levels.slice(0, last).flatMap((level) => level.runs);
  const lastRuns = version.levels[last]?.runs ?? [];
  const upper = entriesOf(upperRuns);
  const lower = entriesOf(lastRuns);
  if (upper < upperShareForReads * lower) return upperRuns.length < 2 ? undefined : { targetLevel: last - 1, entries: upper };
  return upperRuns.length + lastRuns.length < 2 ? undefined : { targetLevel: last, entries: upper + lower };
}

/** The merge that reads have paid for. */
export function planForReads(version: Version, targetTableBytes: number): CompactionPlan | undefined {
  const merge = mergeForReads(version);
  return merge === undefined ? undefined : planMerge(version, 0, merge.targetLevel, targetTableBytes);
}

function entriesOf(runs: readonly Run[]): number {
  let sum = 0;
  for (const run of runs) for (const table of run.tables) sum += table.entryCount;
  return sum;
}

/** Tables that hold nothing but one bucket which nobody can read any more: they go without being read. */
export function planRemoval(version: Version, isLive: (bucketId: number) => boolean): CompactionPlan | undefined {
  const removedTables: number[] = [];
  for (const { smallestKey, largestKey, fileNumber } of versionTables(version)) {
    const bucketId = readBucketId(smallestKey, 0, smallestKey.length);
    if (bucketId === readBucketId(largestKey, 0, largestKey.length) && !isLive(bucketId)) removedTables.push(fileNumber);
  }
  if (removedTables.length === 0) return undefined;
  return { targetLevel: version.levels.length - 1, removedTables, movedTables: [], merges: [], dropTombstones: false };
}

/** Deletes are cheap to write and dear to read over: many of them are merged down before their bytes would ask for it. */
function tombstonesWeighTooMuch(version: Version, upperRuns: readonly Run[]): boolean {
  const lastRun = version.levels[version.levels.length - 1]?.runs[0];
  if (lastRun === undefined || upperRuns.length < 2) return false;
  let tombstones = 0;
  for (const run of upperRuns) for (const table of run.tables) tombstones += table.tombstoneCount;
  let entries = 0;
  for (const table of lastRun.tables) entries += table.entryCount;
  return tombstones * 4 >= entries;
}

function planMerge(
  version: Version,
  fromLevel: number,
  targetLevel: number,
  targetTableBytes: number,
  keepTarget = false,
  isClean: (table: TableMetadata) => boolean = () => true,
): CompactionPlan {
  const last = version.levels.length - 1;
  const ranked: RankedTable[] = [];
  let rank = 0;
  for (let level = fromLevel; level <= targetLevel - (keepTarget ? 1 : 0); level++) {
    for (const run of version.levels[level]?.runs ?? []) {
      for (const table of run.tables) ranked.push({ table, rank });
      rank++;
    }
  }
  const intoLast = targetLevel === last;
  const groups = joinSmall(overlapGroups(ranked), targetTableBytes);
  const movedTables: TableMetadata[] = [];
  const merges: MergeInput[] = [];
  for (const group of groups) {
    const only = group.length === 1 ? group[0]?.table : undefined;
    const mayMove = only !== undefined && isClean(only) && !(intoLast && (only.tombstoneCount > 0 || only.hasSequences));
    if (mayMove) movedTables.push(only);
    else merges.push(toRuns(group));
  }
  return {
    targetLevel,
    removedTables: ranked.map(({ table }) => table.fileNumber),
    movedTables,
    merges,
    dropTombstones: version.levels.slice(keepTarget ? targetLevel : targetLevel + 1).every((level) => level.runs.length === 0),
  };
}

/** Tables whose key ranges touch, directly or through others, in key order. */
function overlapGroups(tables: readonly RankedTable[]): RankedTable[][] {
  const sorted = [...tables].sort((a, b) => compareKeys(a.table.smallestKey, b.table.smallestKey));
  const groups: RankedTable[][] = [];
  let largest: Uint8Array | undefined;
  for (const ranked of sorted) {
    const group = groups[groups.length - 1];
    if (group === undefined || largest === undefined || compareKeys(ranked.table.smallestKey, largest) > 0) {
      groups.push([ranked]);
      largest = ranked.table.largestKey;
    } else {
      group.push(ranked);
      if (compareKeys(ranked.table.largestKey, largest) > 0) largest = ranked.table.largestKey;
    }
  }
  return groups;
}

/** Small tables side by side are merged, so that many small flushes do not become many small files. */
function joinSmall(groups: readonly RankedTable[][], targetTableBytes: number): RankedTable[][] {
  const small = targetTableBytes / 8;
  const joined: RankedTable[][] = [];
  let room = 0;
  for (const group of groups) {
    const bytes = group.reduce((sum, { table }) => sum + table.fileBytes, 0);
    const previous = joined[joined.length - 1];
    if (previous !== undefined && bytes < small && room >= bytes) {
      previous.push(...group);
      room -= bytes;
    } else {
      joined.push([...group]);
      room = bytes < small ? targetTableBytes - bytes : 0;
    }
  }
  return joined;
}

/** The tables of a group by run, newest run first, each in key order. */
function toRuns(group: readonly RankedTable[]): MergeInput {
  const byRank = new Map<number, TableMetadata[]>();
  for (const { table, rank } of group) {
    const run = byRank.get(rank);
    if (run === undefined) byRank.set(rank, [table]);
    else run.push(table);
  }
  return [...byRank.entries()].sort(([a], [b]) => a - b).map(([, tables]) => tables);
}
