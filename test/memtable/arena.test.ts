import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arena, ArenaDraft } from '../../src/memtable/arena.js';

const overflowBytes = 1024 * 1024;

describe('an arena', () => {
  it('gives each record a place of its own in one chunk, at ascending addresses', () => {
    const length = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 60_000 })).map((units) => units * 8);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.array(length, { maxLength: 40 }), (firstBytes, lengths) => {
        const arena = new Arena(firstBytes);
        const ends = new Map<number, number>();
        let previous = -1;
        for (const bytes of lengths) {
          const address = arena.allocate(bytes);
          const chunk = arena.chunkOf(address);
          const offset = (address - chunk.baseUnits) * 8;
          expect(address).toBeGreaterThan(previous);
          expect(offset).toBe(ends.get(chunk.baseUnits) ?? 0);
          expect(offset + bytes).toBeLessThanOrEqual(chunk.capacityBytes);
          ends.set(chunk.baseUnits, offset + bytes);
          previous = address;
        }
        expect(arena.usedBytes).toBe(lengths.reduce((sum, bytes) => sum + bytes, 0));
        expect(arena.chunks.every((chunk) => chunk.usedBytes === (ends.get(chunk.baseUnits) ?? 0))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('begins another chunk where the first capacity ends, also where bytes at its end stay free', () => {
    const arena = new Arena(100);
    expect(arena.first.capacityBytes).toBe(104);
    expect(arena.allocate(96)).toBe(0);
    expect(arena.allocate(16)).toBe(13);
    expect(arena.chunks.map(({ baseUnits, capacityBytes, usedBytes }) => [baseUnits, capacityBytes, usedBytes])).toEqual([
      [0, 104, 96],
      [13, overflowBytes, 16],
    ]);
  });

  it('gives a record that is larger than a chunk a chunk of its size', () => {
    const arena = new Arena(8);
    arena.allocate(3 * overflowBytes);
    arena.allocate(8);
    expect(arena.chunks.map(({ capacityBytes }) => capacityBytes)).toEqual([8, 3 * overflowBytes, overflowBytes]);
    expect(arena.chunkOf(1 + (3 * overflowBytes) / 8)).toBe(arena.chunks[2]);
    expect(arena.chunkOf((3 * overflowBytes) / 8)).toBe(arena.chunks[1]);
  });

  it('shares its memory: bytes and words of a chunk are views on one shared buffer', () => {
    const { first } = new Arena(16);
    first.words[1] = 0x0403_0201;
    expect(first.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([...first.bytes.subarray(4, 8)]).toEqual([1, 2, 3, 4]);
  });

  it('uses the first memory again after clear, and lets the other chunks go', () => {
    const arena = new Arena(16);
    const { buffer } = arena.first;
    for (const bytes of [16, 32, 64]) arena.allocate(bytes);
    arena.clear();
    expect([arena.usedBytes, arena.chunks.length, arena.allocate(8)]).toEqual([0, 1, 0]);
    expect(arena.chunkOf(0).buffer).toBe(buffer);
  });

  it('refuses what its addresses cannot reach, and stays as it was', () => {
    const arena = new Arena(16);
    expect(() => arena.allocate(2 ** 36)).toThrow(expect.objectContaining({ code: 'VARVE_LIMIT' }));
    expect([arena.chunks.length, arena.usedBytes, arena.allocate(8)]).toEqual([1, 0, 0]);
  });
});

describe('a draft', () => {
  it('is copied as far as it is published, and whole when it goes back; afterwards nothing that happens to it is seen', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ words: fc.integer({ min: 1, max: 9 }), isPublished: fc.boolean() }), { maxLength: 40 }),
        fc.integer({ min: 10, max: 200 }),
        (records, firstWords) => {
          const arena = new Arena(firstWords * 8);
          const draft = new ArenaDraft(firstWords * 8);
          arena.lend(draft);
          const written = Buffer.alloc(firstWords * 8, 0xaa);
          arena.first.shared.fill(0xaa);
          let published = 0;
          for (const [i, { words, isPublished }] of records.entries()) {
            const address = arena.allocate(words * 8);
            const chunk = arena.chunkOf(address);
            const start = (address - chunk.baseUnits) * 8;
            chunk.bytes.fill(i + 1, start, start + words * 8);
            if (chunk === arena.first) written.fill(i + 1, start, start + words * 8);
            if (isPublished) {
              arena.publish(chunk, start + words * 8);
              if (chunk === arena.first) published = start + words * 8;
            }
            // Bytes behind those that were published are as they were: whoever reads there reads nothing half written.
            expect(arena.first.shared.subarray(0, published).equals(written.subarray(0, published))).toBe(true);
            expect(arena.first.shared.subarray(published).every((byte) => byte === 0xaa)).toBe(true);
          }
          expect(arena.takeBack()).toBe(draft);
          expect(arena.takeBack()).toBeUndefined();
          draft.bytes.fill(0xee);
          expect(arena.first.shared.equals(written)).toBe(true);
          expect(arena.first.bytes.equals(written)).toBe(true);
          expect(new Uint8Array(arena.first.words.buffer).slice(0, written.length)).toEqual(new Uint8Array(written));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('begins with an arena that is empty, and is as large as its first chunk', () => {
    const arena = new Arena(64);
    expect(() => arena.lend(new ArenaDraft(72))).toThrow(expect.objectContaining({ code: 'VARVE_ASSERTION' }));
    arena.allocate(8);
    expect(() => arena.lend(new ArenaDraft(64))).toThrow(expect.objectContaining({ code: 'VARVE_ASSERTION' }));
  });

  it('is published anew after clear', () => {
    const arena = new Arena(64);
    arena.lend(new ArenaDraft(64));
    for (const byte of [1, 2]) {
      arena.allocate(16);
      arena.first.bytes.fill(byte, 0, 16);
      arena.publish(arena.first, 16);
      expect([...arena.first.shared.subarray(0, 16)]).toEqual(new Array(16).fill(byte));
      arena.clear();
    }
  });
});
