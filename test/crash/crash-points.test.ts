/**
 * Power is lost at every moment of the workload, on every kind of disk; what is found afterwards must be what was acknowledged, and no
 * more than what was unlocked. In the recovery it is lost again, and once more in the recovery from that.
 *
 * The quick tier takes some of the moments and personas, the deep tier all of them, with a second loss at every operation of the recovery.
 * A failure says `moment <n>`: VARVE_MOMENT=<n> looks at that one alone, as the deep tier does.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { type CrashMode, crashModes } from '../support/crash-persona.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { report } from '../support/tier.js';
import { live, losePowerAt } from './disk-life.js';
import { Journal } from './journal.js';
import { judge, Tally } from './judgement.js';
import { wholeLife } from './later-lives.js';
import { allMoments, chosen, isThorough, lossesAt, type Moment } from './moments.js';
import { stepKinds } from './phases.js';

/** Moments whose disks are kept in memory at the same time. */
const momentsAtOnce = 24;

/** Disks that a moment is tried on, besides the one of a process that was killed. */
const personasPerMoment = isThorough ? crashModes.length : 1;

let moments: Moment[] = [];

beforeAll(async () => {
  moments = await allMoments();
});

/** Some of the disks, others for each moment. */
function modesOf({ number }: Moment): CrashMode[] {
  return Array.from(
    { length: personasPerMoment },
    (_, i) => crashModes[(number * personasPerMoment + i) % crashModes.length] as CrashMode,
  );
}

function reportNames(tried: readonly Moment[]): void {
  const counts = new Map<string, number>();
  for (const { names } of tried) for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const [name, count] of [...counts].sort()) report('crash points', `${count} ${name}`);
}

describe('a loss of power at any moment', () => {
  test('the workload has the same moments each time', async () => {
    expect(moments.length).toBeGreaterThan(500);
    const described = (all: readonly Moment[]): string[] =>
      all.map(({ what }) => what.replace(/restoring-[0-9a-f]{12}/, 'restoring'));
    expect(described(await allMoments())).toEqual(described(moments));
  });

  test('the moments that are tried are of every part of the workload, and of every kind of step', () => {
    const tried = chosen(moments, 40);
    const names = new Set(tried.flatMap((moment) => moment.names));
    const parts = wholeLife.flatMap(({ steps, config }) =>
      config?.readOnly === true ? [] : steps.map(({ name }) => `during ${name}`),
    );
    const opening = ['during the first creation', 'during an opening', 'during a close'];
    // Nothing is asked of the disk by a section that is left to the close.
    const expected = [...stepKinds, ...opening, ...parts.filter((part) => part !== 'during what close must commit')];
    if (process.env['VARVE_MOMENT'] === undefined) expect(expected.filter((name) => !names.has(name))).toEqual([]);
    reportNames(tried);
  });

  test('leaves a prefix of the sections that holds all that was acknowledged, and a database that works', async () => {
    const tried = chosen(moments, 40);
    const tally = new Tally();
    for (let at = 0; at < tried.length; at += momentsAtOnce) {
      for (const { disk, journal, moment, mode } of await lossesAt(tried.slice(at, at + momentsAtOnce), modesOf)) {
        const where = `power lost at moment ${moment.number} (${moment.what}), ${mode}`;
        const again = (moment.number * 31 + mode.length * 7) % 40;
        const isEvery = isThorough && mode === 'keepRandom';
        const chooses = (operation: number): boolean => isEvery || operation === again;
        await judge(disk, { journal, where, seed: moment.number * 9 + mode.length, tally, depth: 2, chooses });
      }
    }
    report('crash points', `${tried.length} moments, ${tally.toString()}`);
  }, 3_600_000);

  test('makes every call fail; nobody is told what is not so, and a close gives back what was held', async () => {
    const tried = isThorough ? chosen(moments, 0) : moments.filter(({ number }) => number % 50 === 7);
    const tally = new Tally();
    for (const { number, what } of tried) {
      const disk = new MemoryFileSystem();
      const journal = new Journal();
      losePowerAt(disk, journal, number);
      await live(disk, journal);
      const where = `power lost for good at moment ${number} (${what})`;
      const survivor = disk.crash(number, 'dropUnsynced');
      await judge(survivor, { journal, where, seed: number, tally, depth: 0, chooses: () => false });
    }
    report('losses for good', tally.toString());
  }, 3_600_000);
});
