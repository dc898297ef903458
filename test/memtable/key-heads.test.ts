/** Numbers that stand for the next bytes of keys: key-heads.ts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../src/format/bytes.js';
import { KeyHeads } from '../../src/memtable/key-heads.js';
import { nastyKeyArbitrary, RecordColumn } from './memtable-fixture.js';

function headsOf(keys: readonly Buffer[], depth = 0): KeyHeads {
  const column = new RecordColumn(1 << 20);
  const ordinals = Uint32Array.from(keys, (key) => column.add(key).ordinal);
  const heads = new KeyHeads(keys.length);
  heads.read(column.reader, ordinals, 0, keys.length, depth);
  return heads;
}

/** Negative, 0 or positive, as head and then tail of a place say. */
function compareHeads({ heads, tails, hasTails }: KeyHeads, a: number, b: number): number {
  const difference = (heads[a] as number) - (heads[b] as number);
  return difference !== 0 || !hasTails ? difference : (tails[a] as number) - (tails[b] as number);
}

const digits = fc.integer({ min: 0, max: 99_999_999 }).map((number) => Buffer.from(String(number).padStart(8, '0')));
const keysArbitrary = fc.oneof(
  fc.array(nastyKeyArbitrary, { minLength: 2, maxLength: 40 }),
  fc.array(digits, { minLength: 2, maxLength: 40 }),
  fc.array(fc.uint8Array({ minLength: 8, maxLength: 12 }).map(Buffer.from), { minLength: 2, maxLength: 40 }),
);

describe('heads of keys', () => {
  it('differ as the keys do, or keys are equal as far as the heads go, and all of those go on or none does', () => {
    fc.assert(
      fc.property(keysArbitrary, fc.constantFrom(0, 3), (keys, depth) => {
        const prefixed = keys.map((key) => Buffer.concat([Buffer.alloc(depth, 'd'), key]));
        const heads = headsOf(prefixed, depth);
        const { bytes } = heads;
        expect(bytes).toBeGreaterThan(0);
        keys.forEach((a, i) => {
          const last = (heads.hasTails ? heads.tails[i] : heads.heads[i]) as number;
          expect(heads.goesOn(last)).toBe(a.length > bytes);
          keys.forEach((b, j) => {
            const order = compareHeads(heads, i, j);
            if (order !== 0) expect(Math.sign(order)).toBe(Math.sign(compareKeys(a, b)));
            else expect(a.subarray(0, bytes).equals(b.subarray(0, bytes))).toBe(true);
          });
        });
      }),
    );
  });

  it('have room for eight bytes of digits, and for as many bits as differ', () => {
    const heads = headsOf(['00000000', '99999999', '01234567'].map((key) => Buffer.from(key)));
    expect([heads.bytes, heads.headBits, heads.hasTails]).toEqual([8, 32, false]);
    expect([...heads.heads]).toEqual([0, 0x9999_9999, 0x0123_4567]);
    const few = headsOf(['same 12!', 'same 34!'].map((key) => Buffer.from(key)));
    expect([few.bytes, few.headBits, few.hasTails]).toEqual([8, 5, false]);
  });

  it('that have no room for all go on in tails', () => {
    const heads = headsOf([Buffer.alloc(9, 0xff), Buffer.alloc(8)]);
    expect([heads.bytes, heads.hasTails]).toEqual([7, true]);
    expect([...heads.heads]).toEqual([0xffff_ffff, 0]);
    // Three bytes more, and that more than seven are left of both.
    expect([...heads.tails]).toEqual([0xffff_ff8, 8]);
  });
});
