/** ByteWriter and ByteReader: what is written reads back, and nothing else is accepted. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../src/format/byte-reader.js';
import { ByteWriter } from '../../src/format/byte-writer.js';

const damaged = expect.objectContaining({ code: 'VARVE_CORRUPTION', file: 'x' });
const reader = (...bytes: number[]) => new ByteReader(Uint8Array.from(bytes), 'x', 100);

describe('a varint', () => {
  it('of any whole number reads back, in the fewest bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.nat(300),
          fc.maxSafeNat(),
          fc.nat(52).map((bits) => 2 ** bits - 1),
        ),
        (value) => {
          const writer = new ByteWriter();
          writer.varint(value);
          const bytes = writer.finish();
          expect(bytes.length).toBe(Math.max(1, Math.ceil(BigInt(value).toString(2).length / 7)));
          expect(new ByteReader(bytes, 'x', 0).varint('a number')).toBe(value);
        },
      ),
    );
  });

  it('of more bytes than it needs, cut off, too long or too large is refused', () => {
    expect(() => reader(0x80, 0x00).varint('a number')).toThrow(damaged);
    expect(() => reader(0xff, 0x80, 0x00).varint('a number')).toThrow(damaged);
    expect(() => reader(0x80).varint('a number')).toThrow(damaged);
    expect(() => reader().varint('a number')).toThrow(damaged);
    expect(() => reader(...new Array<number>(8).fill(0xff), 1).varint('a number')).toThrow(damaged);
    expect(() => reader(...new Array<number>(7).fill(0xff), 0x10).varint('a number')).toThrow(damaged);
    expect(reader(...new Array<number>(7).fill(0xff), 0x0f).varint('a number')).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => reader(0x08).varint('a number', 7)).toThrow(damaged);
  });

  it('that is not a whole number from 0 is never written', () => {
    for (const value of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => new ByteWriter().varint(value)).toThrow(expect.objectContaining({ code: 'VARVE_ASSERTION' }));
    }
  });
});

describe('byte strings, bytes and padding', () => {
  it('read back one after the other, however many', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 })), (strings) => {
        const writer = new ByteWriter();
        for (const each of strings) writer.byteString(each);
        writer.padTo8();
        const bytes = writer.finish();
        expect(bytes.length % 8).toBe(0);
        const cursor = new ByteReader(bytes, 'x', 0);
        for (const each of strings) expect(cursor.byteString('a string', 400)).toEqual(each);
        cursor.end();
      }),
    );
  });

  it('are refused where they are cut off, too long, or not zero at the end, with the offset in the file', () => {
    expect(() => reader(3, 1, 2).byteString('a string', 10)).toThrow(damaged);
    expect(() => reader(3, 1, 2, 3).byteString('a string', 2)).toThrow(damaged);
    expect(() => reader(0, 0, 1).end()).toThrow(expect.objectContaining({ offset: 102 }));
    expect(() => reader(...new Array<number>(8).fill(0)).end()).toThrow(damaged);
    expect(() => reader(0x10).bits('flags', 0x0f)).toThrow(damaged);
  });

  it('that are counted are never more than the bytes that follow can hold', () => {
    expect(reader(2, 0, 0, 0, 0).count('things', 2)).toBe(2);
    expect(() => reader(3, 0, 0, 0, 0).count('things', 2)).toThrow(damaged);
    expect(() => reader(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f).count('things', 1)).toThrow(damaged);
  });
});
