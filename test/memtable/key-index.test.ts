import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../src/format/bytes.js';
import { pointValue } from '../../src/format/entry-cursor.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { everything, get, internalKey, ModelMemtable, put, shown } from './memtable-fixture.js';

/** Keys that are written again and again, as many as one digit says. */
const keyOf = (number: number): Buffer => internalKey(1 + (number % 2), `key${number}`);

/** What happens between two reads; more records than a read takes over at once, and fewer. */
const stepArbitrary = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('write'), count: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('write'), count: fc.integer({ min: 1000, max: 2500 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('undo'), count: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('undo'), count: fc.integer({ min: 1000, max: 2000 }) }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('read'), count: fc.integer({ min: 0, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('walk'), count: fc.constant(0) }) },
);

/** The keys of both buckets as `view` sees them. */
function walk(memtable: Memtable, view: number): (string | undefined)[] {
  const found: (string | undefined)[] = [];
  for (const bucketId of [1, 2]) {
    const cursor = memtable.cursor(bucketId, view);
    if (cursor === undefined) continue;
    for (cursor.seek(Buffer.alloc(0), 0, 0); cursor.valid; cursor.next()) found.push(shown(cursor));
  }
  return found;
}

describe('the index of a memtable', () => {
  it('finds what was written since the last read as well as what it took over, whatever was rolled back and whichever view asks', () => {
    fc.assert(
      fc.property(
        fc.array(stepArbitrary, { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 2 ** 31 }),
        (steps, keys, seed) => {
          const memtable = new Memtable(100, 1 << 16);
          const model = new ModelMemtable();
          let state = seed;
          const below = (end: number): number => {
            state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
            return (state >>> 8) % end;
          };
          for (const { type, count } of steps) {
            if (type === 'write') {
              for (let i = 0; i < count; i++) {
                const key = keyOf(below(keys));
                const value = below(8) === 0 ? undefined : `${memtable.nextSequence}`;
                model.add(key, value, memtable.nextSequence);
                put(memtable, key, value);
              }
            } else if (type === 'undo') {
              const from = Math.max(100, memtable.nextSequence - count);
              memtable.rollBack(from);
              model.rollBack(from);
            } else if (type === 'read') {
              const view = below(3) === 0 ? everything : 99 + below(memtable.nextSequence - 98);
              expect(get(memtable, keyOf(count), view)).toBe(model.get(keyOf(count), view));
            } else {
              expect(walk(memtable, everything)).toEqual(model.visible(everything));
            }
          }
          for (const view of [99, 100, memtable.nextSequence - 1, everything])
            for (let key = 0; key < 10; key++) expect(get(memtable, keyOf(key), view)).toBe(model.get(keyOf(key), view));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('finds each record by its key alone, whichever is asked for first, also among keys of one hash', () => {
    const keys = Array.from({ length: 3000 }, (_, i) => internalKey(1, `key${i}`));
    const found = { bytes: Buffer.alloc(0) as Uint8Array, start: 0, end: 0 };
    const hashOf = (i: number): number => 0xffff_ffff - (i % 300);
    for (const first of [0, 1022, 1023, 1024, 1025, 2999]) {
      const memtable = new Memtable(1, 1 << 16);
      keys.forEach((key, i) => memtable.append(key, key.length, hashOf(i), key, key.length));
      for (const i of [first, 0, 1023, 1024, 2047, 2999]) {
        const key = keys[i] as Buffer;
        expect(memtable.get(key, 0, key.length, hashOf(i), everything, found)).toBe(pointValue);
        expect(compareKeys(found.bytes.subarray(found.start, found.end), key)).toBe(0);
      }
    }
  });

  it('passes by what was rolled back before it was taken over', () => {
    for (const count of [10, 5000]) {
      const memtable = new Memtable(1, 1 << 16);
      for (let i = 1; i <= count; i++) put(memtable, keyOf(i % 2), `${i}`);
      memtable.rollBack(count - 1);
      for (let round = 0; round < 6; round++) expect(get(memtable, keyOf(count % 2))).toBe(`=${count - 2}`);
    }
  });

  it('shows a cursor what is written while it stands', () => {
    const memtable = new Memtable(1, 1 << 16);
    put(memtable, internalKey(1, 'a'), '1');
    const cursor = memtable.cursor(1, everything);
    if (cursor === undefined) throw new Error('the bucket has a key');
    cursor.seek(Buffer.alloc(0), 0, 0);
    for (let i = 0; i < 3000; i++) put(memtable, internalKey(1, `b${i % 10}`), `${i}`);
    cursor.seek(Buffer.alloc(0), 0, 0);
    const found: (string | undefined)[] = [];
    for (; cursor.valid; cursor.next()) found.push(shown(cursor));
    expect(found).toHaveLength(11);
    expect(found[10]).toBe('\x01b9 =2999');
  });
});
