import { describe, expect, it } from 'vitest';
import { bucketWords, RowSlots } from '../../src/sstable/row-slots.js';

const unlimited = { misses: 0, takeForRows: () => true, returnFromRows: () => {} };

/** The address that stands in the bucket of a hash, or 0. */
function find(slots: RowSlots, hash: number): number {
  const bucket = slots.bucketOf(hash);
  const words = slots.segmentOf(bucket);
  const first = slots.wordOf(bucket);
  for (let slot = first; slot < first + bucketWords; slot += 2) if (words[slot] === hash) return words[slot + 1] as number;
  return 0;
}

describe('slots', () => {
  it('lose nothing as they grow, from bucket to bucket and beyond each power of two, while no bucket is full', () => {
    const slots = new RowSlots(unlimited, (address) => address !== 0);
    // Hashes that ascend fill all buckets alike. Negative ones have their high bits set.
    const hashOf = (i: number) => (i % 2 === 0 ? i : -i) | 0;
    const count = 30_000;
    for (let i = 1; i <= count; i++) {
      slots.reserve(i);
      slots.put(hashOf(i), i);
      // Where a segment ends, which each power of two does, everything is looked for.
      if (i % 3072 > 16) continue;
      for (let known = 1; known <= i; known++) if (find(slots, hashOf(known)) !== known) expect.fail(`${known} is lost at ${i}`);
    }
    for (let i = 1; i <= count; i++) if (find(slots, hashOf(i)) !== i) expect.fail(`${i} is lost`);
  });

  it('put an address in the place of what is gone, then of the oldest', () => {
    let oldest = 1;
    const slots = new RowSlots(unlimited, (address) => address >= oldest);
    slots.reserve(1);
    // One bucket: the low bits are those of no other.
    const hashOf = (i: number) => i * 65_536;
    for (let i = 1; i <= 8; i++) slots.put(hashOf(i), i);
    oldest = 3;
    slots.put(hashOf(9), 9);
    slots.put(hashOf(10), 10);
    for (let i = 3; i <= 10; i++) expect(find(slots, hashOf(i))).toBe(i);
    slots.put(hashOf(11), 11);
    expect(find(slots, hashOf(3))).toBe(0);
    for (let i = 4; i <= 11; i++) expect(find(slots, hashOf(i))).toBe(i);
  });

  it('are none, and say so, where there is no memory for them, and after they were cleared', () => {
    let taken = 0;
    const budget = {
      misses: 0,
      takeForRows: (bytes: number) => taken + bytes <= 64 * 1024 && ((taken += bytes), true),
      returnFromRows: (bytes: number) => void (taken -= bytes),
    };
    const slots = new RowSlots(budget, () => true);
    expect(slots.isEmpty).toBe(true);
    expect(slots.reserve(0)).toBe(true);
    // More rows than the one segment is made for: it stays as large as it is.
    for (let i = 0; i < 10; i++) expect(slots.reserve(1_000_000)).toBe(true);
    expect(taken).toBe(64 * 1024);
    slots.clear();
    expect([taken, slots.isEmpty]).toEqual([0, true]);
    taken = 1;
    expect(slots.reserve(0)).toBe(false);
  });
});
