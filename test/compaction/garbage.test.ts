/** What is estimated of garbage from samples of keys: garbage.ts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateGarbage, type Garbage } from '../../src/compaction/garbage.js';
import type { MergeInput } from '../../src/compaction/job.js';
import { hashKey } from '../../src/format/key-hash.js';
import { type KeySample, KeySampleBuilder, sampledHashEnd } from '../../src/sstable/key-sample.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';

const samples = new Map<TableMetadata, KeySample>();
const sampleOf = (table: TableMetadata): KeySample | undefined => samples.get(table);
const everyBucket = (_id: number): boolean => true;

const keysForEach = 2 ** 32 / sampledHashEnd;
const entryBytes = 100;

/** A table of which only the size and the sample matter: what is sampled stands for all of it. */
function table(fileBytes: number, hashes: Iterable<number>, bucketOf: (hash: number) => number = () => 1): TableMetadata {
  const builder = new KeySampleBuilder();
  for (const hash of hashes) builder.add(hash, bucketOf(hash), entryBytes);
  const sample = builder.finish();
  const metadata = { fileBytes, rawBytes: Math.max(1, sample.hashes.length) * keysForEach * entryBytes } as TableMetadata;
  samples.set(metadata, sample);
  return metadata;
}

/** A table with entries of two sizes: those of the one list of hashes take 100 bytes, those of the other 5000. */
function mixedTable(fileBytes: number, small: readonly number[], large: readonly number[]): TableMetadata {
  const builder = new KeySampleBuilder();
  for (const hash of small) builder.add(hash, 1, 100);
  for (const hash of large) builder.add(hash, 1, 5000);
  const metadata = { fileBytes, rawBytes: (100 * small.length + 5000 * large.length) * keysForEach } as TableMetadata;
  samples.set(metadata, builder.finish());
  return metadata;
}

/** Hashes from `first`, `count` of them, spread evenly over those that are sampled. */
const spread = (count: number, first = 0): number[] =>
  Array.from({ length: count }, (_, i) => first + Math.floor((i * sampledHashEnd) / count));

const merged = (...runs: readonly (readonly TableMetadata[])[]): MergeInput => runs;
const estimate = (merges: readonly MergeInput[], isLive = everyBucket): Garbage | undefined =>
  estimateGarbage(merges, sampleOf, isLive);

describe('what is superseded', () => {
  it('is nothing where every table has other keys', () => {
    const merge = merged([table(1000, spread(200))], [table(500, spread(100, 1)), table(500, spread(100, 2))]);
    expect(estimate([merge])).toEqual({ supersededBytes: 0, liveBytes: 2000 });
  });

  it('are the entries of older runs, by what their own table weighs: small values free the large ones below', () => {
    const [newest, middle, oldest] = [table(10, spread(100)), table(1000, spread(100)), table(6000, spread(300))];
    // A third of the hashes of the oldest table are those of the others.
    expect(estimate([merged([newest], [middle], [oldest])])).toEqual({ supersededBytes: 1000 + 2000, liveBytes: 10 + 4000 });
    const { supersededBytes, liveBytes } = estimate([merged([oldest], [middle], [newest])]) as Garbage;
    expect(supersededBytes).toBeCloseTo(1000 + 10);
    expect(liveBytes).toBeCloseTo(6000);
  });

  it('is what buckets own that are gone, and what is live does not depend on them', () => {
    const bucketOf = (hash: number): number => (hash % 4 === 0 ? 2 : 1);
    const four = Array.from({ length: 400 }, (_, i) => i);
    const merge = merged([table(1000, four, bucketOf)], [table(1000, four, bucketOf)]);
    expect(estimate([merge], (id) => id === 1)).toEqual({ supersededBytes: 250 + 1000, liveBytes: 750 });
  });

  it('is added up over merges', () => {
    const merges = [0, 1, 2].map((first) => merged([table(100, spread(50, first))], [table(100, spread(50, first))]));
    expect(estimate(merges)).toEqual({ supersededBytes: 300, liveBytes: 300 });
  });

  it('is as much of tables of which no key is sampled, as far as that is chance, and nothing of what is beyond', () => {
    const withUnseen = (unseenBytes: number): Garbage => {
      const keys = spread(5000);
      return estimate([merged([table(1000, keys)], [table(1000, keys), table(unseenBytes, [])])]) as Garbage;
    };
    const few = withUnseen(40);
    expect(few.supersededBytes).toBeCloseTo(few.liveBytes);
    const many = withUnseen(140);
    expect(many.liveBytes - many.supersededBytes).toBeGreaterThan(90);
    expect(many.liveBytes + many.supersededBytes).toBeCloseTo(2140);
  });

  it('is what entries weigh in their own table: small ones free no large ones beside them', () => {
    const [small, large] = [spread(400), spread(400, 1)];
    const older = mixedTable(2_040_000, small, large);
    expect(estimate([merged([table(40_000, small)], [older])])).toEqual({ supersededBytes: 40_000, liveBytes: 2_040_000 });
    expect(estimate([merged([table(40_000, large)], [older])])).toEqual({ supersededBytes: 2_000_000, liveBytes: 80_000 });
  });

  it('is the same where large and small entries are sampled in different tables of a run', () => {
    const [small, large] = [spread(400), spread(400, 1)];
    // Each has an entry of each size for each key that is sampled, of one size.
    const older = small.flatMap((hash, i) => {
      const halves = [mixedTable(5100, [hash], []), mixedTable(5100, [], [large[i] as number])];
      return halves.map((half) => {
        const whole = { ...half, rawBytes: (5100 / 2) * keysForEach };
        samples.set(whole, samples.get(half) as KeySample);
        return whole;
      });
    });
    const garbage = estimate([merged([table(40_000, small)], older)]) as Garbage;
    expect(garbage.supersededBytes / garbage.liveBytes).toBeCloseTo(80_000 / 4_040_000, 3);
  });
});

