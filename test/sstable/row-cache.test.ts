import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FoundValue } from '../../src/format/entry-cursor.js';
import { hashKey } from '../../src/format/key-hash.js';
import { RowCache, rowAbsent, rowTooYoung } from '../../src/sstable/row-cache.js';

/** A budget that counts, and refuses above its limit. */
class Budget {
  taken = 0;
  misses = 0;
  constructor(public limit: number) {}
  takeForRows(bytes: number): boolean {
    if (this.taken + bytes > this.limit) return false;
    this.taken += bytes;
    return true;
  }
  returnFromRows(bytes: number): void {
    this.taken -= bytes;
  }
}

const large = 64 * 1024 * 1024;

function keyOf(number: number): Buffer {
  return Buffer.from(`key ${number}`);
}

function valueOf(number: number, bytes: number): FoundValue {
  const value = Buffer.alloc(bytes + 7, number);
  value.writeUInt32LE(number, 3);
  return { bytes: value, start: 3, end: bytes + 3 };
}

const view = 100;

function add(rows: RowCache, number: number, { valueBytes = 40, hash = hashOf(number), sequence = view } = {}): void {
  const key = keyOf(number);
  rows.add(key, key.length, hash, sequence, valueOf(number, valueBytes));
}

function find(rows: RowCache, number: number, { hash = hashOf(number), sequence = view } = {}): Buffer | undefined {
  const key = keyOf(number);
  const found: FoundValue = { bytes: Buffer.alloc(0), start: 0, end: 0 };
  return rows.find(key, key.length, hash, sequence, found) >= 0
    ? Buffer.from(found.bytes.subarray(found.start, found.end))
    : undefined;
}

function hashOf(number: number): number {
  const key = keyOf(number);
  return hashKey(key, 0, key.length);
}

function expected(number: number, bytes = 40): Buffer {
  const { bytes: value, start, end } = valueOf(number, bytes);
  return Buffer.from(value.subarray(start, end));
}

