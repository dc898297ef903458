import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { compareKeys } from '../../src/format/bytes.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { RunCursor } from '../../src/sstable/run-cursor.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { entriesArbitrary, keyArbitrary } from './entry-arbitrary.js';
import {
  bytesOf,
  contextOf,
  describeEntry,
  type Entry,
  entryOf,
  everything,
  shown,
  TableFiles,
  visible,
  writeTable,
} from './table-fixture.js';

beforeAll(initializeChecksum);

/** Cuts entries into tables at key borders. */
function runOf(entries: readonly Entry[], tableCount: number, blockBytes: number, cacheBytes: number): TableReader[] {
  const files = new TableFiles();
  const context = contextOf(files, cacheBytes);
  const keys = [...new Set(entries.map((entry) => Buffer.from(entry.key).toString('latin1')))];
  const perTable = Math.ceil(keys.length / tableCount);
  const tables: TableReader[] = [];
  for (let from = 0; from < keys.length; from += perTable) {
    const owned = new Set(keys.slice(from, from + perTable));
    const part = entries.filter((entry) => owned.has(Buffer.from(entry.key).toString('latin1')));
    const { metadata } = writeTable(files, part, { fileNumber: tables.length + 1, blockBytes });
    tables.push(new TableReader(context, metadata));
  }
  return tables;
}

type Step = { kind: 'seek' | 'seekBefore'; key: Uint8Array } | { kind: 'next' | 'previous' };
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('seek' as const, 'seekBefore' as const), key: keyArbitrary }),
  fc.record({ kind: fc.constantFrom('next' as const, 'previous' as const) }),
);

describe('a cursor over a run', () => {
  it('moves as one over a sorted list of the newest visible entries', () => {
    fc.assert(
      fc.property(
        fc.boolean().chain(entriesArbitrary),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(1, 50, 300),
        fc.integer({ min: 0, max: 13 }),
        fc.constantFrom(0, 3000, 1 << 20),
        fc.array(stepArbitrary, { minLength: 1, maxLength: 60 }),
        (entries, tableCount, blockBytes, view, cacheBytes, steps) => {
          const cursor = new RunCursor(runOf(entries, tableCount, blockBytes, cacheBytes), view);
          const model = visible(entries, view);
          let at = -1;
          for (const step of steps) {
            if (step.kind === 'seek') {
              cursor.seek(step.key, 0, step.key.length);
              at = model.findIndex((entry) => compareKeys(entry.key, step.key) >= 0);
            } else if (step.kind === 'seekBefore') {
              cursor.seekBefore(step.key, 0, step.key.length);
              at = model.findLastIndex((entry) => compareKeys(entry.key, step.key) < 0);
            } else if (cursor.valid) {
              cursor[step.kind]();
              at += step.kind === 'next' ? 1 : -1;
            }
            expect(shown(cursor)).toBe(describeEntry(model[at]));
            if (model[at] === undefined) at = -1;
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('walks everything in both directions', () => {
    const entries = Array.from({ length: 500 }, (_, i) => entryOf(`key${String(i).padStart(4, '0')}`, `value ${i}`));
    const cursor = new RunCursor(runOf(entries, 3, 200, 4000), everything);
    const forward: (string | undefined)[] = [];
    for (cursor.seek(bytesOf(''), 0, 0); cursor.valid; cursor.next()) forward.push(shown(cursor));
    expect(forward).toEqual(entries.map(describeEntry));
    const backward: (string | undefined)[] = [];
    for (cursor.seekBefore(bytesOf('z'), 0, 1); cursor.valid; cursor.previous()) backward.push(shown(cursor));
    expect(backward.reverse()).toEqual(forward);
  });

  it('over no tables is never valid', () => {
    const cursor = new RunCursor([], everything);
    cursor.seek(bytesOf('a'), 0, 1);
    expect(cursor.valid).toBe(false);
    cursor.seekBefore(bytesOf('a'), 0, 1);
    expect(cursor.valid).toBe(false);
  });

  it('does not show an older version of a key that straddles blocks when the newest is visible', () => {
    const entries = [entryOf('a', 'x'), ...[9, 7, 5, 3, 0].map((n) => entryOf('k', `v${n}`, n)), entryOf('z', 'y')];
    const tables = runOf(entries, 1, 1, 1 << 20);
    expect(tables[0]?.index().blockCount).toBe(7);
    for (const [view, value] of [
      [9, 'v9'],
      [8, 'v7'],
      [5, 'v5'],
      [1, 'v0'],
    ] as const) {
      const cursor = new RunCursor(tables, view);
      cursor.seek(bytesOf('b'), 0, 1);
      expect(shown(cursor)).toBe(describeEntry(entryOf('k', value)));
      cursor.next();
      expect(shown(cursor)).toBe(describeEntry(entryOf('z', 'y')));
      cursor.previous();
      expect(shown(cursor)).toBe(describeEntry(entryOf('k', value)));
      cursor.previous();
      expect(shown(cursor)).toBe(describeEntry(entryOf('a', 'x')));
    }
  });
});
