/**
 * A group with room behind it that is taken over while its sync is under way, by a writer that cannot wait: the groups after it lie where its
 * zeros did. Power is lost at each moment.
 */
import { expect, test } from 'vitest';
import { type CrashMode, crashModes } from '../support/crash-persona.js';
import { byTier, report } from '../support/tier.js';
import { CrashWorld } from './crash-world.js';
import { judge, Tally } from './judgement.js';

const memtableBytes = 64 * 1024;
const modesOf = (moment: number): readonly CrashMode[] =>
  byTier(moment % 13 === 0 ? [crashModes[(moment / 13) % crashModes.length] as CrashMode] : [], crashModes);

test('a group with room that is taken over, and those after it, are there whenever power is lost', async () => {
  const world = await CrashWorld.begin(memtableBytes);
  const tally = new Tally();
  world.section((section) => {
    section.create('a');
    section.puts('a', 0, 80, 150);
  });
  await world.commit();
  // Of each place in a log that was written to, the lengths.
  const written = new Map<string, number[]>();
  const left = await world.lossesDuring(async () => {
    const { onOperation } = world.disk;
    let isFirst = true;
    world.disk.onOperation = (operation) => {
      onOperation?.(operation);
      const { kind, path, position = 0, sizeBytes = 0 } = operation;
      if (!path.endsWith('.log')) return;
      const place = `${path} ${position}`;
      if (kind === 'write') written.set(place, [...(written.get(place) ?? []), sizeBytes]);
      if (kind !== 'sync' || !isFirst) return;
      isFirst = false;
      queueMicrotask(() => {
        world.section((section) => section.put('a', 'small too', 30));
        for (let round = 0; round < 3; round++) world.section((section) => section.puts('a', round * 100, 300, 200, 1));
      });
    };
    world.section((section) => section.put('a', 'small', 30));
    await world.commit();
    await world.commit();
  }, modesOf);
  await world.close();
  const [taken] = [...written.values()];
  expect(taken, 'the group was written with its room, and again').toHaveLength(2);
  expect(taken?.[0]).toBeGreaterThan(4096);
  for (const [at, { disk, journal, moment, mode }] of left.entries()) {
    const where = `power lost at moment ${String(moment)}, ${mode}`;
    await judge(disk, { journal, where, seed: at, tally, depth: 1, chooses: (operation) => operation === at % 24 });
  }
  expect(tally.states).toBeGreaterThan(0);
  report('room that is taken over', tally.toString());
}, 3_600_000);
