/**
 * How much a test does, and from which seed: the same tests are quick in `npm test` and deep in `npm run test:crash` and its kin.
 *
 * | variable      | meaning                                                                                     |
 * | VARVE_TIER    | `deep`: everything, or as much as chance finds in minutes; absent: the quick tier            |
 * | VARVE_SEED    | the seed to begin with; absent: 1 in the quick tier, so that it is the same for everybody, else chance |
 * | VARVE_MINUTES | how long each open-ended search of the deep tier goes on, in minutes; absent: 2              |
 *
 * A deep run prints its seed before it begins and its counts when it ends; a failure names the seed that shows it again.
 */
import { randomInt } from 'node:crypto';

const { VARVE_TIER, VARVE_SEED, VARVE_MINUTES } = process.env;

/** Whether this is the deep tier. */
export const isDeep = VARVE_TIER === 'deep';

/** One of two amounts, by the tier. */
export function byTier<Amount>(quick: Amount, deep: Amount): Amount {
  return isDeep ? deep : quick;
}

/** Until when an open-ended search of the deep tier goes on: false once its minutes are over. In the quick tier always false. */
export function deepSearch(): () => boolean {
  const endMs = performance.now() + (isDeep ? Number(VARVE_MINUTES ?? 2) * 60_000 : 0);
  return () => performance.now() < endMs;
}

/** The seed of the search `name`. In the deep tier it is printed, with what repeats the run. */
export function seedOf(name: string): number {
  const seed = VARVE_SEED === undefined ? (isDeep ? randomInt(1, 2 ** 31) : 1) : Number(VARVE_SEED);
  if (isDeep) report(name, `seed ${seed}; VARVE_SEED=${seed} repeats it`);
  return seed;
}

/** Prints what a search of the deep tier did. */
export function report(name: string, text: string): void {
  if (isDeep) process.stdout.write(`  ${name}: ${text}\n`);
}
