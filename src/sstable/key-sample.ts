/**
 * A sample of the keys of a table, small enough to stay in memory: those whose hash (key-hash.ts) is below a bound, one of 256.
 *
 *   hash   0 ─────── sampledHashEnd ─────────────────────────────────────────────────── 2^32
 *            sampled │ not sampled
 *
 * All tables choose by the same rule, so a key is in the samples of all tables that have it, or in none: what two samples share says
 * which part of their keys two tables share (P. Gibbons: "Distinct Sampling for Highly-Accurate Answers to Distinct Values Queries and
 * Event Reports", VLDB 2001). No filter, index or block need be read for that.
 *
 * Of each key it has the bucket and the size, too: twelve bytes for every 256 keys, 480 KB at ten million. No file has it: a table of an
 * earlier session has none.
 *
 * Invariants:
 * 1. A key counts once, however many versions of it the table holds.
 * 2. Hashes ascend, so the sample by a lower bound is the head of this one (`countBelow`).
 */

/** Hashes below it are sampled. */
export const sampledHashEnd = 2 ** 24;

/** The sample of one table. The arrays have buffers of their own. */
export interface KeySample {
  /** Ascending. */
  readonly hashes: Uint32Array<ArrayBuffer>;
  /** The bucket that the key of each hash belongs to. */
  readonly bucketIds: Uint32Array<ArrayBuffer>;
  /** Bytes of each key and of its newest value in the table. */
  readonly entryBytes: Uint32Array<ArrayBuffer>;
}

/** Gathers the sampled keys of a table in any order. */
export class KeySampleBuilder {
  private readonly hashes: number[] = [];
  private readonly bucketIds: number[] = [];
  private readonly entryBytes: number[] = [];

  /** Takes a key whose hash is below `sampledHashEnd`; once a key. */
  add(hash: number, bucketId: number, entryBytes: number): void {
    this.hashes.push(hash);
    this.bucketIds.push(bucketId);
    this.entryBytes.push(entryBytes);
  }

  finish(): KeySample {
    const { hashes, bucketIds, entryBytes } = this;
    const order = Uint32Array.from(hashes.keys()).sort((a, b) => (hashes[a] as number) - (hashes[b] as number));
    return {
      hashes: order.map((place) => hashes[place] as number),
      bucketIds: order.map((place) => bucketIds[place] as number),
      entryBytes: order.map((place) => entryBytes[place] as number),
    };
  }
}

/** How many hashes of a sample are below `end`. From its head on: of many samples a few each are wanted, and memory is what takes the time. */
export function countBelow({ hashes }: KeySample, end: number): number {
  let bound = 1;
  while (bound < hashes.length && (hashes[bound] as number) < end) bound *= 2;
  let low = bound >>> 1;
  let high = Math.min(bound, hashes.length);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((hashes[middle] as number) < end) low = middle + 1;
    else high = middle;
  }
  return low;
}
