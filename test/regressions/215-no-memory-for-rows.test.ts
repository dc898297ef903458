import { describe, expect, test } from 'vitest';
import type { FoundValue } from '../../src/format/entry-cursor.js';
import { RowCache, rowAbsent } from '../../src/sstable/row-cache.js';
import { withoutMemory } from '../support/no-memory.js';

class CountingBudget {
  taken = 0;
  readonly misses = 0;
  takeForRows(bytes: number): boolean {
    this.taken += bytes;
    return true;
  }
  returnFromRows(bytes: number): void {
    this.taken -= bytes;
  }
}

/*
 * Memory was counted as that of rows before there was any. Where there was none, a read that had found its value failed, because no row of it
 * could be kept, and the budget was smaller from then on.
 */
describe('215: no memory for rows', () => {
  test.each([
    ['chunks', 1],
    ['slots', 32 * 1024],
  ])('a value for whose %s there is none is not kept, and the budget is as it was', (_, leastBytes) => {
    const budget = new CountingBudget();
    const rows = new RowCache(budget, 1_000_000);
    const key = Buffer.from('key');
    const value: FoundValue = { bytes: Buffer.from('value'), start: 0, end: 5 };
    const found: FoundValue = { bytes: key, start: 0, end: 0 };
    withoutMemory('ArrayBuffer', leastBytes, () => {
      for (let i = 0; i < 3; i++) rows.add(key, 3, 77, 1, value);
    });
    expect(rows.find(key, 3, 77, 1, found)).toBe(rowAbsent);
    // A chunk that has no slots yet waits for them.
    expect(budget.taken).toBe(leastBytes === 1 ? 0 : 16 * 1024);
    rows.add(key, 3, 77, 1, value);
    expect(rows.find(key, 3, 77, 1, found)).toBe(1);
    rows.clear();
    expect(budget.taken).toBe(0);
  });
});
