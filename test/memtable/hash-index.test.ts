import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HashIndex } from '../../src/memtable/hash-index.js';

/** The ordinals that a search for a hash meets before a free slot; `bound` ends a search that would not end. */
function search(index: HashIndex, hash: number, bound: number): number[] {
  const met: number[] = [];
  let slot = index.firstSlot(hash);
  for (let steps = 0; steps <= bound; steps++, slot = index.nextSlot(slot)) {
    const ordinal = index.probe(slot, hash);
    if (ordinal === 0) return met;
    if (ordinal > 0) met.push(ordinal);
  }
  throw new Error('the search met no free slot');
}

/** Inserts the next ordinal: they come from 1. */
function insert(index: HashIndex, hash: number, ordinal: number): void {
  index.reserve(ordinal);
  let slot = index.firstSlot(hash);
  while (index.probe(slot, hash) !== 0) slot = index.nextSlot(slot);
  index.insert(slot, hash, ordinal);
}

const hashArbitrary = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  // Equal hashes, hashes of one first slot, and hashes at the end of the slots, where probing goes on from the beginning.
  fc.constantFrom(0, 1023, 0x8000_0000, 0xffff_ffff),
  fc.integer({ min: 0, max: 50 }).map((high) => high * 0x10_0000 + 1023),
);

describe('a hash index', () => {
  it('finds all ordinals of a hash, in the order of their insertion, and none of another', () => {
    fc.assert(
      fc.property(fc.array(hashArbitrary, { maxLength: 300 }), hashArbitrary, (hashes, missing) => {
        const index = new HashIndex(1);
        hashes.forEach((hash, i) => insert(index, hash, i + 1));
        for (const hash of [...hashes, missing]) {
          const expected = hashes.flatMap((other, i) => (other === hash ? [i + 1] : []));
          expect(search(index, hash, 1024)).toEqual(expected);
        }
      }),
    );
  });

  it('grows without losing an ordinal, and stays at most half full', () => {
    const index = new HashIndex(1);
    const count = 10_000;
    for (let ordinal = 1; ordinal <= count; ordinal++) insert(index, Math.imul(ordinal, 0x9e37_79b1) >>> 0, ordinal);
    for (let ordinal = 1; ordinal <= count; ordinal++) {
      expect(search(index, Math.imul(ordinal, 0x9e37_79b1) >>> 0, count)).toEqual([ordinal]);
    }
    const slots = new Set<number>();
    for (let slot = 0; !slots.has(slot); slot = index.nextSlot(slot)) slots.add(slot);
    expect(slots.size).toBeGreaterThanOrEqual(2 * count);
  });

  it('keeps records of one hash in their order when it grows, also those that probing carried round the end', () => {
    const index = new HashIndex(1);
    for (let ordinal = 1; ordinal <= 400; ordinal++) insert(index, 0xffff_ffff, ordinal);
    for (let ordinal = 401; ordinal <= 1200; ordinal++) insert(index, ordinal, ordinal);
    const met = search(index, 0xffff_ffff, 4096);
    expect([...met].sort((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
    for (let ordinal = 401; ordinal <= 1200; ordinal++) expect(search(index, ordinal, 4096)).toEqual([ordinal]);
  });

  it('is empty after clear', () => {
    const index = new HashIndex(1);
    insert(index, 7, 1);
    index.clear();
    expect(search(index, 7, 0)).toEqual([]);
  });
});
