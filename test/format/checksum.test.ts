import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import xxhash, { type XXHashAPI } from 'xxhash-wasm';
import { checksum64, checksum64OfPieces, initializeChecksum } from '../../src/format/checksum.js';

let reference: XXHashAPI;

/** The types of Node say of this global that it is a namespace only. */
const { Memory: memory } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: { grow(pages: number): number } } } })
  .WebAssembly;

beforeAll(async () => {
  reference = await xxhash();
  await initializeChecksum();
});

/** Bytes that follow no pattern of 64 KiB. */
function bytesOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = length; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

describe('a checksum', () => {
  // The first, for what has grown once has no need to grow again.
  it('never makes the memory of the module grow: a thread keeps its compiled code only while no buffer was detached', () => {
    const grow = vi.spyOn(memory.prototype, 'grow');
    try {
      const bytes = bytesOf(3_000_000);
      checksum64(bytes);
      checksum64OfPieces([bytes, bytes.subarray(1)]);
      checksum64OfPieces([bytes]);
      expect(grow).not.toHaveBeenCalled();
      reference.h64Raw(bytesOf(4_000_000));
      expect(grow).toHaveBeenCalled();
    } finally {
      grow.mockRestore();
    }
  });

  it('is XXH64 with seed 0, also of what is longer than the memory of the module', () => {
    expect(checksum64(new Uint8Array(0))).toBe(0xef46db3751d8e999n);
    for (const length of [1, 31, 32, 64 * 1008 - 1, 63 * 1024, 63 * 1024 + 1, 65_536, 65_537, 126 * 1024, 3_000_001]) {
      const bytes = bytesOf(length);
      expect(checksum64(bytes)).toBe(reference.h64Raw(bytes));
    }
  });

  it('of several pieces is that of their bytes, wherever they are cut', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 6 });
    const bytes = bytesOf(200_000);
    fc.assert(
      fc.property(cuts, (at) => {
        const places = [0, ...at.sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((end, i) => bytes.subarray(places[i] as number, end));
        expect(checksum64OfPieces(pieces)).toBe(reference.h64Raw(bytes));
      }),
      { numRuns: 50 },
    );
  });
});
