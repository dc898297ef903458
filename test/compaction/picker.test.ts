import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Garbage } from '../../src/compaction/garbage.js';
import {
  type CompactionPlan,
  pickCompaction,
  planForReads,
  planFullCompaction,
  planRemoval,
} from '../../src/compaction/picker.js';
import { compactionTuning } from '../../src/compaction/tuning.js';
import { compareKeys } from '../../src/format/bytes.js';
import { levelCount } from '../../src/limits.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { checkVersion, type Run, type Version, versionTables } from '../../src/version/version.js';
import { applyEdit } from '../../src/version/version-builder.js';

const targetTableBytes = 8000;
const last = levelCount - 1;
const balanced = compactionTuning('balanced');
let nextFile = 1;

/** A table of bucket 1 with keys from `first` to `end`, both included. */
function table(first: string, end = first, more: Partial<TableMetadata> = {}): TableMetadata {
  const key = (text: string): Uint8Array => Buffer.from(`\x01${text}`, 'latin1');
  return {
    fileNumber: nextFile++,
    fileBytes: 4000,
    smallestKey: key(first),
    largestKey: key(end),
    minSequence: 1,
    maxSequence: 1,
    entryCount: 100,
    tombstoneCount: 0,
    rawBytes: 4000,
    hasSequences: false,
    ...more,
  };
}

const runOf = (...tables: TableMetadata[]): Run => ({ id: nextFile++, tables });
const overlapping = (count: number, bytes = 4000): Run[] =>
  Array.from({ length: count }, () => runOf(table('a', 'z', { fileBytes: bytes })));

/** A version from the runs of some levels, newest first. */
function versionOf(runsByLevel: Readonly<Record<number, readonly Run[]>>): Version {
  return { levels: Array.from({ length: levelCount }, (_, level) => ({ runs: runsByLevel[level] ?? [] })) };
}

/** The version after a plan whose merges gave one table each. */
function apply(version: Version, plan: CompactionPlan): Version {
  const merged = plan.merges.map((input) => {
    const tables = input.flat();
    const keys = tables.flatMap(({ smallestKey, largestKey }) => [smallestKey, largestKey]).sort(compareKeys);
    const fileBytes = tables.reduce((sum, { fileBytes: bytes }) => sum + bytes, 0);
    return { ...table('x'), smallestKey: keys[0] as Uint8Array, largestKey: keys.at(-1) as Uint8Array, fileBytes };
  });
  const tables = [...plan.movedTables, ...merged].sort((a, b) => compareKeys(a.smallestKey, b.smallestKey));
  const addedRuns = tables.length === 0 ? [] : [{ level: plan.targetLevel, runId: nextFile++, tables }];
  return applyEdit(version, { removedTables: plan.removedTables, addedRuns });
}

/** What is picked on a large disk, where so much is known of garbage; absent: nothing is. */
const pick = (version: Version, tuning = balanced, garbage?: Garbage): CompactionPlan | undefined =>
  pickCompaction(version, tuning, targetTableBytes, { garbageIn: () => garbage, isRoomShort: () => false });

const numbers = (tables: readonly TableMetadata[]): number[] => tables.map(({ fileNumber }) => fileNumber);

describe('the presets', () => {
  it('move along the same knobs: write gathers most, read and space least, space tolerates least garbage', () => {
    const knobs = (['read', 'space', 'balanced', 'write'] as const).map(compactionTuning);
    expect(knobs.map(({ runsPerLevel }) => runsPerLevel)).toEqual([4, 4, 12, 12]);
    expect(knobs.map(({ runsPerDeeperLevel }) => runsPerDeeperLevel)).toEqual([2, 2, 6, 12]);
    expect(knobs.map(({ runsToMergeDown }) => runsToMergeDown)).toEqual([2, 2, 4, 8]);
    expect(knobs.map(({ garbageShare }) => garbageShare)).toEqual([0.25, 0.125, 0.5, 1]);
  });
});

