import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DropPolicy, dropVersion } from '../../src/compaction/drop-policy.js';
import { type Entry, everything, liveBuckets, put, readRuns, remaining, tombstone } from './compaction-fixture.js';

/** What the policy leaves of the versions of one key. */
function decided(versions: readonly Entry[], views: readonly number[], dropTombstones: boolean): Entry[] {
  const policy = new DropPolicy({ views, liveBuckets: liveBuckets() }, dropTombstones);
  policy.beginKey();
  return versions.flatMap((version) => {
    const sequence = policy.decide(version.sequence, version.value === undefined);
    return sequence === dropVersion ? [] : [{ ...version, sequence }];
  });
}

const ascending = (numbers: Iterable<number>): number[] => [...new Set(numbers)].sort((a, b) => a - b);
/** Versions newest first; the last may have sequence 0, as what an earlier merge elided. */
const versionsArbitrary = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.boolean()), { minLength: 1, maxLength: 10 })
  .map((drawn) =>
    ascending(drawn.map(([sequence]) => sequence))
      .reverse()
      .map((sequence, i) => ((drawn[i]?.[1] ?? true) ? put('k', sequence) : tombstone('k', sequence))),
  );
const viewsArbitrary = fc.array(fc.integer({ min: 0, max: 32 }), { maxLength: 5 }).map(ascending);

describe('which versions remain', () => {
  it('is what the definition says', () => {
    fc.assert(
      fc.property(versionsArbitrary, viewsArbitrary, fc.boolean(), (versions, views, dropTombstones) => {
        expect(decided(versions, views, dropTombstones)).toEqual(remaining(versions, views, dropTombstones));
      }),
      { numRuns: 1000 },
    );
  });

  it('is enough: every live view and everybody who comes later reads what was read before', () => {
    fc.assert(
      fc.property(versionsArbitrary, viewsArbitrary, fc.boolean(), (versions, views, dropTombstones) => {
        const kept = decided(versions, views, dropTombstones);
        for (const view of [...views, everything]) expect(readRuns([kept], 'k', view)).toBe(readRuns([versions], 'k', view));
      }),
      { numRuns: 1000 },
    );
  });

  it('is no more than enough: without any one of them somebody would read something else, or an older run would show through', () => {
    fc.assert(
      fc.property(versionsArbitrary, viewsArbitrary, fc.boolean(), (versions, views, dropTombstones) => {
        const older = dropTombstones ? [] : [put('k', 0, 'older run')];
        const kept = decided(versions, views, dropTombstones);
        for (const [i, version] of kept.entries()) {
          const next = kept[i + 1];
          const hidesNothing = version.value === undefined && (next === undefined ? dropTombstones : next.value === undefined);
          if (hidesNothing) continue;
          const without = kept.filter((other) => other !== version);
          const differs = [...views, everything].some(
            (view) => readRuns([without, older], 'k', view) !== readRuns([kept, older], 'k', view),
          );
          expect(differs).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('changes nothing when it is decided again', () => {
    fc.assert(
      fc.property(versionsArbitrary, viewsArbitrary, fc.boolean(), (versions, views, dropTombstones) => {
        const kept = decided(versions, views, dropTombstones);
        expect(decided(kept, views, dropTombstones)).toEqual(kept);
      }),
    );
  });

  it('is the newest alone without views, at sequence 0', () => {
    expect(decided([put('k', 9), put('k', 5), put('k', 2)], [], true)).toEqual([{ ...put('k', 9), sequence: 0 }]);
  });

  it('is the example of the header: of 30, 20, 9 and 8 with views at 10 and 25 the first three', () => {
    const versions = [put('k', 30), put('k', 20), put('k', 9), put('k', 8)];
    expect(decided(versions, [10, 25], true).map(({ sequence }) => sequence)).toEqual([30, 20, 0]);
  });

  it('holds a tombstone that some view is too old for, and what that view reads', () => {
    const versions = [tombstone('k', 8), put('k', 3), put('k', 1)];
    expect(decided(versions, [5], true)).toEqual([tombstone('k', 8), { ...put('k', 3), sequence: 0 }]);
    expect(decided(versions, [8], true)).toEqual([]);
  });

  it('holds a tombstone over an older run that may have the key, at sequence 0', () => {
    expect(decided([tombstone('k', 8), put('k', 3)], [], false)).toEqual([tombstone('k', 0)]);
  });

  it('a view exactly at a version reads that version and not the one before', () => {
    const versions = [put('k', 10), put('k', 9)];
    expect(decided(versions, [9], true).map(({ sequence }) => sequence)).toEqual([10, 0]);
    expect(decided(versions, [10], true).map(({ sequence }) => sequence)).toEqual([0]);
  });

  it('begins anew with each key', () => {
    const policy = new DropPolicy({ views: [], liveBuckets: liveBuckets() }, true);
    for (let i = 0; i < 3; i++) {
      policy.beginKey();
      expect([policy.decide(7, false), policy.decide(6, false)]).toEqual([0, dropVersion]);
    }
  });
});

describe('a bucket', () => {
  it('is live exactly where it is listed', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff_ffff })), fc.integer({ min: 0, max: 0xffff_ffff }), (ids, other) => {
        const listed = ascending(ids);
        const policy = new DropPolicy({ views: [], liveBuckets: liveBuckets(...listed) }, true);
        for (const id of [...listed, other]) expect(policy.isLiveBucket(id)).toBe(listed.includes(id));
      }),
    );
  });
});
