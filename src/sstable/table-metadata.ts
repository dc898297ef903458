/**
 * What the engine knows of a table without opening it: the manifest stores it, versions and the compaction picker work on it.
 *
 * Invariants:
 * 1. smallestKey and largestKey are internal keys that the table holds; smallestKey <= largestKey.
 * 2. minSequence <= maxSequence: the sequences of all records that went into the table, those elided included.
 * 3. Where hasSequences is false, every entry is visible to every view that may read the table, and no key occurs twice.
 */
export interface TableMetadata {
  readonly fileNumber: number;
  readonly fileBytes: number;
  readonly smallestKey: Uint8Array;
  readonly largestKey: Uint8Array;
  readonly minSequence: number;
  readonly maxSequence: number;
  /** Stored records, tombstones and old versions included. */
  readonly entryCount: number;
  readonly tombstoneCount: number;
  /** Bytes of all keys and values before compression. */
  readonly rawBytes: number;
  /** Whether some block stores sequences, because a view needed more than the newest version when it was written. */
  readonly hasSequences: boolean;
}