describe('the merge that reads pay for', () => {
  it('is of everything, into one run of the last level, which may forget what was deleted', () => {
    const version = versionOf({ 0: overlapping(2), 3: overlapping(1), [last]: overlapping(1) });
    const plan = planForReads(version, targetTableBytes) as CompactionPlan;
    expect([plan.targetLevel, plan.removedTables.length, plan.dropTombstones]).toEqual([last, 4, true]);
    const { levels } = apply(version, plan);
    expect(levels.map(({ runs }) => runs.length)).toEqual([0, 0, 0, 0, 0, 0, 1]);
  });

  it('is of the upper runs alone where the last level has more than eight times as many entries, and forgets nothing', () => {
    const large = runOf({ ...table('a', 'z'), entryCount: 1_000_000 });
    const version = versionOf({ 0: overlapping(2), [last - 1]: overlapping(1), [last]: [large] });
    const plan = planForReads(version, targetTableBytes) as CompactionPlan;
    expect([plan.targetLevel, plan.removedTables.length, plan.dropTombstones]).toEqual([last - 1, 3, false]);
    const { levels } = apply(version, plan);
    expect(levels.map(({ runs }) => runs.length)).toEqual([0, 0, 0, 0, 0, 1, 1]);
    expect(planForReads(apply(version, plan), targetTableBytes)).toBeUndefined();
  });

  it('is none for one run, or none', () => {
    for (const version of [versionOf({}), versionOf({ 0: overlapping(1) }), versionOf({ [last]: overlapping(1) })]) {
      expect(planForReads(version, targetTableBytes)).toBeUndefined();
    }
  });
});

describe('what is picked', () => {
  it('is nothing for an empty version, and for a last level alone', () => {
    expect(pick(versionOf({}))).toBeUndefined();
    expect(pick(versionOf({ [last]: overlapping(1) }))).toBeUndefined();
  });

  it('is all runs of a deeper level when there are fewer of them, into the next', () => {
    for (const preset of ['balanced', 'read', 'write', 'space'] as const) {
      const tuning = compactionTuning(preset);
      const version = (count: number): Version => versionOf({ 2: overlapping(count), [last]: overlapping(1, 10_000_000) });
      expect(pick(version(tuning.runsPerDeeperLevel - 1), tuning)).toBeUndefined();
      expect(pick(version(tuning.runsPerDeeperLevel), tuning)?.targetLevel).toBe(3);
    }
  });

  it.each([
    ['balanced', 4, 0.5],
    ['read', 2, 0.25],
    ['write', 8, 1],
    ['space', 2, 0.125],
  ] as const)(
    '%s merges all into the last level from %d runs with a share of %d on, where garbage is unknown',
    (preset, runs, share) => {
      const tuning = compactionTuning(preset);
      const lastBytes = 1_000_000;
      const version = (count: number, bytes: number): Version =>
        versionOf({ 0: overlapping(count, bytes / count), [last]: overlapping(1, lastBytes) });
      expect(pick(version(runs, share * lastBytes), tuning)?.targetLevel).toBe(last);
      expect(pick(version(runs, share * lastBytes - runs), tuning)).toBeUndefined();
      expect(pick(version(runs - 1, 2 * lastBytes), tuning)).toBeUndefined();
    },
  );

  it('is nothing while the last level is empty and fewer runs are there than one level holds, then all of them into it', () => {
    for (const preset of ['balanced', 'read', 'write', 'space'] as const) {
      const tuning = compactionTuning(preset);
      const { runsPerLevel } = tuning;
      expect(pick(versionOf({ 0: overlapping(runsPerLevel - 1) }), tuning)).toBeUndefined();
      const plan = pick(versionOf({ 0: overlapping(runsPerLevel) }), tuning);
      expect([plan?.targetLevel, plan?.dropTombstones]).toEqual([last, true]);
    }
  });

  it('is all runs of a level that is full, into one run of the next, newer than what is there', () => {
    const old = runOf(table('a', 'z'));
    const runs = overlapping(balanced.runsPerLevel);
    const version = versionOf({ 0: runs, 1: [old], [last]: overlapping(1, 10_000_000) });
    const plan = pick(version, balanced) as CompactionPlan;
    expect([plan.targetLevel, plan.dropTombstones]).toEqual([1, false]);
    expect(plan.merges).toEqual([runs.map(({ tables }) => tables)]);
    const after = apply(version, plan);
    expect(after.levels[0]?.runs).toEqual([]);
    expect(after.levels[1]?.runs.map(({ tables }) => numbers(tables))[1]).toEqual(numbers(old.tables));
  });

  it('is the last level that the second to last flows into, which stays one run', () => {
    const version = versionOf({
      1: overlapping(1),
      [last - 1]: overlapping(balanced.runsPerDeeperLevel),
      [last]: overlapping(1, 100_000_000),
    });
    const plan = pick(version, balanced) as CompactionPlan;
    expect([plan.targetLevel, plan.dropTombstones]).toEqual([last, true]);
    expect(plan.removedTables.length).toBe(balanced.runsPerDeeperLevel + 2);
    expect(apply(version, plan).levels[last]?.runs.length).toBe(1);
  });

  it('is everything where tombstones above are a quarter of the entries below, however few bytes they are', () => {
    const version = (tombstoneCount: number): Version =>
      versionOf({
        0: [runOf(table('a', 'z', { tombstoneCount, fileBytes: 10 })), runOf(table('a', 'z', { fileBytes: 10 }))],
        [last]: [runOf(table('a', 'z', { entryCount: 100, fileBytes: 1_000_000 }))],
      });
    expect(pick(version(24), balanced)).toBeUndefined();
    expect(pick(version(25), balanced)?.dropTombstones).toBe(true);
  });
});

