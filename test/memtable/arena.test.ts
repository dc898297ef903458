import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arena } from '../../src/memtable/arena.js';

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
