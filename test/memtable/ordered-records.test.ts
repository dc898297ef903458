/** Records of a flush, one after the other, through a small window of private memory: ordered-records.ts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Memtable } from '../../src/memtable/memtable.js';
import { OrderedRecords } from '../../src/memtable/ordered-records.js';
import { RecordReader } from '../../src/memtable/record-table.js';
import { internalKey, latin1, put } from './memtable-fixture.js';

const valueLengths = fc.oneof(
  fc.constantFrom(0, 1, 7, 8, 100, 4000, 4070, 4080, 4088, 4096, 5000, 70_000, 600_000),
  fc.integer({ min: 0, max: 200 }),
);

/** One record as text. */
function described(source: Pick<OrderedRecords, 'bytes' | 'keyStart' | 'keyEnd' | 'valueEnd' | 'kind'>): string {
  const { bytes, keyStart, keyEnd, valueEnd, kind } = source;
  const value = bytes.subarray(keyEnd, valueEnd);
  const ends = `${latin1(value.subarray(0, 3))} ${latin1(value.subarray(-3))}`;
  return `${kind} ${latin1(bytes.subarray(keyStart, keyEnd))} ${value.length} ${ends}`;
}

/** A memtable of small memory: where values are large, records lie in chunks that follow the first. */
function frozenOf(lengths: readonly number[]) {
  const memtable = new Memtable(1, 16 * 1024);
  for (const [i, length] of lengths.entries()) {
    const value = Buffer.alloc(length, i);
    if (length > 2) value.set([1, 2, i], length - 3);
    put(memtable, internalKey(7, `key ${i}`), i % 5 === 4 ? undefined : value);
  }
  return memtable.freeze();
}

describe('records in order', () => {
  it('are those of the memtable in the order given, whatever their size and chunk, in a window of any size', () => {
    fc.assert(
      fc.property(
        fc.array(valueLengths, { minLength: 1, maxLength: 300 }),
        fc.constantFrom(0, 4096, 8192, 32 * 1024),
        fc.integer({ min: 1, max: 96 }),
        (lengths, windowBytes, stride) => {
          const frozen = frozenOf(lengths);
          const reader = RecordReader.ofFrozen(frozen);
          // An order that is not that of memory, in which some come twice and some not at all.
          const ordinals = Uint32Array.from(lengths, (_, i) => ((i * stride) % lengths.length) + 1);
          const records = new OrderedRecords(RecordReader.ofFrozen(frozen), ordinals, {
            window: Buffer.alloc(windowBytes),
            windowBytes,
          });
          const shown: string[] = [];
          while (records.next()) shown.push(`${records.ordinal} ${described(records)}`);
          const expected = [...ordinals].map((ordinal) => {
            reader.locate(ordinal);
            return `${ordinal} ${described(reader)}`;
          });
          expect(shown).toEqual(expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('lie in the window, but for large ones, which lie where they were', () => {
    const window = Buffer.alloc(32 * 1024);
    const frozen = frozenOf([100, 5000, 100]);
    const records = new OrderedRecords(RecordReader.ofFrozen(frozen), Uint32Array.of(3, 2, 1), {
      window,
      windowBytes: window.length,
    });
    const places: boolean[] = [];
    while (records.next()) places.push(records.bytes === window);
    expect(places).toEqual([true, false, true]);
  });

  it('lie in the window also from a chunk that came later', () => {
    const window = Buffer.alloc(32 * 1024);
    const frozen = frozenOf([100, 2_000_000, 100, 100]);
    const later = frozen.chunks[1]?.baseUnits ?? Number.POSITIVE_INFINITY;
    expect(new Uint32Array(frozen.addresses)[3]).toBeGreaterThan(later);
    const reader = RecordReader.ofFrozen(frozen);
    const records = new OrderedRecords(reader, Uint32Array.of(4, 3, 1), { window, windowBytes: window.length });
    const shown: string[] = [];
    while (records.next()) shown.push(`${records.bytes === window} ${described(records)}`);
    const expected = [4, 3, 1].map((ordinal) => {
      reader.locate(ordinal);
      return `true ${described(reader)}`;
    });
    expect(shown).toEqual(expected);
  });

  it('follow the window to other memory, with the next batch', () => {
    const frozen = frozenOf(Array.from({ length: 1000 }, () => 50));
    const ordinals = Uint32Array.from({ length: 1000 }, (_, i) => 1000 - i);
    const memory = { window: Buffer.alloc(8192), windowBytes: 8192 };
    const records = new OrderedRecords(RecordReader.ofFrozen(frozen), ordinals, memory);
    const seen = new Set<Buffer>();
    const keys: string[] = [];
    while (records.next()) {
      seen.add(records.bytes);
      keys.push(latin1(records.bytes.subarray(records.keyStart + 1, records.keyEnd)));
      if (keys.length % 300 === 0) memory.window = Buffer.alloc(8192);
    }
    expect(keys).toEqual(Array.from({ length: 1000 }, (_, i) => `key ${999 - i}`));
    expect(seen.size).toBe(4);
  });

  it('say whether their key is another than that of the one before, also where batches meet', () => {
    const memtable = new Memtable(1, 64 * 1024);
    const keys = Array.from({ length: 1000 }, (_, i) => internalKey(7, 'k'.repeat(1 + Math.floor(i / 300))));
    for (const [i, key] of keys.entries()) put(memtable, key, 'v'.repeat((i * 7) % 50));
    const memory = { window: Buffer.alloc(32 * 1024), windowBytes: 32 * 1024 };
    const ordinals = Uint32Array.from(keys, (_, i) => i + 1);
    const records = new OrderedRecords(RecordReader.ofFrozen(memtable.freeze()), ordinals, memory);
    const newKeysAt: number[] = [];
    while (records.next()) if (records.isNewKey) newKeysAt.push(records.ordinal - 1);
    expect(newKeysAt).toEqual([0, 300, 600, 900]);
  });
});
