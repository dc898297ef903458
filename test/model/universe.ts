/**
 * The small world that the model test plays in: few buckets, few keys that are nasty neighbours, values around every border.
 */
import fc from 'fast-check';
import type { BackendConfig } from 'varve';

/** Names of the buckets, one character a byte. */
export const bucketNames = ['b', 'b\0', '\xff', '__proto__'] as const;

const commonPrefix = 'p'.repeat(300);

/** Keys whose order and borders are easily got wrong, one character a byte. */
export const keys = [
  '\0',
  'a',
  'a\0',
  'a\0\0',
  'aa',
  'a\xff',
  'b',
  '\x7f',
  '\x80',
  '\xff',
  '\xff\xff',
  '__proto__',
  commonPrefix,
  `${commonPrefix}\0`,
  `${commonPrefix}a`,
  `${commonPrefix}\xff`,
] as const;

/** Bounds of ranges: every key, and what lies between and beyond. */
export const bounds = ['', ...keys, 'c', `${commonPrefix}b`, '\xff\xff\xff', 'k'.repeat(40_000)] as const;

/** Lengths of values: none, one, small, around a block, and larger than a memtable. */
export const valueLengths = [0, 1, 9, 100, 4095, 4096, 16_300, 16_384, 20_000, 70_000] as const;

/** The value of a number: it names the number, so that a stale one is seen; every other one does not compress. */
export function valueOf(number: number, length: number): Buffer {
  const value = Buffer.alloc(length);
  if (number % 2 === 0) {
    value.fill(`value ${number}, `);
  } else {
    let state = number;
    for (let index = 0; index < length; index++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      value[index] = state >>> 16;
    }
  }
  if (length >= 4) value.writeUInt32BE(number, 0);
  return value;
}

/** An index into a list that is known only when the command runs. */
export const index: fc.Arbitrary<number> = fc.nat({ max: 999 });

/** The element of a list that an index stands for. */
export function pick<T>(list: readonly T[], at: number): T {
  return list[at % list.length] as T;
}

/** Small values often, large ones seldom. */
export const valueLength: fc.Arbitrary<number> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...valueLengths.slice(0, 4)) },
  { weight: 1, arbitrary: fc.constantFrom(...valueLengths) },
);

/** Limits of reads. */
export const limit: fc.Arbitrary<number | undefined> = fc.constantFrom(undefined, -1, 0, 1, 2, 3, 10, 1000);

/** Options of one opening: everything small, everything varied. */
export function options(fixed: Pick<BackendConfig, 'compaction' | 'compression'>): fc.Arbitrary<Partial<BackendConfig>> {
  return fc.record({
    memtableBytes: fc.constantFrom(16_384, 16_384, 32_768),
    cacheBytes: fc.constantFrom(0, 4096, 65_536),
    batchLimit: fc.constantFrom(0, 5, 1_000_000),
    compaction: fc.constantFrom(fixed.compaction ?? 'balanced', 'balanced', 'read', 'write', 'space'),
    compression: fc.constantFrom(fixed.compression ?? 'auto', fixed.compression ?? 'auto', 'none', 'zstd', 'auto'),
  });
}
