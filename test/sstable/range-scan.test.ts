/** A scan of a range of keys: what of a table is in the range, no more and no less, wherever blocks begin. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { compareKeys } from '../../src/format/bytes.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { type ScanRange, TableScanner, touchesRange } from '../../src/sstable/table-scanner.js';
import { entriesArbitrary, keyArbitrary } from './entry-arbitrary.js';
import { bytesOf, contextOf, entryOf, scanAll, TableFiles, writeTable } from './table-fixture.js';

beforeAll(initializeChecksum);

const rangeArbitrary: fc.Arbitrary<ScanRange> = fc
  .record({ lower: fc.option(keyArbitrary, { nil: undefined }), upper: fc.option(keyArbitrary, { nil: undefined }) })
  .filter(({ lower, upper }) => lower === undefined || upper === undefined || compareKeys(lower, upper) < 0);

describe('a scan of a range', () => {
  it.each([true, false])('shows all versions of the keys in it and no other entry; versions: %s', (hasVersions) => {
    const few = fc.constantFrom(...['a', 'ab', 'b', 'ba'].map(bytesOf));
    const entriesOfMany = fc.oneof(entriesArbitrary(hasVersions), entriesArbitrary(hasVersions, few));
    fc.assert(
      fc.property(entriesOfMany, rangeArbitrary, fc.constantFrom(1, 64, 4096), (entries, range, blockBytes) => {
        const files = new TableFiles();
        const { metadata } = writeTable(files, entries, { blockBytes });
        const { lower, upper } = range;
        const expected = entries.filter(
          ({ key }) =>
            (lower === undefined || compareKeys(key, lower) >= 0) && (upper === undefined || compareKeys(key, upper) < 0),
        );
        if (touchesRange(metadata, range)) {
          expect(scanAll(new TableScanner(contextOf(files), metadata, undefined, range))).toEqual(expected);
        } else {
          expect(expected).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('says of each block whether it is in the range as a whole', () => {
    const files = new TableFiles();
    const entries = Array.from({ length: 40 }, (_, i) => entryOf(`key${i + 10}`, 'value'));
    const { metadata } = writeTable(files, entries, { blockBytes: 100 });
    const range = { lower: bytesOf('key16'), upper: bytesOf('key47') };
    const scanner = new TableScanner(contextOf(files), metadata, undefined, range);
    const whole: boolean[] = [];
    for (; scanner.valid; scanner.next()) if (scanner.atBlockStart) whole.push(scanner.blockIsWhole);
    expect(whole.length).toBeGreaterThan(3);
    expect(whole[0]).toBe(false);
    expect(whole.at(-1)).toBe(false);
    expect(whole.slice(1, -1).every((isWhole) => isWhole)).toBe(true);
  });
});
