/**
 * How much of what a merge would read is garbage, estimated from samples of the keys of its tables (sstable/key-sample.ts).
 *
 *   run 0 (newest)   k1  k4            all live
 *   run 1            k2  k4*           * a newer run has the key
 *   run 2 (oldest)   k1* k2* k3 k5#    # its bucket is gone         4 of 8 are superseded
 *
 * Bytes are what counts: those of each table are divided as its sampled keys are, so that small values which were put over large ones, and
 * tombstones, free what lies below them. Within one table all entries weigh the same.
 *
 * Two keys of N have one hash by chance: a share N / 2^33 of the keys passes for superseded, one in a hundred at 86 million.
 *
 * Invariants:
 * 1. Undefined where a table has no sample, or so few keys are sampled, or so few make up most of the bytes, that chance decides.
 * 2. Time is bounded, whatever the sizes: about `hashesMax` hashes are looked at, and a few steps for each table.
 */
import { countBelow, type KeySample, sampledHashEnd } from '../sstable/key-sample.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import type { MergeInput } from './job.js';

/** Hashes that are looked at: the standard error of the share is below one in a hundred, about. */
const hashesMax = 16 * 1024;
/** Keys of equal weight that a sample must be as good as: the standard error of the share is about a sixteenth. */
const sampledKeysMin = 64;

/** Stored bytes of the inputs of a merge. */
export interface Garbage {
  /** Of entries that a newer one of the same key makes unreadable, and of buckets that are gone. */
  readonly supersededBytes: number;
  readonly liveBytes: number;
}

/** The samples of tables; undefined for a table without one. */
export type SampleOf = (table: TableMetadata) => KeySample | undefined;

/** What is superseded within each merge, for all merges together; undefined where that is unknown. */
export function estimateGarbage(
  merges: readonly MergeInput[],
  sampleOf: SampleOf,
  isLiveBucket: (bucketId: number) => boolean,
): Garbage | undefined {
  // Runs of a merge come newest first, and so do their tables here; the keys of different merges differ.
  const tables: TableMetadata[] = [];
  const samples: KeySample[] = [];
  let sampled = 0;
  for (const table of merges.flat(2)) {
    const sample = sampleOf(table);
    if (sample === undefined) return undefined;
    tables.push(table);
    samples.push(sample);
    sampled += sample.hashes.length;
  }
  const hashEnd = sampled <= hashesMax ? sampledHashEnd : Math.ceil((hashesMax / sampled) * sampledHashEnd);
  const counts = samples.map((sample) => countBelow(sample, hashEnd));
  const seen = new SeenHashes(
    counts.reduce((a, b) => a + b, 0),
    hashEnd,
  );
  let supersededBytes = 0;
  let liveBytes = 0;
  let unseenBytes = 0;
  let sumOfSquares = 0;
  for (let i = 0; i < tables.length; i++) {
    const { fileBytes } = tables[i] as TableMetadata;
    const count = counts[i] as number;
    sumOfSquares += fileBytes ** 2 / Math.max(1, count);
    if (count === 0) {
      unseenBytes += fileBytes;
      continue;
    }
    const superseded = countSuperseded(samples[i] as KeySample, count, seen, isLiveBucket);
    supersededBytes += (fileBytes * superseded) / count;
    liveBytes += (fileBytes * (count - superseded)) / count;
  }
  // As many keys of equal weight would give the same error (L. Kish: "Survey Sampling", 1965).
  const effectiveKeys = (supersededBytes + liveBytes + unseenBytes) ** 2 / sumOfSquares;
  return effectiveKeys >= sampledKeysMin ? { supersededBytes, liveBytes } : undefined;
}

/** How many of the first `count` keys of a sample are of no use; those that are count as seen from now on. */
function countSuperseded(
  { hashes, bucketIds }: KeySample,
  count: number,
  seen: SeenHashes,
  isLiveBucket: (bucketId: number) => boolean,
): number {
  let superseded = 0;
  let bucketId = -1;
  let isLive = false;
  for (let i = 0; i < count; i++) {
    if (bucketIds[i] !== bucketId) {
      bucketId = bucketIds[i] as number;
      isLive = isLiveBucket(bucketId);
    }
    if (!isLive || !seen.add(hashes[i] as number)) superseded++;
  }
  return superseded;
}

/** A set of hashes below a bound, in a table with open addressing: a Set takes several times as long. */
class SeenHashes {
  /** Each hash and one; 0 where a slot is free. */
  private readonly slots: Uint32Array;
  private readonly slotsPerHash: number;

  /** For `count` hashes at most. */
  constructor(count: number, hashEnd: number) {
    this.slots = new Uint32Array(2 * count + 1);
    this.slotsPerHash = (2 * count) / hashEnd;
  }

  /** Whether the hash was not there before. */
  add(hash: number): boolean {
    const { slots } = this;
    let at = Math.floor(hash * this.slotsPerHash);
    for (let slot = slots[at] as number; slot !== 0; slot = slots[at] as number) {
      if (slot === hash + 1) return false;
      at = at + 1 === slots.length ? 0 : at + 1;
    }
    slots[at] = hash + 1;
    return true;
  }
}
