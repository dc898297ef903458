import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { readTableMetadata } from '../../src/sstable/table-file.js';
import { TableScanner } from '../../src/sstable/table-scanner.js';
import { addEntry, contextOf, entryOf, openWriter, scanAll, TableFiles } from './table-fixture.js';

beforeAll(initializeChecksum);

const golden = fileURLToPath(new URL('../golden/sstable/tiny-table.txt', import.meta.url));
const path = 'db/000007.sst';
const entries = [
  entryOf('\x01apple', 'red'),
  entryOf('\x01pear', 'green', 12),
  entryOf('\x01pear', undefined, 0),
  entryOf('\x02z', ''),
];

function tinyTable(): Uint8Array {
  const files = new TableFiles();
  const writer = openWriter(files, { blockBytes: 40 });
  writer.noteSequences(3, 14);
  for (const entry of entries) addEntry(writer, entry);
  writer.finish();
  return files.bytes(path);
}

/** Sixteen bytes a line, with their offset. */
function hexDump(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  const lines = hex.match(/.{1,32}/g) ?? [];
  return lines.map((line, i) => `${(16 * i).toString(16).padStart(4, '0')}  ${(line.match(/../g) ?? []).join(' ')}\n`).join('');
}

describe('the format of a table', () => {
  it('is byte for byte that of the golden file', () => {
    const dump = hexDump(tinyTable());
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, dump);
    expect(dump).toBe(readFileSync(golden, 'utf8'));
  });

  it('is read back from the golden file', () => {
    const files = new TableFiles();
    const hex = readFileSync(golden, 'utf8')
      .replace(/^.{4} {2}/gm, '')
      .replace(/\s/g, '');
    files.files.set(path, new Uint8Array(Buffer.from(hex, 'hex')));
    const context = contextOf(files);
    const metadata = readTableMetadata(context, 7);
    expect(metadata).toMatchObject({ entryCount: 4, tombstoneCount: 1, minSequence: 3, maxSequence: 14, hasSequences: true });
    expect(scanAll(new TableScanner(context, metadata))).toEqual(entries);
  });
});
