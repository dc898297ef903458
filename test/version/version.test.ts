/** Applying edits, against a naive model, and what stands where. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  emptyVersion,
  levelBytes,
  levelTableCount,
  type Version,
  versionBytes,
  versionTables,
} from '../../src/version/version.js';
import { applyEdit } from '../../src/version/version-builder.js';
import type { VersionEdit } from '../../src/version/version-edit.js';
import { emptyEdit, flush, table } from './version-samples.js';

const apply = (...edits: VersionEdit[]): Version => edits.reduce(applyEdit, emptyVersion);

/** Every level as runs of file numbers. */
const shape = (version: Version) =>
  version.levels.map((level) => level.runs.map((run) => run.tables.map((each) => each.fileNumber)));

describe('an edit', () => {
  it('of a flush adds a run at the head of level 0', () => {
    expect(shape(apply(flush(1), flush(2), flush(3)))[0]).toEqual([[3], [2], [1]]);
  });

  it('of a compaction puts its run in front of the level below', () => {
    const merged = (removedTables: number[], runId: number): VersionEdit => ({
      removedTables,
      addedRuns: [{ level: 1, runId, tables: [table(runId, 'a', 'k'), table(runId + 1, 'l', 'z')] }],
    });
    const version = apply(flush(1), flush(2), merged([1, 2], 10), flush(3), merged([3], 20));
    expect(shape(version).slice(0, 2)).toEqual([
      [],
      [
        [20, 21],
        [10, 11],
      ],
    ]);
  });

  it('may take over the place of a run by its id, also when nothing of it is left', () => {
    const replace: VersionEdit = {
      removedTables: [1, 2],
      addedRuns: [{ level: 0, runId: 1, tables: [table(9, 'a', 'z', { minSequence: 10, maxSequence: 29 })] }],
    };
    expect(shape(apply(flush(1), flush(2), flush(3), replace))[0]).toEqual([[3], [9]]);
    const join: VersionEdit = {
      ...emptyEdit,
      addedRuns: [{ level: 6, runId: 5, tables: [table(7, 'a', 'b'), table(8, 'x', 'y')] }],
    };
    const last: VersionEdit = { ...emptyEdit, addedRuns: [{ level: 6, runId: 5, tables: [table(5, 'f', 'g')] }] };
    expect(shape(apply(last, join))[6]).toEqual([[7, 5, 8]]);
  });

  it('moves a table by removing and adding it', () => {
    const move: VersionEdit = { removedTables: [1], addedRuns: [{ level: 6, runId: 1, tables: [table(1, 'a', 'z')] }] };
    expect(shape(apply(flush(1), flush(2), move))).toEqual([[[2]], [], [], [], [], [], [[1]]]);
  });

  it('shares what it does not touch, and changes nothing in its arguments', () => {
    const before = apply(flush(1), flush(2));
    const text = JSON.stringify(before);
    const after = applyEdit(before, { removedTables: [1], addedRuns: [] });
    expect(after.levels[0]?.runs[0]).toBe(before.levels[0]?.runs[0]);
    expect(JSON.stringify(before)).toBe(text);
  });

  it('may remove one table of a run, and leaves the others', () => {
    const two: VersionEdit = {
      ...emptyEdit,
      addedRuns: [{ level: 3, runId: 1, tables: [table(1, 'a', 'b'), table(2, 'c', 'd')] }],
    };
    expect(shape(apply(two, { removedTables: [1], addedRuns: [] }))[3]).toEqual([[2]]);
  });

  it('that is wrong is a defect of ours', () => {
    const added = (level: number, tables: number[]): VersionEdit => ({
      ...emptyEdit,
      addedRuns: [{ level, runId: 1, tables: tables.map((number) => table(number, 'a', 'z')) }],
    });
    for (const edit of [added(7, [9]), added(0, [])])
      expect(() => apply(flush(1), edit)).toThrow(expect.objectContaining({ code: 'VARVE_ASSERTION' }));
    expect(() => apply(added(7, [9]))).toThrow(expect.objectContaining({ code: 'VARVE_ASSERTION' }));
    expect(() => apply({ ...emptyEdit, removedTables: [1] })).toThrow(expect.objectContaining({ code: 'VARVE_ASSERTION' }));
    expect(() => apply(flush(1), flush(1))).toThrow(expect.objectContaining({ code: 'VARVE_ASSERTION' }));
  });
});

describe('sums', () => {
  it('are over files', () => {
    const version = apply(flush(1), flush(2), {
      ...emptyEdit,
      addedRuns: [{ level: 3, runId: 3, tables: [table(3, 'a', 'b')] }],
    });
    expect([...versionTables(version)].map((each) => each.fileNumber)).toEqual([2, 1, 3]);
    expect(version.levels.slice(0, 4).map((level) => [levelTableCount(level), levelBytes(level)])).toEqual([
      [2, 2003],
      [0, 0],
      [0, 0],
      [1, 1003],
    ]);
    expect(versionBytes(version)).toBe(3006);
  });
});

describe('any sequence of flushes, whole-level compactions and moves', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('flush' as const), tableCount: fc.integer({ min: 1, max: 3 }) }),
    fc.record({
      kind: fc.constant('merge' as const),
      level: fc.nat(5),
      takenCount: fc.integer({ min: 1, max: 4 }),
      tableCount: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({ kind: fc.constant('move' as const), level: fc.nat(4) }),
  );

  it('gives what a list of lists gives', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        /** Levels of runs of file numbers, newest first. */
        const model: number[][][] = Array.from({ length: 7 }, () => []);
        let version = emptyVersion;
        let next = 1;
        const fresh = (count: number) =>
          Array.from({ length: count }, (_, i) =>
            table(next++, String.fromCharCode(97 + 2 * i), String.fromCharCode(98 + 2 * i)),
          );
        const numbers = (tables: readonly { fileNumber: number }[]) => tables.map((each) => each.fileNumber);
        const known = () => new Map([...versionTables(version)].map((each) => [each.fileNumber, each]));
        for (const each of steps) {
          if (each.kind === 'flush') {
            const tables = fresh(each.tableCount);
            model[0]?.unshift(numbers(tables));
            version = applyEdit(version, { ...emptyEdit, addedRuns: [{ level: 0, runId: tables[0]?.fileNumber ?? 0, tables }] });
            continue;
          }
          const source = model[each.level] ?? [];
          const target = each.kind === 'merge' && each.level === 5 ? (model[6] ?? []) : (model[each.level + 1] ?? []);
          if (source.length === 0) continue;
          if (each.kind === 'move') {
            const moved = source.pop() ?? [];
            target.unshift(moved);
            const tables = moved.map((fileNumber) => known().get(fileNumber) ?? table(fileNumber, '', ''));
            version = applyEdit(version, { removedTables: moved, addedRuns: [{ level: each.level + 1, runId: next++, tables }] });
            continue;
          }
          const taken = source.splice(-each.takenCount);
          if (each.level === 5) taken.push(...target.splice(0));
          const tables = fresh(each.tableCount);
          target.unshift(numbers(tables));
          version = applyEdit(version, {
            removedTables: taken.flat(),
            addedRuns: [{ level: each.level + 1, runId: next++, tables }],
          });
        }
        expect(shape(version)).toEqual(model);
      }),
    );
  });
});
