/** What comes of the parts of a compaction: a result only when nobody works on it any more, and only the sum of all of it. */
import { describe, expect, it } from 'vitest';
import type { CompactionJob, JobFailure, JobSuccess } from '../../src/compaction/job.js';
import type { CompactionPlan } from '../../src/compaction/picker.js';
import { RunningCompaction } from '../../src/engine/running-compaction.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';

const table: TableMetadata = {
  fileNumber: 7,
  fileBytes: 1000,
  smallestKey: Uint8Array.of(1),
  largestKey: Uint8Array.of(9),
  minSequence: 1,
  maxSequence: 9,
  entryCount: 30,
  tombstoneCount: 0,
  rawBytes: 900,
  hasSequences: false,
};
const plan: CompactionPlan = { targetLevel: 6, removedTables: [7], movedTables: [], merges: [[[table]]], dropTombstones: true };

const job = (id: number): CompactionJob => ({
  id,
  kind: 'compaction',
  retention: { views: [], liveBuckets: Uint32Array.of(1) },
  fileNumbers: { first: 10 * id, end: 10 * id + 10 },
  filterBitsPerKey: 10,
  merges: plan.merges,
  dropTombstones: true,
});

const success = (id: number, entriesRead: number): JobSuccess => ({
  id,
  ok: true,
  outputs: [[]],
  counts: { entriesRead, entriesWritten: entriesRead, bytesRead: 100 * id, bytesWritten: 10 * id, blocksCopied: 1 },
});

const failure = (id: number, code: string): JobFailure => ({
  id,
  ok: false,
  code,
  message: code,
  file: undefined,
  offset: undefined,
  systemCode: undefined,
});

const running = (): RunningCompaction => new RunningCompaction(plan, [job(1), job(2), job(3)], 0);

describe('a compaction of several parts', () => {
  it('gives its parts one after the other, counts those under way, and sums up what they did when the last one ended', () => {
    const compaction = running();
    expect([compaction.takeNext()?.id, compaction.takeNext()?.id, compaction.underWay]).toEqual([1, 2, 2]);
    expect(compaction.take(success(2, 10))).toBeUndefined();
    expect([compaction.underWay, compaction.takeNext()?.id, compaction.takeNext()]).toEqual([1, 3, undefined]);
    expect(compaction.take(success(1, 10))).toBeUndefined();
    expect(compaction.take(success(3, 10))).toMatchObject({
      ok: true,
      counts: { entriesRead: 30, entriesWritten: 30, bytesRead: 600, bytesWritten: 60, blocksCopied: 3 },
    });
  });

  it('begins no part after a failure, and fails with the first one when those under way have ended', () => {
    const compaction = running();
    compaction.takeNext();
    compaction.takeNext();
    expect(compaction.take(failure(1, 'VARVE_NO_SPACE'))).toBeUndefined();
    expect(compaction.takeNext()).toBeUndefined();
    expect(compaction.take(failure(2, 'VARVE_ABORTED'))).toMatchObject({ ok: false, code: 'VARVE_NO_SPACE' });
  });

  it('fails also where the other parts succeeded, and at once where none is under way', () => {
    const compaction = running();
    compaction.takeNext();
    expect(compaction.take(success(1, 10))).toBeUndefined();
    compaction.takeNext();
    expect(compaction.take(failure(2, 'VARVE_IO'))).toMatchObject({ ok: false, code: 'VARVE_IO' });
  });

  it('is a defect, and nothing is installed, where the parts did not read every entry, or one twice', () => {
    for (const entriesRead of [9, 11]) {
      const compaction = running();
      for (const id of [1, 2, 3]) {
        compaction.takeNext();
        const whole = compaction.take(success(id, id === 2 ? entriesRead : 10));
        if (id === 3) expect(whole).toMatchObject({ ok: false, code: 'VARVE_ASSERTION' });
      }
    }
  });

  it('tells the bytes that all parts have read', () => {
    const compaction = running();
    expect([compaction.progress(1, 50), compaction.progress(2, 7), compaction.progress(1, 80)]).toEqual([50, 57, 87]);
  });
});
