/**
 * Disks, by what a loss of power leaves of what was not synced. Real ones do all of this, and more than one of it at a time.
 *
 * | persona               | names  | bytes  | sizes  | what a size without its bytes shows | which disk does so                          |
 * | dropUnsynced          | none   | none   | none   |                                     | one that writes nothing until it is told to |
 * | keepAll               | all    | all    | all    |                                     | one that writes everything at once          |
 * | keepNames             | all    | none   | all    | zeros                               | metadata goes first, blocks are zeroed       |
 * | keepNamesOverGarbage  | all    | none   | all    | what the blocks held before         | metadata goes first, blocks are taken as is  |
 * | keepData              | none   | all    | all    |                                     | data goes first, names when asked for       |
 * | keepPrefix            | prefix | prefix | prefix | zeros                               | a journal, which ends somewhere             |
 * | keepRandom            | some   | some   | some   | zeros                               | everything in any order                     |
 * | keepRandomOverGarbage | some   | some   | some   | what the blocks held before         | the same, blocks are taken as they are      |
 *
 * `none`, `all`: of the changes that were not synced. `prefix`: the first so many of them, in their order. `some`: any subset; of bytes
 * page by page, and a page torn at its sectors.
 */

/** How many of the changes that were not synced survive. */
export type Share = 'none' | 'all' | 'prefix' | 'some';

/** One disk. */
export interface Persona {
  /** Creations, renames and removals. */
  readonly names: Share;
  /** Bytes and sizes of files. */
  readonly bytes: Share;
  readonly sizes: Share;
  readonly showsGarbage: boolean;
}

/** All disks, by name. */
export const personas = {
  dropUnsynced: { names: 'none', bytes: 'none', sizes: 'none', showsGarbage: false },
  keepAll: { names: 'all', bytes: 'all', sizes: 'all', showsGarbage: false },
  keepNames: { names: 'all', bytes: 'none', sizes: 'all', showsGarbage: false },
  keepNamesOverGarbage: { names: 'all', bytes: 'none', sizes: 'all', showsGarbage: true },
  keepData: { names: 'none', bytes: 'all', sizes: 'all', showsGarbage: false },
  keepPrefix: { names: 'prefix', bytes: 'prefix', sizes: 'prefix', showsGarbage: false },
  keepRandom: { names: 'some', bytes: 'some', sizes: 'some', showsGarbage: false },
  keepRandomOverGarbage: { names: 'some', bytes: 'some', sizes: 'some', showsGarbage: true },
} as const satisfies Record<string, Persona>;

/** The name of a disk. */
export type CrashMode = keyof typeof personas;

/** The names of all disks. */
export const crashModes = Object.keys(personas) as CrashMode[];

/** A whole number from 0 to `end`, exclusive. */
export function randomBelow(random: () => number, end: number): number {
  return Math.min(end - 1, Math.floor(random() * end));
}

/** Which of a list of changes survive, oldest first. */
export function survivors<Change>(changes: readonly Change[], share: Share, random: () => number): readonly Change[] {
  if (share === 'none') return [];
  if (share === 'all') return changes;
  if (share === 'prefix') return changes.slice(0, randomBelow(random, changes.length + 1));
  // How much is kept is drawn once: a fair coin for each would hardly ever keep, or lose, all of many.
  const keptShare = randomBelow(random, 5) / 4;
  return changes.filter(() => random() < keptShare);
}