describe('rows', () => {
  it('are found as they were added, or not at all, whatever hashes collide, is refused or dropped', () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'add', 'add', 'find', 'find', 'drop', 'limit'),
      number: fc.nat(30),
      valueBytes: fc.constantFrom(4, 40, 900, 3000, 5000),
      limit: fc.constantFrom(0, 100_000, 200_000, large),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const budget = new Budget(200_000);
        const rows = new RowCache(budget, 1_000_000);
        const model = new Map<number, Buffer>();
        for (const { kind, number, valueBytes, limit } of steps) {
          // Two hashes for all keys: a bucket is always full, and most of what stands there is of another key.
          const hash = number % 2 === 0 ? 0xffff_fff0 : 7;
          const known = model.get(number);
          if (kind === 'drop') rows.dropOldest();
          else if (kind === 'limit') budget.limit = limit;
          else {
            const seen = find(rows, number, { hash });
            if (seen !== undefined) expect(seen).toEqual(known);
            else if (kind === 'add') {
              add(rows, number, { valueBytes, hash });
              model.set(number, expected(number, valueBytes));
            }
          }
          expect(budget.taken).toBeGreaterThanOrEqual(0);
        }
        for (let i = 0; i < 50; i++) rows.dropOldest();
        expect(budget.taken).toBe(0);
      }),
    );
  });

  it('are nearly all found while there is room, as their table grows from bucket to bucket', () => {
    const rows = new RowCache(new Budget(large), large);
    const count = 40_000;
    for (let i = 0; i < count; i++) add(rows, i);
    let found = 0;
    for (let i = 0; i < count; i++) if (find(rows, i)?.equals(expected(i)) === true) found++;
    expect(found).toBeGreaterThan(count * 0.95);
  });

  it('are for views that are not older than they are, and say as of when they are', () => {
    const rows = new RowCache(new Budget(large), large);
    const key = keyOf(5);
    const found = valueOf(0, 0);
    add(rows, 5, { sequence: 10 });
    expect(rows.find(key, key.length, hashOf(5), 9, found)).toBe(rowTooYoung);
    expect(rows.find(key, key.length, hashOf(5), 12, found)).toBe(10);
    rows.confirm(12);
    expect(rows.find(key, key.length, hashOf(5), 11, found)).toBe(rowTooYoung);
    expect(rows.find(key, key.length, hashOf(5), 20, found)).toBe(12);
    expect(rows.find(keyOf(6), key.length, hashOf(6), 20, found)).toBe(rowAbsent);
  });

  it('are those of one key: another with the same hash that differs in a single byte, or goes on, has none', () => {
    const key = Buffer.from('\x01key of one bucket');
    const value = valueOf(1, 40);
    const found = valueOf(0, 0);
    const rows = new RowCache(new Budget(large), large);
    rows.add(key, key.length, 7, view, value);
    expect(rows.find(key, key.length, 7, view, found)).toBe(view);
    for (let i = 0; i < key.length; i++) {
      const other = Buffer.from(key);
      other[i] = (key[i] as number) ^ 1;
      expect(rows.find(other, other.length, 7, view, found), `byte ${i}`).toBe(rowAbsent);
    }
    for (const length of [0, 1, key.length - 1]) expect(rows.find(key, length, 7, view, found)).toBe(rowAbsent);
    // What follows the row's key is its value.
    const longer = Buffer.concat([key, expected(1)]);
    expect(rows.find(longer, key.length + 1, 7, view, found)).toBe(rowAbsent);
  });

  it('are right for keys and values of every length up to that of a row, nothing included', () => {
    const bytes = Buffer.alloc(8192, 'a key and a value ');
    for (const keyEnd of [0, 1, 7, 8, 9, 4079, 4080, 4081, 32_773]) {
      for (const valueBytes of [0, 1, 7, 8, 9, 4079, 4080, 4081]) {
        const rows = new RowCache(new Budget(large), large);
        const key = Buffer.alloc(keyEnd, 'k');
        const found = valueOf(0, 0);
        for (let i = 0; i < 3; i++) rows.add(key, keyEnd, i, view, { bytes, start: i, end: i + valueBytes });
        for (let i = 0; i < 3; i++) {
          const asOf = rows.find(key, keyEnd, i, view, found);
          expect(asOf).toBe(keyEnd + valueBytes <= 4080 ? view : rowAbsent);
          if (asOf === rowAbsent) continue;
          expect(Buffer.from(found.bytes.subarray(found.start, found.end))).toEqual(bytes.subarray(i, i + valueBytes));
        }
      }
    }
  });

  it('are as of any sequence up to the largest', () => {
    const rows = new RowCache(new Budget(large), large);
    const key = keyOf(1);
    const found = valueOf(0, 0);
    for (const sequence of [0, 2 ** 31, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER - 1]) {
      rows.add(key, key.length, 7, sequence, valueOf(1, 40));
      expect(rows.find(key, key.length, 7, sequence, found)).toBe(sequence);
      expect(rows.find(key, key.length, 7, sequence - 1, found)).toBe(rowTooYoung);
      rows.confirm(sequence + 1);
      expect(rows.find(key, key.length, 7, sequence, found)).toBe(rowTooYoung);
      expect(rows.find(key, key.length, 7, sequence + 1, found)).toBe(sequence + 1);
    }
  });

  it('take the place of older ones of their key', () => {
    const rows = new RowCache(new Budget(large), large);
    for (let sequence = 1; sequence < 40; sequence++) {
      const key = keyOf(7);
      rows.add(key, key.length, hashOf(7), sequence, valueOf(sequence, 40));
      expect(find(rows, 7, { sequence })).toEqual(expected(sequence));
    }
  });

  it('make room for younger ones, oldest first, where they get no more memory', () => {
    const rows = new RowCache(new Budget(64 * 1024 + 3 * 16 * 1024), 1_000_000);
    for (let i = 0; i < 2000; i++) {
      add(rows, i);
      // What is found was worth adding.
      find(rows, i);
    }
    expect(find(rows, 0)).toBeUndefined();
    expect(find(rows, 1999)).toEqual(expected(1999));
  });

  it('that nobody finds are added more seldom, unless reads miss', () => {
    const countOf = (misses: number) => {
      const budget = new Budget(64 * 1024 + 3 * 16 * 1024);
      const rows = new RowCache(budget, 1_000_000);
      let kept = 0;
      for (let i = 0; i < 4000; i++) {
        budget.misses += misses;
        add(rows, i);
        // Every tenth is looked for: those that are found are the ones that were taken.
        if (i % 10 === 0 && find(rows, i) !== undefined) kept++;
      }
      return kept;
    };
    expect(countOf(0)).toBeLessThan(200);
    expect(countOf(1)).toBe(400);
  });

  it('are still right when the numbers of chunks begin again', () => {
    const rows = new RowCache(new Budget(64 * 1024 + 2 * 16 * 1024), 1_000_000);
    const perChunk = 5;
    const first = expected(1, 3000);
    // A first row, whose slot nothing else uses, then more chunks than there are numbers.
    add(rows, 1, { valueBytes: 3000, hash: 1 });
    find(rows, 1, { hash: 1 });
    for (let i = 0; i < 33_000 * perChunk; i++) {
      add(rows, 2, { valueBytes: 3000, hash: 2 });
      find(rows, 2, { hash: 2 });
      const old = find(rows, 1, { hash: 1 });
      if (old?.equals(first) === false) throw new Error(`chunk ${i / perChunk} is taken for an older one`);
    }
    expect(find(rows, 2, { hash: 2 })).toEqual(expected(2, 3000));
  });

  it('longer than a page are left where they are', () => {
    const budget = new Budget(large);
    const rows = new RowCache(budget, large);
    add(rows, 1, { valueBytes: 5000 });
    expect(find(rows, 1)).toBeUndefined();
    expect(budget.taken).toBe(0);
  });
});