describe('where garbage is known', () => {
  const lastBytes = 1_000_000;
  const { runsToMergeDown, runsPerLevel, garbageShare } = balanced;
  const version = (count: number, bytes: number, entryCount = 100): Version =>
    versionOf({
      0: Array.from({ length: count }, () => runOf(table('a', 'z', { fileBytes: bytes / count, entryCount }))),
      [last]: overlapping(1, lastBytes),
    });

  it('new keys are merged when there are enough of them, and never for space, however many bytes they are', () => {
    for (const bytes of [lastBytes, 100 * lastBytes]) {
      const garbage = { supersededBytes: 0, liveBytes: bytes + lastBytes };
      for (let runs = 1; runs < runsPerLevel; runs++) expect(pick(version(runs, bytes), balanced, garbage)).toBeUndefined();
      expect(pick(version(runsPerLevel, bytes), balanced, garbage)?.targetLevel).toBe(1);
    }
  });

  it.each(['balanced', 'read', 'write', 'space'] as const)(
    'what is all overwritten is merged where it is unknown: %s',
    (preset) => {
      const tuning = compactionTuning(preset);
      const outcome = (runs: number, bytes: number): number | undefined => {
        const garbage = { supersededBytes: bytes, liveBytes: lastBytes };
        return pick(version(runs, bytes), tuning, garbage)?.targetLevel;
      };
      const bytes = tuning.garbageShare * lastBytes;
      expect(outcome(tuning.runsToMergeDown, bytes)).toBe(last);
      expect(outcome(tuning.runsToMergeDown, bytes - tuning.runsToMergeDown)).toBeUndefined();
      expect(outcome(tuning.runsToMergeDown - 1, 10 * bytes)).toBeUndefined();
    },
  );

  it('overwriting mixed with new keys is merged when it has superseded that share of what is live', () => {
    // Half of the upper bytes supersede others: u / 2 = share × (last + u / 2).
    const outcome = (bytes: number): number | undefined =>
      pick(version(runsToMergeDown, bytes), balanced, { supersededBytes: bytes / 2, liveBytes: lastBytes + bytes / 2 })
        ?.targetLevel;
    const bytes = (2 * garbageShare * lastBytes) / (1 - garbageShare);
    expect([outcome(bytes), outcome(bytes - 100)]).toEqual([last, undefined]);
  });

  it('small values that are put over large ones are merged, however few bytes they are', () => {
    const garbage = { supersededBytes: lastBytes / 2, liveBytes: lastBytes / 2 };
    const many = version(runsToMergeDown, 4000, 100);
    expect(pick(many, balanced, garbage)?.targetLevel).toBe(last);
    expect(pick(many)).toBeUndefined();
    expect(pick(version(runsToMergeDown, 4000, 1), balanced, garbage)).toBeUndefined();
  });

  it('what is rewritten counts, not what is moved', () => {
    const [touched, aside] = [table('a', 'c', { fileBytes: 4000 }), table('m', 'z', { fileBytes: lastBytes })];
    const upper = Array.from({ length: runsToMergeDown }, (_, i) => [
      runOf(table('a', 'c', { fileBytes: 1000 })),
      runOf(table(`d${100 + i}`, undefined, { fileBytes: lastBytes / 2 })),
    ]).flat();
    let asked: readonly (readonly (readonly TableMetadata[])[])[] = [];
    const plan = pickCompaction(versionOf({ 0: upper, [last]: [runOf(touched, aside)] }), balanced, targetTableBytes, {
      garbageIn: (merges) => {
        asked = merges;
        return { supersededBytes: 4000, liveBytes: 4000 };
      },
      isRoomShort: () => false,
    });
    expect(asked.map((merge) => merge.length)).toEqual([runsToMergeDown + 1]);
    expect([plan?.targetLevel, plan?.merges]).toEqual([last, asked]);
    expect(plan?.movedTables.length).toBe(runsToMergeDown + 1);
  });

  it('keys in order go down, as next to nothing of them is rewritten', () => {
    const inOrder = (rewritten: number): Version =>
      versionOf({
        0: Array.from({ length: runsToMergeDown }, (_, i) =>
          runOf(table(`b${100 + i}`, undefined, { fileBytes: lastBytes })),
        ).concat([runOf(table('a', 'b', { fileBytes: rewritten / 2 }))]),
        [last]: [runOf(table('a', 'b', { fileBytes: rewritten / 2 }), table('z', 'z', { fileBytes: lastBytes }))],
      });
    const garbage = { supersededBytes: 0, liveBytes: 1 };
    const eighth = (runsToMergeDown * lastBytes) / 7.5;
    expect(pick(inOrder(eighth - 100), balanced, garbage)?.targetLevel).toBe(last);
    expect(pick(inOrder(eighth + 100), balanced, garbage)).toBeUndefined();
  });

  it('is asked for only where a merge may be worth it', () => {
    const asks = (of: Version): number => {
      let count = 0;
      const garbageIn = (): undefined => {
        count++;
        return undefined;
      };
      pickCompaction(of, balanced, targetTableBytes, { garbageIn, isRoomShort: () => false });
      return count;
    };
    expect(asks(version(runsToMergeDown, lastBytes))).toBe(1);
    expect(asks(version(runsToMergeDown - 1, lastBytes))).toBe(0);
    expect(asks(version(runsToMergeDown, lastBytes / 4, 1))).toBe(0);
    expect(asks(versionOf({ 0: overlapping(runsPerLevel) }))).toBe(0);
  });
});

