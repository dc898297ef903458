/** What a flush writes, and in which order: live-records.ts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../src/format/bytes.js';
import { liveRecordsByKey } from '../../src/memtable/live-records.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { RecordReader } from '../../src/memtable/record-table.js';
import { internalKey, nastyKeyArbitrary, put } from './memtable-fixture.js';

const firstSequence = 100;

/** Records of sections, of which those marked are rolled back; gives the sequences in the order in which a flush takes them. */
function ordered(sections: readonly { readonly keys: readonly Buffer[]; readonly isDead: boolean }[]) {
  const memtable = new Memtable(firstSequence, 64 * 1024);
  const live: { key: Buffer; sequence: number }[] = [];
  for (const { keys, isDead } of sections) {
    const start = memtable.nextSequence;
    for (const key of keys) {
      if (!isDead) live.push({ key, sequence: memtable.nextSequence });
      put(memtable, key, 'v');
    }
    if (isDead) memtable.rollBack(start);
  }
  const frozen = memtable.freeze();
  const { ordinals, oldestSequence, newestSequence } = liveRecordsByKey(RecordReader.ofFrozen(frozen), frozen);
  const expected = live.sort((a, b) => compareKeys(a.key, b.key) || b.sequence - a.sequence).map(({ sequence }) => sequence);
  return { sequences: [...ordinals].map((ordinal) => firstSequence + ordinal - 1), expected, oldestSequence, newestSequence };
}

describe('the records of a flush', () => {
  const section = fc.record({ keys: fc.array(nastyKeyArbitrary, { maxLength: 40 }), isDead: fc.boolean() });

  it('are the live ones by key, newest first, whatever all keys begin with', () => {
    fc.assert(
      fc.property(fc.array(section, { maxLength: 6 }), fc.constantFrom('', 'shared', 's'.repeat(20)), (sections, prefix) => {
        const inBucket = sections.map(({ keys, isDead }) => ({
          keys: keys.map((key) => internalKey(7, Buffer.concat([Buffer.from(prefix), key]))),
          isDead,
        }));
        const { sequences, expected, oldestSequence, newestSequence } = ordered(inBucket);
        expect(sequences).toEqual(expected);
        expect(oldestSequence).toBe(expected.length === 0 ? 0 : Math.min(...expected));
        expect(newestSequence).toBe(expected.length === 0 ? 0 : Math.max(...expected));
      }),
      { numRuns: 200 },
    );
  });

  it('are in order where keys came in order, with sections that were rolled back between them', () => {
    fc.assert(
      fc.property(fc.array(section, { maxLength: 6 }), (sections) => {
        const inOrder = sections
          .flatMap(({ keys, isDead }) => keys.map((key) => ({ key, isDead })))
          .sort((a, b) => compareKeys(a.key, b.key))
          .map(({ key, isDead }) => ({ keys: [internalKey(7, key)], isDead }));
        const { sequences, expected } = ordered(inOrder);
        expect(sequences).toEqual(expected);
      }),
    );
  });

  it('of one key again and again are newest first', () => {
    const { sequences } = ordered([{ keys: [internalKey(7, 'k'), internalKey(7, 'k'), internalKey(7, 'k')], isDead: false }]);
    expect(sequences).toEqual([102, 101, 100]);
  });
});
