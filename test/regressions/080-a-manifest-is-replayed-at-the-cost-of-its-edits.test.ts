/** Replaying a manifest cost its edits times its tables: some megabytes of edits kept an open busy for minutes. */
import { expect, test } from 'vitest';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { ByteWriter } from '../../src/format/byte-writer.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { manifestImage } from '../../src/version/manifest-image.js';
import { readManifest } from '../../src/version/manifest-reader.js';
import { initialState } from '../../src/version/manifest-state.js';
import { encodeEdit } from '../../src/version/edit-codec.js';
import { emptyVersion, versionTables } from '../../src/version/version.js';
import { VersionBuilder } from '../../src/version/version-builder.js';
import type { VersionEdit } from '../../src/version/version-edit.js';
import { framesFile } from '../hostile/support/forge.js';
import { databaseId, manifestNumber, table, withManifest } from '../version/version-samples.js';

const key = (number: number): string => String(number).padStart(7, '0');

/** One run of the last level with `count` tables, the numbers from `first` on. */
function run(first: number, count: number, of = (each: TableMetadata): TableMetadata => each): VersionEdit {
  const tables = Array.from({ length: count }, (_, i) => of(table(first + i, key(first + i), key(first + i))));
  return { removedTables: [], addedRuns: [{ level: 6, runId: 1, tables }] };
}

/** How often the metadata of tables that are there already is looked at while one more comes and one goes. */
function looksOfAnEdit(tableCount: number): number {
  let looks = 0;
  const watched = (each: TableMetadata): TableMetadata =>
    new Proxy(each, {
      get(target, name) {
        looks++;
        return Reflect.get(target, name) as unknown;
      },
    });
  const builder = new VersionBuilder(emptyVersion);
  expect(builder.apply(run(1, tableCount, watched))).toBeUndefined();
  looks = 0;
  expect(builder.apply(run(tableCount + 1, 1))).toBeUndefined();
  expect(builder.apply({ removedTables: [1], addedRuns: [] })).toBeUndefined();
  return looks;
}

test('an edit costs the same however many tables there are', () => {
  expect(looksOfAnEdit(2000)).toBe(looksOfAnEdit(20));
});

test('a manifest of some megabytes, whose every edit touches a run of many tables, is read', async () => {
  await initializeChecksum();
  const count = 15_000;
  const edits = [
    run(1, count),
    ...Array.from({ length: count }, (_, i) => ({ ...run(count + 1 + i, 1), removedTables: [i + 1] })),
  ];
  const payloads = edits.map((edit, firstSequence) => {
    const writer = new ByteWriter();
    encodeEdit(writer, edit);
    return { bytes: writer.finish(), entryCount: 1, firstSequence };
  });
  const file = framesFile(manifestImage(manifestNumber, initialState(databaseId)), 'manifest', payloads);
  expect(file.length).toBeGreaterThan(1_500_000);
  const { version } = readManifest(withManifest(file), 'db', manifestNumber);
  expect([...versionTables(version)].map(({ fileNumber }) => fileNumber)).toEqual(
    Array.from({ length: count }, (_, i) => count + 1 + i),
  );
});