describe('while the last level is empty', () => {
  const { runsPerLevel, runsToMergeDown } = balanced;
  const pickOn = (isRoomShort: (tableBytes: number) => boolean, runs: number): CompactionPlan | undefined =>
    pickCompaction(versionOf({ 0: overlapping(runs) }), balanced, targetTableBytes, { garbageIn: () => undefined, isRoomShort });

  it('a disk that is nearly full has runs merged as soon as there are some', () => {
    expect(pickOn(() => false, runsPerLevel - 1)).toBeUndefined();
    expect(pickOn(() => true, runsToMergeDown)?.targetLevel).toBe(last);
    expect(pickOn(() => true, runsToMergeDown - 1)).toBeUndefined();
  });

  it('the disk is asked for the bytes of all runs', () => {
    let asked = 0;
    const bytes = overlapping(runsToMergeDown).reduce((sum, run) => sum + (run.tables[0]?.fileBytes ?? 0), 0);
    pickOn((tableBytes) => {
      asked = tableBytes;
      return false;
    }, runsToMergeDown);
    expect(asked).toBe(bytes);
    expect(bytes).toBeGreaterThan(0);
  });
});

describe('a plan', () => {
  const full = (version: Version): CompactionPlan => planFullCompaction(version, targetTableBytes, () => true) as CompactionPlan;

  it('moves tables that no other touches, and merges those that do', () => {
    const [a, b, c, d] = [table('a', 'c'), table('d', 'f'), table('e', 'g'), table('h', 'i')];
    const plan = full(versionOf({ 0: [runOf(a, c), runOf(b, d)] }));
    expect(numbers(plan.movedTables)).toEqual(numbers([a, d]));
    expect(plan.merges).toEqual([[[c], [b]]]);
  });

  it('merges tables that share one key, and those that touch through a third', () => {
    const [a, b, c] = [table('a', 'd'), table('d', 'f'), table('f', 'h')];
    expect(full(versionOf({ 0: [runOf(b)], 1: [runOf(a, c)] })).merges).toEqual([[[b], [a, c]]]);
  });

  it('keeps the order of age in each merge: newer runs first, whatever their keys', () => {
    const tables = [table('c', 'z'), table('b', 'z'), table('a', 'z')];
    const version = versionOf({
      0: [runOf(tables[0] as TableMetadata)],
      3: [runOf(tables[1] as TableMetadata)],
      [last]: [runOf(tables[2] as TableMetadata)],
    });
    expect(full(version).merges).toEqual([tables.map((entry) => [entry])]);
  });

  it('joins small tables side by side up to a table in size, and leaves large ones alone', () => {
    const small = Array.from({ length: 30 }, (_, i) => table(String.fromCharCode(65 + i), undefined, { fileBytes: 900 }));
    const large = table('y', 'z', { fileBytes: 5000 });
    const plan = full(versionOf({ 0: [runOf(...small, large)] }));
    expect(plan.merges.map((input) => input.flat().length)).toEqual([8, 8, 8, 6]);
    expect(plan.movedTables).toEqual([large]);
  });

  it('rewrites into the last level what has tombstones or old versions, and moves it into another', () => {
    const dirty = [table('a', 'b', { tombstoneCount: 1 }), table('c', 'd', { hasSequences: true }), table('e', 'f')];
    const runs = dirty.map((entry) => runOf(entry));
    const plan = full(versionOf({ 0: runs, [last]: [runOf(table('x', 'z'))] }));
    expect(plan.merges.map((input) => numbers(input.flat()))).toEqual([numbers(dirty.slice(0, 1)), numbers(dirty.slice(1, 2))]);
    const { runsPerLevel } = balanced;
    const enough = [...runs, ...Array.from({ length: runsPerLevel - runs.length }, (_, i) => runOf(table(`g${100 + i}`)))];
    const upward = pick(versionOf({ 0: enough, [last]: [runOf(table('x', 'z', { fileBytes: 1e9 }))] }));
    expect([upward?.targetLevel, upward?.merges, upward?.movedTables.length]).toEqual([1, [], runsPerLevel]);
  });

  it('drops tombstones only where no older run is left outside', () => {
    const enough = overlapping(balanced.runsPerDeeperLevel);
    const versions = [{ 1: enough, 2: overlapping(1) }, { 1: enough, 4: overlapping(1) }, { 1: enough }];
    const plans = versions.map((levels) => pick(versionOf({ ...levels })));
    expect(plans.map((plan) => [plan?.targetLevel, plan?.dropTombstones])).toEqual([
      [2, false],
      [2, false],
      [2, true],
    ]);
  });
});

