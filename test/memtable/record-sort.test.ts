import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../src/format/bytes.js';
import { sortRecords } from '../../src/memtable/record-sort.js';
import { nastyKeyArbitrary, RecordColumn } from './memtable-fixture.js';

/** Ordinals of all keys, sorted by the function under test. */
function sorted(keys: readonly Buffer[], skip: number): number[] {
  const column = new RecordColumn();
  for (const key of keys) column.add(key);
  const ordinals = Uint32Array.from(keys, (_, i) => keys.length - i);
  sortRecords(column.reader, ordinals, skip);
  return [...ordinals];
}

function naive(keys: readonly Buffer[]): number[] {
  const ordinals = keys.map((_, i) => i + 1);
  return ordinals.sort((a, b) => compareKeys(keys[a - 1] as Buffer, keys[b - 1] as Buffer) || b - a);
}

describe('sorting records', () => {
  it('is by key, and newest first where keys are equal', () => {
    // Few distinct keys, taken many times: groups of versions, of more than are sorted by insertion.
    const keys = fc
      .array(nastyKeyArbitrary, { minLength: 1, maxLength: 30 })
      .chain((pool) => fc.array(fc.constantFrom(...pool), { maxLength: 200 }));
    fc.assert(
      fc.property(keys, (taken) => {
        expect(sorted(taken, 0)).toEqual(naive(taken));
      }),
    );
  });

  it('is by key for many distinct keys', () => {
    fc.assert(
      fc.property(fc.array(nastyKeyArbitrary, { minLength: 50, maxLength: 400 }), (keys) => {
        expect(sorted(keys, 0)).toEqual(naive(keys));
      }),
      { numRuns: 50 },
    );
  });

  it('looks at no byte before the ones that all keys share', () => {
    fc.assert(
      fc.property(fc.array(nastyKeyArbitrary, { maxLength: 60 }), fc.integer({ min: 0, max: 13 }), (keys, skip) => {
        const prefixed = keys.map((key) => Buffer.concat([Buffer.alloc(skip, 's'), key]));
        expect(sorted(prefixed, skip)).toEqual(naive(prefixed));
      }),
    );
  });

  it('puts a thousand versions of one key newest first, among keys that it begins or that begin it', () => {
    const versions = Array.from({ length: 1000 }, () => Buffer.from('abcdefghijkl'));
    const keys = [Buffer.from('abcdef'), ...versions, Buffer.from('abcdefghijkl\0'), Buffer.from('abcdefghijk')];
    expect(sorted(keys, 0)).toEqual([1, 1003, ...Array.from({ length: 1000 }, (_, i) => 1001 - i), 1002]);
  });

  it('keeps apart keys that differ only by zero bytes at their end', () => {
    const keys = Array.from({ length: 40 }, (_, i) => Buffer.alloc((i * 17) % 40));
    expect(sorted(keys, 0).map((ordinal) => (keys[ordinal - 1] as Buffer).length)).toEqual(
      Array.from({ length: 40 }, (_, i) => i),
    );
  });

  it('sorts keys that share 300 bytes by what follows', () => {
    const keys = Array.from({ length: 100 }, (_, i) => Buffer.concat([Buffer.alloc(300, 'p'), Buffer.from([(i * 37) % 100])]));
    expect(sorted(keys, 0)).toEqual(naive(keys));
  });

  it('sorts hundreds of keys whose first bytes leave no room for the next in a head', () => {
    // Two kinds of first bytes that differ in all bits; what follows differs as well.
    const keys = Array.from({ length: 600 }, (_, i) => {
      const key = Buffer.alloc(8, i % 2 === 0 ? 0 : 0xff);
      key.writeUInt32BE((i * 0x9e37_79b1) >>> 0, 4);
      return key;
    });
    expect(sorted(keys, 0)).toEqual(naive(keys));
    const repeated = [...keys, ...keys];
    expect(sorted(repeated, 0)).toEqual(naive(repeated));
  });
});
