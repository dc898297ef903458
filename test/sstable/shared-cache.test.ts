/**
 * Several tables of all kinds over one small cache, against the entries as they were written: whatever is evicted, gets its lookup, is closed,
 * comes back or cannot be read meanwhile, every read gives what its view may see, and the cache counts what is there.
 */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import type { FinishedTable } from '../../src/sstable/table-writer.js';
import { byTier } from '../support/tier.js';
import { entriesArbitrary, keyArbitrary } from './entry-arbitrary.js';
import { bytesOf, codeOf, contextOf, type Entry, everything, read, TableFiles, visible, writeTable } from './table-fixture.js';

beforeAll(initializeChecksum);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A table, what was written to it, and its reader. */
class KnownTable {
  private readonly table: FinishedTable;
  private readonly context: ReturnType<typeof contextOf>;
  private reader: TableReader;
  private readonly byView = new Map<number, Map<string, Entry>>();

  constructor(
    private readonly files: TableFiles,
    context: ReturnType<typeof contextOf>,
    readonly entries: readonly Entry[],
    fileNumber: number,
    blockBytes: number,
  ) {
    this.context = context;
    this.table = writeTable(files, entries, { fileNumber, blockBytes });
    this.reader = new TableReader(context, this.table.metadata, this.table);
  }

  /** Reads a key so often that its block gets a lookup if it stays. */
  checkReads(key: Uint8Array, viewSequence: number): void {
    const entry = this.atView(viewSequence).get(hex(key));
    const expected = entry === undefined ? 'absent' : (entry.value ?? 'tombstone');
    for (let time = 0; time < 5; time++) {
      expect(read(this.reader, key, viewSequence)).toEqual(expected);
    }
  }

  scan(): void {
    const { blockCount } = this.reader.index();
    let entries = 0;
    for (let number = 0; number < blockCount; number++) entries += this.reader.block(number, false).entryCount;
    expect(entries).toBe(this.entries.length);
  }

  failOnce(key: Uint8Array): void {
    this.files.readFailsAt = this.files.readCount;
    expect([undefined, 'VARVE_IO']).toContain(codeOf(() => read(this.reader, key)));
    this.files.readFailsAt = -1;
  }

  reopen(isPreloaded: boolean): void {
    this.reader.close();
    this.reader = new TableReader(this.context, this.table.metadata, isPreloaded ? this.table : undefined);
  }

  close(): void {
    this.reader.close();
  }

  private atView(viewSequence: number): Map<string, Entry> {
    let seen = this.byView.get(viewSequence);
    if (seen === undefined) {
      seen = new Map(visible(this.entries, viewSequence).map((entry) => [hex(entry.key), entry]));
      this.byView.set(viewSequence, seen);
    }
    return seen;
  }
}

const fewKeys = fc.constantFrom('a', 'ab', 'b', 'ba', 'c').map(bytesOf);
const tablesArbitrary = fc.array(
  fc.record({
    entries: fc.oneof(entriesArbitrary(false), entriesArbitrary(true), entriesArbitrary(true, fewKeys)),
    blockBytes: fc.constantFrom(1, 40, 128, 1000, 16_384),
  }),
  { minLength: 1, maxLength: 4 },
);

const stepArbitrary = fc.record({
  table: fc.nat(3),
  what: fc.constantFrom('read', 'read', 'read', 'read', 'other', 'other', 'scan', 'fail', 'reopen', 'preload'),
  entry: fc.nat(120),
  other: fc.oneof(keyArbitrary, fewKeys),
  view: fc.constantFrom(0, 3, 6, 9, 12, everything),
});

test('reads of tables that share a small cache give what was written, and the cache is empty when all are closed', () => {
  const budget = fc.constantFrom(0, 600, 1500, 3000, 6000, 20_000, 1 << 20);
  fc.assert(
    fc.property(tablesArbitrary, fc.array(stepArbitrary, { maxLength: 80 }), budget, (sources, steps, cacheBytes) => {
      const files = new TableFiles();
      const context = contextOf(files, cacheBytes);
      const tables = sources.map(({ entries, blockBytes }, i) => new KnownTable(files, context, entries, 7 + i, blockBytes));
      for (const { table: number, what, entry, other, view } of steps) {
        const table = tables[number % tables.length] as KnownTable;
        const { key } = table.entries[entry % table.entries.length] as Entry;
        if (what === 'read') table.checkReads(key, view);
        else if (what === 'other') table.checkReads(other, view);
        else if (what === 'scan') table.scan();
        else if (what === 'fail') table.failOnce(key);
        else table.reopen(what === 'preload');
        expect(context.cache.bytes).toBeLessThanOrEqual(cacheBytes);
      }
      if (cacheBytes === 0) expect(context.cache.hits).toBe(0);
      for (const table of tables) table.close();
      expect(context.cache.bytes).toBe(0);
    }),
    { numRuns: byTier(150, 3000) },
  );
});
