/**
 * A table with a damaged section was not read any further, so damaged blocks of the same table were not reported.
 */
import { beforeAll, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { footerBytes } from '../../src/sstable/table-footer.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { verifyTable } from '../../src/sstable/table-verifier.js';
import { contextOf, entryOf, TableFiles, writeTable } from '../sstable/table-fixture.js';

beforeAll(initializeChecksum);

const path = 'db/000007.sst';
const entries = Array.from({ length: 40 }, (_, i) => entryOf(`key${String(i).padStart(2, '0')}`, `value ${i}`.repeat(6)));

for (const [section, name] of ['the filter', 'the index', 'the properties'].entries()) {
  for (const isKnown of [true, false]) {
    test(`beside damage in ${name}, a block is reported where the index is sound (${isKnown ? 'against' : 'without'} the manifest)`, () => {
      const files = new TableFiles();
      const { metadata } = writeTable(files, entries, { blockBytes: 150, compression: undefined, filterBitsPerKey: 10 });
      const index = new TableReader(contextOf(files), metadata).index();
      const block = index.handle(3);
      const bytes = new Uint8Array(files.bytes(path));
      const sectionOffset = new DataView(bytes.buffer, bytes.length - footerBytes).getFloat64(32 * section, true);
      for (const at of [sectionOffset + 4, block.offset]) bytes[at] = (bytes[at] as number) ^ 1;
      files.files.set(path, bytes);
      const { entries: count, problems } = verifyTable(contextOf(files), isKnown ? metadata : metadata.fileNumber);
      const isIndexSound = name !== 'the index';
      expect(problems.map(({ offset }) => offset)).toEqual(isIndexSound ? [sectionOffset, block.offset] : [sectionOffset]);
      expect(count).toBe(isIndexSound ? entries.length - block.entryCount : 0);
    });
  }
}
