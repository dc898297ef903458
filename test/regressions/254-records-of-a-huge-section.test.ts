/**
 * A section far above the size of a memtable lies in many pieces of memory, one a mebibyte, and each look at a record went through them from
 * the first on: what a record of such a section cost to read, to sort and to write grew with the section.
 */
import { expect, test } from 'vitest';
import { chunkAt } from '../../src/memtable/arena.js';

const chunkCount = 32_768;
const chunkUnits = 131_072;

test('the piece in which a record lies is found in a few steps', { timeout: 10_000 }, () => {
  const looked = { at: 0 };
  const chunks = Array.from({ length: chunkCount }, (_, place) => ({
    get baseUnits(): number {
      looked.at++;
      return place * chunkUnits;
    },
  }));
  for (const place of [0, 1, 1000, chunkCount - 1]) {
    for (const unit of [0, 1, chunkUnits - 1]) expect(chunks.indexOf(chunkAt(chunks, place * chunkUnits + unit))).toBe(place);
  }
  expect(looked.at).toBeLessThan(12 * 20);
});