describe('a full compaction', () => {
  it('is nothing where there is nothing, or one clean run at the bottom', () => {
    const clean = versionOf({ [last]: [runOf(table('a', 'c'), table('d', 'f'))] });
    expect(planFullCompaction(versionOf({}), targetTableBytes, () => true)).toBeUndefined();
    expect(planFullCompaction(clean, targetTableBytes, () => true)).toBeUndefined();
  });

  it('rewrites of the bottom run what is not clean, and nothing else', () => {
    const tables = [table('a', 'c'), table('d', 'f'), table('g', 'h')];
    const plan = planFullCompaction(versionOf({ [last]: [runOf(...tables)] }), targetTableBytes, (entry) => entry !== tables[1]);
    expect(plan?.merges).toEqual([[[tables[1]]]]);
    expect(plan?.movedTables).toEqual([tables[0], tables[2]]);
  });

  it('moves what lies above down, also where nothing is merged', () => {
    const version = versionOf({ 0: [runOf(table('a', 'c'))], [last]: [runOf(table('d', 'f'))] });
    const plan = full(version);
    expect([plan.merges, plan.movedTables.length]).toEqual([[], 2]);
    expect(apply(version, plan).levels[last]?.runs.length).toBe(1);
  });

  const full = (version: Version): CompactionPlan => planFullCompaction(version, targetTableBytes, () => true) as CompactionPlan;
});

describe('a removal', () => {
  const inBuckets = (first: number, end: number): TableMetadata =>
    table('x', 'x', { smallestKey: Uint8Array.of(first, 97), largestKey: Uint8Array.of(end, 98) });

  it('takes the tables of one dead bucket, and none that another bucket shares', () => {
    const tables = [inBuckets(1, 1), inBuckets(2, 2), inBuckets(2, 3), inBuckets(3, 3)];
    const version = versionOf({
      0: [runOf(tables[0] as TableMetadata, tables[1] as TableMetadata)],
      [last]: [runOf(tables[2] as TableMetadata)],
      4: [runOf(tables[3] as TableMetadata)],
    });
    const plan = planRemoval(version, (id) => id === 1);
    expect(plan).toMatchObject({
      removedTables: numbers([tables[1] as TableMetadata, tables[3] as TableMetadata]),
      merges: [],
      movedTables: [],
    });
    expect(planRemoval(version, () => true)).toBeUndefined();
    expect(numbers([...versionTables(apply(version, plan as CompactionPlan))])).toEqual(
      numbers([tables[0], tables[2]] as TableMetadata[]),
    );
  });
});

