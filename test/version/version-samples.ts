/** Tables, edits and states for the tests of versions: by hand and by fast-check. */
import fc from 'fast-check';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { initialState, type ManifestState } from '../../src/version/manifest-state.js';
import { ManifestWriter } from '../../src/version/manifest-writer.js';
import type { VersionEdit } from '../../src/version/version-edit.js';
import { ArrayFileSystem } from '../wal/array-file-system.js';

/** An edit that changes nothing. */
export const emptyEdit: VersionEdit = { removedTables: [], addedRuns: [] };

export const directory = 'db';
export const databaseId = Uint8Array.from({ length: 16 }, (_, i) => 0xb0 + i);
export const manifestNumber = 7;
export const manifestPath = 'db/MANIFEST-000007';

/** A table with the keys [smallest, largest], given as text, and sequences that a flush of that number would have. */
export function table(
  fileNumber: number,
  smallest: string,
  largest: string,
  overrides: Partial<TableMetadata> = {},
): TableMetadata {
  return {
    fileNumber,
    fileBytes: 1000 + fileNumber,
    smallestKey: new TextEncoder().encode(smallest),
    largestKey: new TextEncoder().encode(largest),
    minSequence: fileNumber * 10,
    maxSequence: fileNumber * 10 + 9,
    entryCount: 10,
    tombstoneCount: 2,
    rawBytes: 5000,
    hasSequences: fileNumber % 2 === 1,
    ...overrides,
  };
}

/** One run of one table at the head of level 0. */
export function flush(fileNumber: number, smallest = 'a', largest = 'z'): VersionEdit {
  return { ...emptyEdit, addedRuns: [{ level: 0, runId: fileNumber, tables: [table(fileNumber, smallest, largest)] }] };
}

const counter = fc.oneof(fc.nat(), fc.maxSafeNat());

const arbitraryTable: fc.Arbitrary<TableMetadata> = fc.record({
  fileNumber: counter,
  fileBytes: counter,
  smallestKey: fc.uint8Array({ maxLength: 40 }),
  largestKey: fc.uint8Array({ maxLength: 40 }),
  minSequence: counter,
  maxSequence: counter,
  entryCount: counter,
  tombstoneCount: counter,
  rawBytes: counter,
  hasSequences: fc.boolean(),
});

/** Any edit that has an encoding, sensible or not. */
export const arbitraryEdit: fc.Arbitrary<VersionEdit> = fc
  .record(
    {
      removedTables: fc.array(counter, { maxLength: 5 }),
      addedRuns: fc.array(
        fc.record({ level: fc.nat(6), runId: counter, tables: fc.array(arbitraryTable, { minLength: 1, maxLength: 4 }) }),
        { maxLength: 4 },
      ),
      oldestLogNumber: counter,
      lastSequence: counter,
      nextFileNumber: counter,
      nextBucketId: fc.nat(0xffff_ffff),
    },
    { requiredKeys: ['removedTables', 'addedRuns'] },
  )
  .map((edit) => ({ ...edit }));

/** The edits of a small life: two flushes, a compaction, a move, a change of counters. */
export const sampleEdits: readonly VersionEdit[] = [
  { ...flush(20), oldestLogNumber: 19, lastSequence: 210, nextFileNumber: 22 },
  flush(22, 'c', 'd'),
  {
    removedTables: [20, 22],
    addedRuns: [{ level: 6, runId: 24, tables: [table(24, 'a', 'm'), table(25, 'n', 'z')] }],
    oldestLogNumber: 23,
  },
  { ...flush(30, 'x', 'y'), nextBucketId: 300 },
  { removedTables: [30], addedRuns: [{ level: 5, runId: 30, tables: [table(30, 'x', 'y')] }] },
];

export interface SampleManifest {
  readonly fileSystem: ArrayFileSystem;
  readonly bytes: Uint8Array;
  /** Per record, the one with the first state included: where it begins and ends, what it promises, and the state after it. */
  readonly records: readonly { begin: number; end: number; syncedBytes: number; state: ManifestState }[];
}

/** A manifest of the edits, synced after those whose index is in `syncedAfter`. */
export function buildManifest(edits: readonly VersionEdit[], syncedAfter: readonly number[] = [], close = false): SampleManifest {
  const fileSystem = new ArrayFileSystem();
  const writer = ManifestWriter.create(fileSystem, directory, manifestNumber, initialState(databaseId));
  const records = [{ begin: 40, end: writer.bytes, syncedBytes: 0, state: writer.state }];
  let syncedBytes = writer.bytes;
  edits.forEach((edit, index) => {
    const begin = writer.bytes;
    writer.append(edit);
    records.push({ begin, end: writer.bytes, syncedBytes, state: writer.state });
    if (!syncedAfter.includes(index)) return;
    writer.sync();
    syncedBytes = writer.bytes;
  });
  if (close) writer.appendClose();
  writer.close();
  return { fileSystem, bytes: fileSystem.content(manifestPath), records };
}

/** A file system that holds nothing but these bytes as the manifest. */
export function withManifest(bytes: Uint8Array): ArrayFileSystem {
  const fileSystem = new ArrayFileSystem();
  fileSystem.files.set(manifestPath, bytes);
  return fileSystem;
}
