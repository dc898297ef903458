/**
 * The knobs of compaction, and the four presets that set them.
 *
 * | preset   | runs a level | least runs to merge down | upper ÷ last | reads pay | the model at 10M keys of 116 bytes gives     |
 * |----------|--------------|--------------------------|--------------|-----------|----------------------------------------------|
 * | balanced | 12           | 4                        | 0.5          | 2         | about 3 bytes written a byte, space 1.3–1.4    |
 * | read     | 4            | 2                        | 0.25         | 1         | fewer runs to look into, more rewriting       |
 * | write    | 12           | 8                        | 1.0          | 16        | least rewriting, space up to 2                |
 * | space    | 4            | 2                        | 0.125        | 2         | least garbage, most rewriting                 |
 *
 * What reads pay for each entry: see engine/read-debt.ts. Merging one costs the worker about 16 units of 80 ns; but readers wait for theirs, and the
 * worker has a core of its own, so a unit of a reader counts eight times in 'balanced'.
 *
 * Lazy levelling: Dayan and Idreos, "Dostoevsky", SIGMOD 2018.
 */
import type { CompactionSetting } from '../options.js';

export interface CompactionTuning {
  /** Runs that gather in one level before they are merged into one run of the next level. */
  readonly runsPerLevel: number;
  /** Runs above the last level below which nothing is merged into it. Where it is still empty, `runsPerLevel`. */
  readonly runsToMergeDown: number;
  /** Share of the last level's bytes that the levels above may hold. */
  readonly upperShare: number;
  /** What reads in several runs pay for each entry, in the units of engine/read-debt.ts, until a merge is made. */
  readonly readUnitsPerEntry: number;
}

const presets: Record<CompactionSetting, CompactionTuning> = {
  balanced: { runsPerLevel: 12, runsToMergeDown: 4, upperShare: 0.5, readUnitsPerEntry: 2 },
  read: { runsPerLevel: 4, runsToMergeDown: 2, upperShare: 0.25, readUnitsPerEntry: 1 },
  write: { runsPerLevel: 12, runsToMergeDown: 8, upperShare: 1, readUnitsPerEntry: 16 },
  space: { runsPerLevel: 4, runsToMergeDown: 2, upperShare: 0.125, readUnitsPerEntry: 2 },
};

/** The knobs of a preset. */
export function compactionTuning(setting: CompactionSetting): CompactionTuning {
  return presets[setting];
}