/** Runs of disjoint tables over letters; small and large, clean and not. */
const runArbitrary = fc.uniqueArray(fc.integer({ min: 0, max: 25 }), { minLength: 1, maxLength: 12 }).chain((places) => {
  const cuts = places.sort((a, b) => a - b);
  const details = fc.record({
    tombstoneCount: fc.constantFrom(0, 0, 3),
    hasSequences: fc.boolean(),
    fileBytes: fc.constantFrom(100, 900, 5000),
  });
  return fc.array(details, { minLength: cuts.length, maxLength: cuts.length }).map((drawn) => {
    const letter = (i: number): string => String.fromCharCode(97 + i);
    return drawn.map((detail, i) => ({ detail, first: letter(cuts[i] as number), end: letter((cuts[i + 1] ?? 26) - 1) }));
  });
});

describe('every plan', () => {
  it('gives a sound version again: each input once, merges in key order that do not touch, one run newer than the rest', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: last }), runArbitrary), { maxLength: 14 }),
        fc.constantFrom('balanced' as const, 'read' as const, 'write' as const, 'space' as const),
        fc.boolean(),
        fc.constantFrom(undefined, { supersededBytes: 0, liveBytes: 1 }, { supersededBytes: 1, liveBytes: 0 }),
        (drawn, preset, isFull, garbage) => {
          const byLevel: Record<number, Run[]> = {};
          for (const [level, tables] of drawn) {
            const runs = (byLevel[level] ??= []);
            if (level === last && runs.length > 0) continue;
            runs.push(runOf(...tables.map(({ first, end, detail }) => table(first, end, detail))));
          }
          const version = versionOf(byLevel);
          const plan = isFull
            ? planFullCompaction(version, targetTableBytes, () => true)
            : pick(version, compactionTuning(preset), garbage);
          if (plan === undefined) return;
          const taken = [...numbers(plan.movedTables), ...numbers(plan.merges.flat(2))].sort((a, b) => a - b);
          expect(taken).toEqual([...plan.removedTables].sort((a, b) => a - b));
          const after = apply(version, plan);
          expect(checkVersion(after)).toBeUndefined();
          // All runs of the levels it takes from are gone, and age order holds below the target.
          const removed = new Set(plan.removedTables);
          const from = version.levels.findIndex(({ runs }) =>
            runs.some(({ tables }) => tables.some(({ fileNumber }) => removed.has(fileNumber))),
          );
          for (let level = from; level < plan.targetLevel; level++) expect(after.levels[level]?.runs).toEqual([]);
          const below = version.levels
            .slice(plan.targetLevel)
            .flatMap(({ runs }) => runs)
            .filter(({ tables }) => !removed.has(tables[0]?.fileNumber ?? 0));
          expect(
            after.levels
              .slice(plan.targetLevel)
              .flatMap(({ runs }) => runs)
              .slice(1),
          ).toEqual(below);
          if (plan.dropTombstones) expect(below).toEqual([]);
          const rank = new Map([...versionTables(version)].map((entry, i) => [entry.fileNumber, i]));
          for (const input of plan.merges) {
            const ranks = input.map((run) => rank.get(run[0]?.fileNumber ?? 0) as number);
            expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('comes to an end: picking until nothing is picked takes no more steps than there are levels', () => {
    fc.assert(
      fc.property(
        fc.array(runArbitrary, { maxLength: 40 }),
        fc.constantFrom('balanced' as const, 'read' as const, 'write' as const, 'space' as const),
        fc.constantFrom(undefined, { supersededBytes: 0, liveBytes: 1 }, { supersededBytes: 1, liveBytes: 0 }),
        (drawn, preset, garbage) => {
          let version = versionOf({
            0: drawn.map((tables) => runOf(...tables.map(({ first, end, detail }) => table(first, end, detail)))),
          });
          let steps = 0;
          for (;;) {
            const plan = pick(version, compactionTuning(preset), garbage);
            if (plan === undefined) break;
            version = apply(version, plan);
            steps++;
            expect(steps).toBeLessThanOrEqual(levelCount);
          }
        },
      ),
    );
  });
});
