/**
 * How much of what a merge would read is garbage, estimated from samples of the keys of its tables (sstable/key-sample.ts).
 *
 *   run 0 (newest)   k1  k4            all live
 *   run 1            k2  k4*           * a newer run has the key
 *   run 2 (oldest)   k1* k2* k3 k5#    # its bucket is gone         4 of 8 are superseded
 *
 * Bytes are what counts: each sampled key weighs what its entry takes of its table, so that small values which were put over large ones, and
 * tombstones, free what lies below them, and small values which are put over small ones free no large ones beside them.
 *
 * A sampled key stands for all keys that could have been sampled in its place, 256 or more. What tables hold beyond that, and beyond
 * chance, as large values of which none was sampled, or old versions that a view keeps, passes for live.
 *
 * Two keys of N have one hash by chance: a share N / 2^33 of the keys passes for superseded, one in a hundred at 86 million.
 *
 * Invariants:
 * 1. Undefined where a table has no sample, or so few keys are sampled, or so few may make up most of the bytes, that chance decides.
 * 2. Time is bounded, whatever the sizes: about `hashesMax` hashes are looked at, and a few steps for each table.
 */
import { countBelow, type KeySample, sampledHashEnd } from '../sstable/key-sample.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import type { MergeInput } from './job.js';

/** Hashes that are looked at: the standard error of the share is below one in a hundred, about. */
const hashesMax = 16 * 1024;
/** All hashes are below it. */
const hashEndAll = 2 ** 32;
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
  let fileBytes = 0;
  const sampledBytes: SampledBytes = { all: 0, superseded: 0, squares: 0 };
  for (let i = 0; i < tables.length; i++) {
    const table = tables[i] as TableMetadata;
    fileBytes += table.fileBytes;
    weigh(samples[i] as KeySample, counts[i] as number, table.fileBytes / table.rawBytes, seen, isLiveBucket, sampledBytes);
  }
  const keysForEach = hashEndAll / hashEnd;
  const seenBytes = keysForEach * sampledBytes.all;
  const squares = keysForEach ** 2 * sampledBytes.squares;
  // Two standard errors may be missing by chance.
  const unseenBytes = Math.max(0, fileBytes - seenBytes - 2 * Math.sqrt(squares));
  const totalBytes = seenBytes + unseenBytes;
  // As many keys of equal weight would give the same error (L. Kish: "Survey Sampling", 1965). What is unseen may be one entry.
  const effectiveKeys = totalBytes ** 2 / (squares + unseenBytes ** 2);
  if (!(effectiveKeys >= sampledKeysMin)) return undefined;
  const supersededBytes = fileBytes * ((keysForEach * sampledBytes.superseded) / totalBytes);
  return { supersededBytes, liveBytes: fileBytes - supersededBytes };
}

/** What sampled keys take of the files of their tables, in bytes, added up. */
interface SampledBytes {
  all: number;
  superseded: number;
  /** Of each key by itself. */
  squares: number;
}

/** Adds the first `count` keys of a sample to `sums`, and counts those that are of use as seen from now on. */
function weigh(
  { hashes, bucketIds, entryBytes }: KeySample,
  count: number,
  storedShare: number,
  seen: SeenHashes,
  isLiveBucket: (bucketId: number) => boolean,
  sums: SampledBytes,
): void {
  let bucketId = -1;
  let isLive = false;
  for (let i = 0; i < count; i++) {
    const bytes = storedShare * (entryBytes[i] as number);
    sums.all += bytes;
    sums.squares += bytes ** 2;
    if (bucketIds[i] !== bucketId) {
      bucketId = bucketIds[i] as number;
      isLive = isLiveBucket(bucketId);
    }
    if (!isLive || !seen.add(hashes[i] as number)) sums.superseded += bytes;
  }
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
