import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { loadCodec } from '../../src/format/compression.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { TableScanner } from '../../src/sstable/table-scanner.js';
import { verifyTable } from '../../src/sstable/table-verifier.js';
import { entriesArbitrary, keyArbitrary } from './entry-arbitrary.js';
import {
  bytesOf,
  codeOf,
  contextOf,
  describeEntry,
  type Entry,
  entryOf,
  everything,
  openWriter,
  read,
  scanAll,
  TableFiles,
  visible,
  writeTable,
} from './table-fixture.js';

beforeAll(initializeChecksum);

const contentOf = (entry: Entry | undefined) => (entry === undefined ? 'absent' : (entry.value ?? 'tombstone'));
const sameKey = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

describe('a table', () => {
  it('gives every key back, in every form of block, and nothing else', () => {
    fc.assert(
      fc.property(
        entriesArbitrary(false),
        fc.array(keyArbitrary, { maxLength: 20 }),
        fc.constantFrom(1, 64, 256, 100_000),
        fc.boolean(),
        fc.boolean(),
        (entries, probes, blockBytes, isCompressed, isPreloaded) => {
          const files = new TableFiles();
          const table = writeTable(files, entries, { blockBytes, compression: isCompressed ? loadCodec() : undefined });
          const reader = new TableReader(contextOf(files), table.metadata, isPreloaded ? table : undefined);
          for (const entry of entries) expect(read(reader, entry.key)).toEqual(contentOf(entry));
          for (const key of probes)
            expect(read(reader, key)).toEqual(contentOf(entries.find((entry) => sameKey(entry.key, key))));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('gives each view the newest version that it may see, also where versions straddle blocks', () => {
    fc.assert(
      fc.property(
        entriesArbitrary(true),
        fc.constantFrom(1, 40, 200),
        fc.integer({ min: 0, max: 13 }),
        (entries, blockBytes, view) => {
          const files = new TableFiles();
          const reader = new TableReader(contextOf(files), writeTable(files, entries, { blockBytes }).metadata);
          const expected = visible(entries, view);
          for (const { key } of entries)
            expect(read(reader, key, view)).toEqual(contentOf(expected.find((e) => sameKey(e.key, key))));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is scanned with all versions, verified without a finding, and described by its metadata', () => {
    fc.assert(
      fc.property(entriesArbitrary(true), fc.constantFrom(1, 64, 4096), fc.boolean(), (entries, blockBytes, isCompressed) => {
        const files = new TableFiles();
        const { metadata } = writeTable(files, entries, { blockBytes, compression: isCompressed ? loadCodec() : undefined });
        const context = contextOf(files);
        expect(scanAll(new TableScanner(context, metadata))).toEqual(entries);
        expect(verifyTable(context, metadata)).toEqual({ entries: entries.length, problems: [] });
        expect(verifyTable(context, metadata.fileNumber)).toEqual({ entries: entries.length, problems: [] });
        const sequences = entries.map((entry) => entry.sequence).filter((sequence) => sequence > 0);
        expect(metadata).toMatchObject({
          fileBytes: files.bytes('db/000007.sst').length,
          smallestKey: (entries[0] as Entry).key,
          largestKey: (entries.at(-1) as Entry).key,
          entryCount: entries.length,
          tombstoneCount: entries.filter((entry) => entry.value === undefined).length,
          rawBytes: entries.reduce((sum, entry) => sum + entry.key.length + (entry.value?.length ?? 0), 0),
          hasSequences: sequences.length > 0,
          maxSequence: Math.max(0, ...sequences),
        });
      }),
      { numRuns: 150 },
    );
  });

  it('keeps copies: the caller may change key, value and buffers after add', () => {
    const files = new TableFiles();
    const writer = openWriter(files);
    const key = Buffer.from('k1');
    const value = Buffer.from('first');
    writer.add(key, 0, 2, 0, false, value, 0, 5);
    key.write('k2');
    value.write('other');
    writer.add(key, 0, 2, 0, false, value, 0, 5);
    key.write('zz');
    const { metadata } = writer.finish();
    expect(metadata.smallestKey).toEqual(bytesOf('k1'));
    expect(scanAll(new TableScanner(contextOf(files), metadata)).map(describeEntry)).toEqual(
      [entryOf('k1', 'first'), entryOf('k2', 'other')].map(describeEntry),
    );
  });

  it('is synced by finish, once, and not closed', () => {
    const files = new TableFiles();
    writeTable(files, [entryOf('a', 'b')]);
    expect(files.syncCount).toBe(1);
    expect(files.openCount).toBe(1);
  });

  it('notes a range of sequences although the sequences themselves are left out', () => {
    const files = new TableFiles();
    const writer = openWriter(files);
    writer.noteSequences(40, 50);
    writer.add(bytesOf('a'), 0, 1, 0, false, bytesOf('b'), 0, 1);
    expect(writer.entryCount).toBe(1);
    expect(writer.finish().metadata).toMatchObject({ minSequence: 40, maxSequence: 50, hasSequences: false });
  });

  it('refuses entries out of order, and to be finished without one', () => {
    const cases: [Entry, Entry][] = [
      [entryOf('b', ''), entryOf('a', '')],
      [entryOf('a', ''), entryOf('a', '')],
      [entryOf('a', '', 4), entryOf('a', '', 5)],
    ];
    for (const pair of cases) {
      const writer = openWriter(new TableFiles());
      const taken = pair.map(({ key, value, sequence }) =>
        writer.add(key, 0, key.length, sequence, false, value ?? key, 0, value?.length ?? 0),
      );
      expect(taken).toEqual([true, false]);
    }
    expect(codeOf(() => openWriter(new TableFiles()).finish())).toBe('VARVE_ASSERTION');
  });

  it('holds a value larger than any compressed block, between small ones', () => {
    const files = new TableFiles();
    const large = new Uint8Array(4 * 1024 * 1024 + 5).fill(7);
    const entries = [
      entryOf('a', 'small'),
      { key: bytesOf('b'), sequence: 3, value: large },
      { key: bytesOf('b'), sequence: 0, value: large.subarray(0, 4 * 1024 * 1024) },
      entryOf('c', 'small'),
    ];
    const { metadata } = writeTable(files, entries, { compression: loadCodec() });
    const context = contextOf(files);
    const reader = new TableReader(context, metadata);
    expect(Buffer.compare(read(reader, bytesOf('b')) as Uint8Array, large)).toBe(0);
    expect((read(reader, bytesOf('b'), 2) as Uint8Array).length).toBe(4 * 1024 * 1024);
    expect(read(reader, bytesOf('c'))).toEqual(bytesOf('small'));
    expect(verifyTable(context, metadata).problems).toEqual([]);
    expect(scanAll(new TableScanner(context, metadata)).map((entry) => entry.value?.length)).toEqual([5, 4194309, 4194304, 5]);
  });

  it('copies blocks of another table as they are, and what comes of it is a sound table', () => {
    fc.assert(
      fc.property(
        entriesArbitrary(true),
        fc.array(fc.boolean(), { minLength: 1 }),
        fc.boolean(),
        (entries, choices, isCompressed) => {
          const files = new TableFiles();
          const source = writeTable(files, entries, { blockBytes: 64, compression: isCompressed ? loadCodec() : undefined });
          const context = contextOf(files);
          const writer = openWriter(files, { fileNumber: 8, blockBytes: 200 });
          const scanner = new TableScanner(context, source.metadata);
          for (let i = 0; scanner.valid;) {
            if (scanner.atBlockStart && choices[i++ % choices.length] === true) {
              writer.addStoredBlock(scanner.blockStored, scanner.blockHandle, scanner.block);
              scanner.skipBlock();
              continue;
            }
            const { keyBytes, keyStart, keyEnd, sequence, isTombstone, valueBytes, valueStart, valueEnd } = scanner;
            writer.add(keyBytes, keyStart, keyEnd, sequence, isTombstone, valueBytes, valueStart, valueEnd);
            scanner.next();
          }
          const copy = writer.finish();
          expect(verifyTable(context, copy.metadata)).toEqual({ entries: entries.length, problems: [] });
          expect(scanAll(new TableScanner(context, copy.metadata))).toEqual(entries);
          expect(copy.metadata).toEqual({ ...source.metadata, fileNumber: 8, fileBytes: copy.metadata.fileBytes });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('without a filter still answers', () => {
    const files = new TableFiles();
    const { metadata } = writeTable(files, [entryOf('a', '1'), entryOf('c', '2')], { filterBitsPerKey: 0 });
    const reader = new TableReader(contextOf(files), metadata);
    expect([read(reader, bytesOf('a')), read(reader, bytesOf('b'), everything)]).toEqual([bytesOf('1'), 'absent']);
  });
});