describe('what is unknown', () => {
  it('is a merge with a table that has no sample', () => {
    const merge = merged([table(1000, spread(1000))], [table(1000, spread(1000))]);
    expect(estimate([merge])).toBeDefined();
    expect(estimate([merge, merged([{ fileBytes: 1 } as TableMetadata])])).toBeUndefined();
  });

  it('is what too few keys would say, and what no table says', () => {
    const merge = (count: number): MergeInput => merged([table(1000, spread(count))], [table(1000, spread(count))]);
    expect(estimate([merge(31)])).toBeUndefined();
    expect(estimate([merge(32)])).toEqual({ supersededBytes: 1000, liveBytes: 1000 });
    expect(estimate([])).toBeUndefined();
  });

  it('is what many keys say beside few that make up most of the bytes, whether they are sampled or not', () => {
    const small = table(1000, spread(5000));
    for (const hashes of [spread(3, 1), []]) expect(estimate([merged([table(100_000, hashes)], [small])])).toBeUndefined();
    expect(estimate([merged([table(100, spread(3, 1))], [small])])).toBeDefined();
  });
});

describe('of large samples', () => {
  it('only a part is looked at, and says the same but for one in a hundred or two', () => {
    const stride = Math.floor(sampledHashEnd / 250_010);
    const run = (first: number, other: number): TableMetadata => {
      const places = Array.from({ length: 50_000 }, (_, i) => first + i * 5 + (i % 5 < 2 ? 0 : other));
      return table(
        1_000_000,
        places.map((place) => place * stride),
        (hash) => hash,
      );
    };
    // Each key has a bucket of its own, so that it is asked for each key whether that is there.
    let looked = 0;
    const isLive = (): boolean => {
      looked++;
      return true;
    };
    // Two pairs of runs that share two fifths.
    const garbage = estimate([merged([run(0, 0)], [run(0, 1)], [run(3, 0)], [run(3, 1)])], isLive) as Garbage;
    expect(looked).toBeGreaterThan(15_000);
    expect(looked).toBeLessThan(18_000);
    expect(Math.abs(garbage.supersededBytes - 800_000)).toBeLessThan(0.02 * 4_000_000);
    expect(garbage.supersededBytes + garbage.liveBytes).toBeCloseTo(4_000_000);
  });
});

/** The hash of the key that is a number, in a world of its own for each salt. */
function hashOf(number: number, salt: number): number {
  const key = Buffer.alloc(8);
  key.writeInt32LE(number, 0);
  key.writeInt32LE(salt, 4);
  return hashKey(key, 0, 8);
}

/** `count` numbers below `end`, each once. */
function drawn(count: number, end: number, seed: number): Set<number> {
  const numbers = new Set<number>();
  for (let state = seed; numbers.size < count;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    numbers.add(Math.floor(((state >>> 0) / 2 ** 32) * end));
  }
  return numbers;
}

describe('the estimate', () => {
  const sizes = fc.array(fc.integer({ min: 8000, max: 12_000 }), { minLength: 2, maxLength: 6 });
  const range = fc.integer({ min: 15_000, max: 80_000 });

  it('is within six standard errors of what is so, for runs of any keys', () => {
    const property = fc.property(sizes, range, fc.integer(), (counts, end, salt) => {
      const runs = counts.map((count, i) => drawn(count, end, salt + i));
      const have = new Set<number>();
      let entries = 0;
      for (const run of runs) {
        entries += run.size;
        for (const number of run) have.add(number);
      }
      const hashes = runs.map((run) => [...run].map((number) => hashOf(number, salt)).filter((hash) => hash < sampledHashEnd));
      const garbage = estimate([merged(...hashes.map((of, i) => [table((counts[i] as number) * 100, of)]))]);
      const sampled = hashes.flat().length;
      if (sampled >= 80) expect(garbage).toBeDefined();
      if (garbage === undefined) return;
      const share = garbage.supersededBytes / (garbage.supersededBytes + garbage.liveBytes);
      // A key that is sampled brings its entries of all runs along, so these are not independent.
      const standardError = 0.5 * Math.sqrt(counts.length / sampled);
      expect(Math.abs(share - (entries - have.size) / entries)).toBeLessThan(6 * standardError);
    });
    fc.assert(property, { numRuns: 25 });
  });
});
