/**
 * All programs of at most four moves over two keys, with a loss of power at every moment of the last move: those before it are the last
 * move of a shorter program. Where most defects are small, this finds the small ones, all of them.
 *
 * The quick tier takes a slice of the programs, the deep tier all. VARVE_PROGRAM='put one,commit' runs that one alone.
 */
import { describe, expect, test } from 'vitest';
import { type CrashMode, crashModes } from '../support/crash-persona.js';
import { byTier, isDeep, report } from '../support/tier.js';
import { CrashWorld } from './crash-world.js';
import { judge, Tally } from './judgement.js';

const { VARVE_PROGRAM } = process.env;

const movesMax = 4;

/** Two of the larger values fill a memtable. */
const moves: Readonly<Record<string, (world: CrashWorld) => Promise<void> | void>> = {
  'put one': (world) => world.section((section) => section.put('b', 'one', 10)),
  'put two': (world) => world.section((section) => section.put('b', 'two', 9000)),
  'delete one': (world) => world.section((section) => section.delete('b', 'one')),
  'delete two': (world) => world.section((section) => section.delete('b', 'two')),
  'drop the bucket': (world) =>
    world.section((section) => {
      section.drop('b');
      section.create('b');
    }),
  commit: async (world) => {
    await world.commit();
    await world.turns(3);
  },
  defrag: (world) => world.defrag(),
  reopen: (world) => world.reopen(),
};

/** Those in which the disk is touched. */
const lastMoves = ['commit', 'defrag', 'reopen', 'put two'];

/** Every program, the short ones first. */
function* programs(): Generator<string[]> {
  let shorter: string[][] = [[]];
  for (let length = 1; length <= movesMax; length++) {
    for (const program of shorter) for (const last of lastMoves) yield [...program, last];
    shorter = shorter.flatMap((program) => Object.keys(moves).map((move) => [...program, move]));
  }
}

async function play(world: CrashWorld, program: readonly string[]): Promise<void> {
  for (const move of program) await moves[move]?.(world);
}

/** Plays a program, loses power at every moment of its last move, and judges what is left. */
async function tryProgram(
  program: readonly string[],
  modesOf: (moment: number) => readonly CrashMode[],
  tally: Tally,
): Promise<void> {
  const world = await CrashWorld.begin();
  world.section((section) => section.create('b'));
  await world.commit();
  await play(world, program.slice(0, -1));
  const left = await world.lossesDuring(() => play(world, program.slice(-1)), modesOf);
  await world.close();
  expect(world.disk.openHandles).toBe(0);
  for (const { disk, journal, moment, mode } of left) {
    const where = `program '${program.join(',')}', power lost at moment ${moment} of the last move, ${mode}`;
    const again = (moment * 5 + program.length) % 24;
    await judge(disk, {
      journal,
      where,
      seed: moment * 9 + mode.length,
      tally,
      depth: 1,
      chooses: (operation) => operation === again,
    });
  }
}

describe('small worlds', () => {
  test('there are as many as can be', () => {
    const all = [...programs()].map((program) => program.join());
    expect(all.length).toBe(4 * (1 + 8 + 8 ** 2 + 8 ** 3));
    expect(new Set(all).size).toBe(all.length);
  });

  test('every program, every moment: a prefix that holds what was acknowledged, and a database that works', async () => {
    const all = VARVE_PROGRAM === undefined ? [...programs()] : [VARVE_PROGRAM.split(',')];
    const step = VARVE_PROGRAM === undefined ? byTier(211, 1) : 1;
    const personas = byTier(1, 2);
    const tally = new Tally();
    let tried = 0;
    for (let at = step >> 1; at < all.length; at += step) {
      const modesOf = (moment: number): CrashMode[] =>
        Array.from({ length: personas }, (_, i) => crashModes[(at + moment * personas + i) % crashModes.length] as CrashMode);
      await tryProgram(all[at] as string[], modesOf, tally);
      tried++;
      if (isDeep && tried % 500 === 0) report('small worlds', `${tried} of ${all.length} programs, ${tally.toString()}`);
    }
    expect(tally.states).toBeGreaterThan(tried);
    report('small worlds', `${tried} of ${all.length} programs, ${tally.toString()}`);
  }, 3_600_000);
});
