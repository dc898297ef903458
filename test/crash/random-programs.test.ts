/**
 * Long programs from a seed, each with some kinds of moves left out (a mix of everything at once never fills a level, and deletes cancel
 * puts), with losses of power at moments that chance picks.
 *
 * A failure names its seed: VARVE_SEED=<seed> begins with that program. The deep tier goes on for VARVE_MINUTES.
 */
import { describe, expect, test } from 'vitest';
import { type CrashMode, crashModes, randomBelow } from '../support/crash-persona.js';
import { seededRandom } from '../support/memory-file-system.js';
import { deepSearch, isDeep, report, seedOf } from '../support/tier.js';
import { CrashWorld } from './crash-world.js';
import type { Section } from './journal.js';
import { judge, Tally } from './judgement.js';

const programsQuick = 3;
const movesPerProgram = 24;
const buckets = ['a', 'b'] as const;

/** Chance, as moves use it. */
class Dice {
  constructor(private readonly random: () => number) {}

  below(end: number): number {
    return randomBelow(this.random, end);
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}

type Move = (world: CrashWorld, dice: Dice) => Promise<void> | void;

/** A section over a bucket, which is made where it is missing. */
function over(world: CrashWorld, dice: Dice, change: (section: Section, bucket: string) => void): void {
  const bucket = dice.of(buckets);
  world.section((section) => {
    section.create(bucket);
    change(section, bucket);
  });
}

const moves: Readonly<Record<string, Move>> = {
  'a few puts': (world, dice) =>
    over(world, dice, (section, bucket) => section.puts(bucket, dice.below(60), 1 + dice.below(4), dice.of([0, 1, 30, 500]))),
  'many puts': (world, dice) =>
    over(world, dice, (section, bucket) => section.puts(bucket, dice.below(60), 40 + dice.below(60), 150, 1 + dice.below(3))),
  'a large value': (world, dice) =>
    over(world, dice, (section, bucket) =>
      section.put(bucket, `large ${dice.below(3)}`, dice.of([4096, 16_384, 40_000, 270_000])),
    ),
  deletes: (world, dice) =>
    over(world, dice, (section, bucket) => {
      for (let i = 1 + dice.below(20); i > 0; i--) section.delete(bucket, `key${String(dice.below(120)).padStart(4, '0')}`);
    }),
  'a bucket dropped': (world, dice) => over(world, dice, (section, bucket) => section.drop(bucket)),
  'a bucket dropped and made again': (world, dice) =>
    over(world, dice, (section, bucket) => {
      section.drop(bucket);
      section.create(bucket);
      section.puts(bucket, 0, 3, 20);
    }),
  'a section undone': (world, dice) => world.rollBack(dice.of(buckets)),
  'a commit': (world) => world.commit(),
  'small commits': async (world, dice) => {
    for (let i = 4 + dice.below(8); i > 0; i--) {
      over(world, dice, (section, bucket) => section.puts(bucket, dice.below(60), 1, dice.of([0, 40, 400])));
      await world.commit();
    }
  },
  'a commit that goes on': (world) => world.commitLater(),
  turns: (world, dice) => world.turns(1 + dice.below(8)),
  'a defrag': (world) => world.defrag(),
  'a defrag that goes on': (world) => world.defragLater(),
  'a reopening': (world, dice) =>
    world.reopen({ compaction: dice.of(['read', 'write', 'space', 'balanced']), compression: dice.of(['none', 'auto']) }),
};

/** Kinds of moves with how often they come: each is out with one chance in three. */
function drawMix(dice: Dice): string[] {
  const mix = Object.keys(moves).flatMap((name) => (dice.below(3) === 0 ? [] : Array<string>(1 + dice.below(4)).fill(name)));
  return mix.length > 0 ? mix : ['many puts'];
}

/** Runs the program of a seed and judges what losses of power left. */
async function tryProgram(seed: number, tally: Tally): Promise<void> {
  const dice = new Dice(seededRandom(seed));
  const mix = drawMix(dice);
  const done: string[] = [];
  const world = await CrashWorld.begin(dice.of([16, 16, 64, 1024]) * 1024);
  // What is looked at does not change what the program does.
  const look = seededRandom(seed + 1);
  const modesOf = (): CrashMode[] => (look() < 0.06 ? [crashModes[randomBelow(look, crashModes.length)] as CrashMode] : []);
  const left = await world.lossesDuring(async () => {
    for (let i = 0; i < movesPerProgram; i++) {
      const name = dice.of(mix);
      done.push(name);
      await moves[name]?.(world, dice);
    }
    await world.close();
  }, modesOf);
  expect(world.disk.openHandles).toBe(0);
  for (const { disk, journal, moment, mode } of left) {
    const where = `seed ${seed} (${done.join(', ')}), power lost at moment ${moment}, ${mode}`;
    const again = randomBelow(look, 40);
    await judge(disk, {
      journal,
      where,
      seed: moment * 9 + mode.length,
      tally,
      depth: 2,
      chooses: (operation) => operation === again,
    });
  }
}

describe('random programs', () => {
  test('whatever the program, a loss of power leaves a prefix that holds what was acknowledged, and a database that works', async () => {
    const first = seedOf('random programs');
    const goesOn = deepSearch();
    const tally = new Tally();
    let tried = 0;
    while (isDeep ? goesOn() : tried < programsQuick) await tryProgram(first + tried++, tally);
    expect(tally.states).toBeGreaterThan(0);
    report('random programs', `${tried} programs, ${tally.toString()}`);
  }, 3_600_000);
});
