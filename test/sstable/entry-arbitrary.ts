/** Random tables: keys over a small alphabet, so that they share prefixes and collide, with one or several versions. */
import fc from 'fast-check';
import { compareKeys } from '../../src/format/bytes.js';
import { compareEntries, type Entry } from './table-fixture.js';

export const keyArbitrary = fc
  .array(fc.constantFrom(0, 1, 97, 98, 255), { minLength: 1, maxLength: 9 })
  .map((bytes) => Uint8Array.from(bytes));

const valueArbitrary = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined });

/** Entries in order. Of a key the oldest version may have sequence 0; without versions all have. Few `keys` give many versions of each. */
export function entriesArbitrary(hasVersions: boolean, keys: fc.Arbitrary<Uint8Array> = keyArbitrary): fc.Arbitrary<Entry[]> {
  const sequence = hasVersions ? fc.integer({ min: 0, max: 12 }) : fc.constant(0);
  const entry = fc.record({ key: keys, sequence, value: valueArbitrary });
  return fc
    .array(entry, { minLength: 1, maxLength: 120 })
    .map((entries) =>
      entries
        .sort(compareEntries)
        .filter(
          (a, i, all) =>
            i === 0 || compareKeys(a.key, (all[i - 1] as Entry).key) !== 0 || a.sequence !== (all[i - 1] as Entry).sequence,
        ),
    );
}
