/**
 * The knobs of compaction, and the four presets that set them.
 *
 * | preset   | runs a level | deeper | least runs to merge down | superseded ÷ live | reads pay | what it gives                                  |
 * |----------|--------------|--------|--------------------------|-------------------|-----------|------------------------------------------------|
 * | balanced | 12           | 6      | 4                        | 0.5               | 2         | space 1.5, more while a merge runs (0026)      |
 * | read     | 4            | 2      | 2                        | 0.25              | 1         | fewer runs to look into, more rewriting        |
 * | write    | 12           | 12     | 8                        | 1.0               | 16        | least rewriting, space up to 2                 |
 * | space    | 4            | 2      | 2                        | 0.125             | 2         | least garbage, most rewriting                  |
 *
 * A key that is new is rewritten once for each level that it comes down, and when reads ask for a merge. Each byte that is superseded has
 * 1 ÷ `garbageShare` live ones rewritten, once.
 *
 * What reads pay for each entry: see engine/read-debt.ts. Merging one costs the worker about 16 units of 80 ns; but readers wait for theirs, and the
 * worker has a core of its own, so a unit of a reader counts eight times in 'balanced'.
 *
 * Lazy levelling: Dayan and Idreos, "Dostoevsky", SIGMOD 2018.
 */
import type { CompactionSetting } from '../options.js';

export interface CompactionTuning {
  /** Runs that gather in level 0 before they are merged into one run of level 1. */
  readonly runsPerLevel: number;
  /** The same for each level below, but the last one: a large store of new keys has that many runs less one in each. */
  readonly runsPerDeeperLevel: number;
  /** Runs above the last level below which nothing is merged into it. Where it is still empty, `runsPerLevel`. */
  readonly runsToMergeDown: number;
  /**
   * Superseded bytes for each live one at which all is merged into the last level: see picker.ts. Where that is unknown, bytes above the
   * last level for each one in it.
   */
  readonly garbageShare: number;
  /** What reads in several runs pay for each entry, in the units of engine/read-debt.ts, until a merge is made. */
  readonly readUnitsPerEntry: number;
}

const presets: Record<CompactionSetting, CompactionTuning> = {
  balanced: { runsPerLevel: 12, runsPerDeeperLevel: 6, runsToMergeDown: 4, garbageShare: 0.5, readUnitsPerEntry: 2 },
  read: { runsPerLevel: 4, runsPerDeeperLevel: 2, runsToMergeDown: 2, garbageShare: 0.25, readUnitsPerEntry: 1 },
  write: { runsPerLevel: 12, runsPerDeeperLevel: 12, runsToMergeDown: 8, garbageShare: 1, readUnitsPerEntry: 16 },
  space: { runsPerLevel: 4, runsPerDeeperLevel: 2, runsToMergeDown: 2, garbageShare: 0.125, readUnitsPerEntry: 2 },
};

/** The knobs of a preset. */
export function compactionTuning(setting: CompactionSetting): CompactionTuning {
  return presets[setting];
}
