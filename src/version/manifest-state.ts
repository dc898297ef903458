/**
 * What a manifest says of a database: the version and the counters. An immutable value; edits lead from one to the next.
 *
 * **Invariants:**
 * 1. Counters never go back.
 * 2. nextFileNumber is above every table that ever was added and above oldestLogNumber; lastSequence is not below any sequence
 *    of those tables. Both are raised where an edit does not say so itself, so that no number is ever given out twice.
 */
import { assert } from '../errors.js';
import { bucketIdMax, catalogBucketId } from '../limits.js';
import { emptyVersion, type Version } from './version.js';
import { tryApplyEdit } from './version-builder.js';
import type { VersionEdit } from './version-edit.js';

/** Everything that a manifest holds but its tables. */
export interface ManifestCounters {
  /** Logs with smaller numbers are not needed any more; 0 where none was written yet. */
  readonly oldestLogNumber: number;
  readonly lastSequence: number;
  readonly nextFileNumber: number;
  /** The smallest bucket id that was never given out. */
  readonly nextBucketId: number;
  /** The newest log that was ever committed to: unless it is older than the oldest needed, it must be there. 0: none. */
  readonly newestLogNumber: number;
  /** Length of that log that is known to be durable; it may be longer. */
  readonly newestLogBytes: number;
}

/** The whole state that a manifest holds. */
export interface ManifestState extends ManifestCounters {
  /** 16 bytes. */
  readonly databaseId: Uint8Array;
  readonly version: Version;
}

/** The counters of a database that was just made. */
export const initialCounters: ManifestCounters = {
  oldestLogNumber: 0,
  lastSequence: 0,
  nextFileNumber: 1,
  nextBucketId: catalogBucketId + 1,
  newestLogNumber: 0,
  newestLogBytes: 0,
};

/** The state of a database that was just made. `databaseId` has 16 bytes. */
export function initialState(databaseId: Uint8Array): ManifestState {
  return { databaseId, version: emptyVersion, ...initialCounters };
}

/** The edit that leads from the initial state to this one: the first record of a manifest. */
export function stateAsEdit(state: ManifestState): VersionEdit {
  const addedRuns = state.version.levels.flatMap((level, index) =>
    level.runs.map((run) => ({ level: index, runId: run.id, tables: run.tables })),
  );
  const { oldestLogNumber, lastSequence, nextFileNumber, nextBucketId, newestLogNumber, newestLogBytes } = state;
  return {
    removedTables: [],
    addedRuns,
    oldestLogNumber,
    lastSequence,
    nextFileNumber,
    nextBucketId,
    newestLogNumber,
    newestLogBytes,
  };
}

/** The counters after an edit that may be wrong (it came from a file), or what is wrong in words. At the cost of the edit. */
export function tryAdvanceCounters(state: ManifestCounters, edit: VersionEdit): ManifestCounters | string {
  const oldestLogNumber = Math.max(state.oldestLogNumber, edit.oldestLogNumber ?? 0);
  const nextBucketId = Math.max(state.nextBucketId, edit.nextBucketId ?? 0);
  const editedLog = edit.newestLogNumber ?? 0;
  const newestLogNumber = Math.max(state.newestLogNumber, editedLog);
  const bytesBefore = newestLogNumber === state.newestLogNumber ? state.newestLogBytes : 0;
  const newestLogBytes = newestLogNumber === editedLog ? Math.max(bytesBefore, edit.newestLogBytes ?? 0) : bytesBefore;
  let lastSequence = Math.max(state.lastSequence, edit.lastSequence ?? 0);
  let nextFileNumber = Math.max(state.nextFileNumber, edit.nextFileNumber ?? 0, oldestLogNumber + 1, newestLogNumber + 1);
  for (const run of edit.addedRuns) {
    for (const table of run.tables) {
      nextFileNumber = Math.max(nextFileNumber, table.fileNumber + 1);
      lastSequence = Math.max(lastSequence, table.maxSequence);
    }
  }
  if (nextBucketId > bucketIdMax + 1) return 'the next bucket id is out of range';
  if (!Number.isSafeInteger(nextFileNumber)) return 'the next file number is out of range';
  return { oldestLogNumber, lastSequence, nextFileNumber, nextBucketId, newestLogNumber, newestLogBytes };
}

/** The state after an edit that may be wrong: the state, or what is wrong in words. */
export function tryAdvanceState(state: ManifestState, edit: VersionEdit): ManifestState | string {
  const version = tryApplyEdit(state.version, edit);
  if (typeof version === 'string') return version;
  const counters = tryAdvanceCounters(state, edit);
  return typeof counters === 'string' ? counters : { databaseId: state.databaseId, version, ...counters };
}

/** The state after an edit of our own making; a wrong one throws VARVE_ASSERTION. */
export function advanceState(state: ManifestState, edit: VersionEdit): ManifestState {
  const result = tryAdvanceState(state, edit);
  assert(typeof result !== 'string', typeof result === 'string' ? result : 'the edit is sound');
  return result;
}
