/**
 * Counters of a manifest never go back, whatever edits say.
 */
import { expect, test } from 'vitest';
import { advanceState, initialState, type ManifestState } from '../../src/version/manifest-state.js';
import type { VersionEdit } from '../../src/version/version-edit.js';
import { emptyEdit, flush, table } from './version-samples.js';

const after = (edits: readonly Partial<VersionEdit>[]): ManifestState =>
  edits.reduce<ManifestState>((state, edit) => advanceState(state, { ...emptyEdit, ...edit }), initialState(new Uint8Array(16)));

const high = { oldestLogNumber: 30, lastSequence: 500, nextFileNumber: 60, nextBucketId: 9 };
const low = { oldestLogNumber: 20, lastSequence: 400, nextFileNumber: 50, nextBucketId: 5 };

test('each is the largest that any edit gave it', () => {
  expect(after([high, low])).toMatchObject(high);
  expect(after([low, high])).toMatchObject(high);
  expect(after([high, {}])).toMatchObject(high);
});

test('next file is above tables and logs, last sequence not below the sequences of tables, though no edit says so', () => {
  expect(after([flush(20)])).toMatchObject({ nextFileNumber: 21, lastSequence: 209 });
  expect(after([{ oldestLogNumber: 30 }])).toMatchObject({ nextFileNumber: 31 });
  expect(after([{ newestLogNumber: 40, newestLogBytes: 64 }])).toMatchObject({ nextFileNumber: 41 });
  const older = { level: 6, runId: 5, tables: [table(5, 'a', 'b')] };
  expect(after([{ lastSequence: 300, nextFileNumber: 90 }, { addedRuns: [older] }])).toMatchObject({
    lastSequence: 300,
    nextFileNumber: 90,
  });
});

test('durable bytes belong to the newest log: they begin anew with it, and those of an older one count for nothing', () => {
  const log = (newestLogNumber: number, newestLogBytes: number): Partial<VersionEdit> => ({ newestLogNumber, newestLogBytes });
  expect(after([log(12, 500), log(12, 300)])).toMatchObject(log(12, 500));
  expect(after([log(12, 500), log(13, 64)])).toMatchObject(log(13, 64));
  expect(after([log(13, 64), log(12, 500)])).toMatchObject(log(13, 64));
});
