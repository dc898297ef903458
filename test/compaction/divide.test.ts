/** Parts of a compaction: together they do what the whole would, whatever the runs are and wherever they are cut. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { divideMerges } from '../../src/compaction/divide.js';
import type { JobSuccess, MergeInput } from '../../src/compaction/job.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { readCheckedFooter, readIndex } from '../../src/sstable/table-file.js';
import type { TableIndex } from '../../src/sstable/table-index.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';
import { everybody, metadataOf, Workshop } from './compaction-fixture.js';

beforeAll(initializeChecksum);

const workshopOf = (targetTableBytes: number) => new Workshop({ targetTableBytes });

function indexes(workshop: Workshop): (table: TableMetadata) => TableIndex {
  return (table) => {
    const index = readIndex(workshop.reading, table.fileNumber, readCheckedFooter(workshop.reading, table), table);
    workshop.reading.openTables.closeAll();
    return index;
  };
}

/** Runs, newest first: the n-th of the lists was written last but n. */
function write(
  workshop: Workshop,
  runs: readonly (readonly [number, string | undefined][])[],
  views: number[],
): TableMetadata[][] {
  let sequence = 1;
  const oldestFirst = [...runs].reverse().map((entries) => {
    const memtable = new Memtable(sequence, 1 << 16);
    for (const [key, value] of entries) put(memtable, internalKey(1, `key${100 + key}`), value);
    sequence = memtable.nextSequence;
    return workshop.flush(memtable, { ...everybody, views });
  });
  return oldestFirst.reverse();
}

/** Runs each part; what it says together. */
function runParts(workshop: Workshop, merges: readonly MergeInput[], count: number, retention = everybody) {
  const parts = divideMerges(merges, count, indexes(workshop));
  const results: JobSuccess[] = parts.map(({ range, merges: inputs }) =>
    workshop.run({ ...workshop.compactionJob(inputs, retention), ...(range === undefined ? {} : { range }) }),
  );
  const tables = results.flatMap((result) => metadataOf(result).flat());
  const entriesRead = results.reduce((sum, result) => sum + result.counts.entriesRead, 0);
  return { parts, tables, entriesRead };
}

const entryArbitrary = fc.tuple(fc.nat(60), fc.option(fc.string({ maxLength: 30 }), { nil: undefined }));
const runsArbitrary = fc.array(fc.array(entryArbitrary, { minLength: 1, maxLength: 80 }), { minLength: 1, maxLength: 5 });

describe('the parts of a compaction', () => {
  it('write what the whole writes, each entry once, and read every entry', () => {
    fc.assert(
      fc.property(
        runsArbitrary,
        fc.integer({ min: 2, max: 5 }),
        fc.constantFrom(200, 900, 1e6),
        fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 3 }),
        (runs, count, targetTableBytes, someViews) => {
          const workshop = workshopOf(targetTableBytes);
          const views = [...new Set(someViews)].sort((a, b) => a - b);
          const retention = { ...everybody, views };
          const input = write(workshop, runs, views);
          const whole = metadataOf(workshop.run(workshop.compactionJob([input], retention))).flat();
          const divided = runParts(workshop, [input], count, retention);
          expect(workshop.scan(divided.tables)).toEqual(workshop.scan(whole));
          expect(divided.entriesRead).toBe(input.flat().reduce((sum, table) => sum + table.entryCount, 0));
          expect(divided.parts.length).toBeLessThanOrEqual(count);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('are of about as many bytes, whether the largest run is one table or many', () => {
    const all = Array.from({ length: 400 }, (_, i): [number, string] => [i, 'x'.repeat(20)]);
    for (const targetTableBytes of [500, 1e6]) {
      const workshop = workshopOf(targetTableBytes);
      const { parts, tables } = runParts(workshop, [write(workshop, [all, all.slice(100, 200)], [])], 4);
      expect(parts.length).toBe(4);
      const keys = parts.map(({ range }) => {
        const inPart = workshop.scan(tables).filter(({ key }) => {
          const bytes = Buffer.from(key, 'latin1');
          return (
            (range?.lower === undefined || Buffer.compare(bytes, range.lower) >= 0) &&
            (range?.upper === undefined || Buffer.compare(bytes, range.upper) < 0)
          );
        });
        return inPart.length;
      });
      expect(keys.reduce((a, b) => a + b)).toBe(400);
      expect(Math.min(...keys)).toBeGreaterThan(60);
      expect(Math.max(...keys)).toBeLessThan(140);
    }
  });

  it('are one where all that is to be merged is one key', () => {
    const workshop = workshopOf(1e6);
    const runs = write(workshop, [[[1, 'b']], [[1, 'a']]], []);
    expect(divideMerges([runs], 4, indexes(workshop)).map(({ merges }) => merges)).toEqual([[runs]]);
  });

  it('have only those merges whose tables they touch', () => {
    const workshop = workshopOf(1e6);
    const low = Array.from({ length: 80 }, (_, i): [number, string] => [i, 'x'.repeat(30)]);
    const high = low.slice(0, 40).map(([key, value]): [number, string] => [key + 500, value]);
    const groups = [low, high].map((entries) => write(workshop, [entries, entries.slice(0, 9)], []));
    const parts = divideMerges(groups, 2, indexes(workshop));
    expect(parts.flatMap(({ merges }) => merges.length)).toEqual([1, 2]);
  });
});
