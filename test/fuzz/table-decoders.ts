/**
 * Decoders of tables: their parts, and a whole one.
 */
import { tableFileName } from '../../src/format/file-names.js';
import { hashKey } from '../../src/format/key-hash.js';
import { loadCodec } from '../../src/format/compression.js';
import { compressedBlockRawBytesMax } from '../../src/limits.js';
import { Block } from '../../src/sstable/block.js';
import { BlockBuilder } from '../../src/sstable/block-builder.js';
import { blockHandleBytes } from '../../src/sstable/block-handle.js';
import { readTableMetadata } from '../../src/sstable/table-file.js';
import { FilterBuilder, TableFilter } from '../../src/sstable/table-filter.js';
import { decodeFooter, encodeFooter, type TableFooter } from '../../src/sstable/table-footer.js';
import { TableIndex } from '../../src/sstable/table-index.js';
import { decodeProperties, encodeProperties, type TableProperties } from '../../src/sstable/table-properties.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { TableScanner } from '../../src/sstable/table-scanner.js';
import { verifyTable } from '../../src/sstable/table-verifier.js';
import { compareKeys } from '../../src/format/bytes.js';
import {
  compareEntries,
  contextOf,
  describeEntry,
  directory,
  type Entry,
  entryOf,
  read,
  scanAll,
  TableFiles,
  writeTable,
} from '../sstable/table-fixture.js';
import type { Chance } from './chance.js';
import type { Field } from './mutation.js';
import { handlesIn, sealTable, viewOf } from './seals.js';
import { must, type Target } from './target.js';

const file = tableFileName(7);
const same = (a: Uint8Array, b: Uint8Array): boolean => compareKeys(a, b) === 0;

function entriesFor(chance: Chance): Entry[] {
  const entries: Entry[] = [];
  for (let count = chance.between(1, 24); count > 0; count--) {
    const key = `\u0001${'k'.repeat(chance.below(3))}${chance.below(12)}`;
    const value = chance.oneIn(5) ? undefined : 'v'.repeat(chance.below(chance.pick([1, 20, 90])));
    entries.push(entryOf(key, value, chance.oneIn(3) ? 0 : count));
  }
  entries.sort(compareEntries);
  return entries.filter((entry, i) => i === 0 || compareEntries(entries[i - 1] as Entry, entry) < 0);
}

function tableOf(chance: Chance): Uint8Array {
  const files = new TableFiles();
  writeTable(files, entriesFor(chance), {
    blockBytes: chance.pick([40, 128, 1000]),
    compression: chance.oneIn(2) ? loadCodec() : undefined,
    filterBitsPerKey: chance.pick([0, 10]),
  });
  return files.bytes(`${directory}/${file}`);
}

/** A section of a table by its number in the footer. */
function sectionOf(table: Uint8Array, number: number): Uint8Array {
  const at = table.length - 144 + 32 * number;
  const offset = viewOf(table).getFloat64(at, true);
  return table.slice(offset, offset + viewOf(table).getUint32(at + 8, true));
}

const words = (count: number, from = 0): Field[] => Array.from({ length: count }, (_, i) => ({ at: from + 4 * i, kind: 'u32' }));

function entriesIn(block: Block): Entry[] {
  return Array.from({ length: block.entryCount }, (_, i) => ({
    key: block.bytes.slice(block.keyStart(i), block.keyEnd(i)),
    sequence: block.sequence(i),
    value: block.isTombstone(i) ? undefined : block.bytes.slice(block.valueStart(i), block.valueEnd(i)),
  }));
}

const describeAll = (entries: readonly Entry[]): string =>
  entries.map((entry) => `${entry.sequence} ${describeEntry(entry)}`).join('\n');

const blockTarget: Target<Block> = {
  name: 'block',
  file,
  sample(chance) {
    const builder = new BlockBuilder();
    const nothing = new Uint8Array(0);
    for (const { key, sequence, value } of entriesFor(chance)) {
      builder.add(key, 0, key.length, sequence, value === undefined, value ?? nothing, 0, value?.length ?? 0);
    }
    return new Uint8Array(builder.finish());
  },
  fields: (bytes) => [
    ...words(4),
    ...words(Math.min(40, bytes.length >> 2), 16),
    { at: 16, kind: 'f64' },
    { at: 24, kind: 'f64' },
  ],
  decode: (bytes) => Block.decode(bytes, file, 0),
  check(block, bytes) {
    const entries = entriesIn(block);
    for (const { sequence } of entries) must(Number.isSafeInteger(sequence) && sequence >= 0, 'a sequence is a whole number');
    const builder = new BlockBuilder();
    const nothing = new Uint8Array(0);
    for (const { key, sequence, value } of entries) {
      builder.add(key, 0, key.length, sequence, value === undefined, value ?? nothing, 0, value?.length ?? 0);
    }
    const again = Block.decode(new Uint8Array(builder.finish()), file, 0);
    must(describeAll(entriesIn(again)) === describeAll(entries), 'it encodes to the same entries');
    must(
      entries.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0) <= bytes.length,
      'entries are within the block',
    );
    if (entries.length > 4095) return;
    const hashing = block.withLookup();
    for (const { key } of entries) hashing.findHashed(hashKey(key, 0, key.length), key, 0, key.length);
  },
};

const dataBytesMax = 1 << 20;

const indexTarget: Target<TableIndex> = {
  name: 'index',
  file,
  sample: (chance) => sectionOf(tableOf(chance), 1),
  fields(bytes) {
    const count = bytes.length >= 4 ? viewOf(bytes).getUint32(0, true) : 0;
    const first = bytes.length - Math.min(count, 64) * blockHandleBytes;
    const handle = (at: number): Field[] => [
      { at, kind: 'f64' },
      { at: at + 8, kind: 'u32' },
      { at: at + 12, kind: 'u32' },
      { at: at + 16, kind: 'u8' },
      { at: at + 17, kind: 'u8' },
      { at: at + 18, kind: 'u16' },
      { at: at + 20, kind: 'u32' },
      { at: at + 24, kind: 'u32' },
      { at: at + 28, kind: 'u32' },
    ];
    return [...words(8), ...Array.from({ length: Math.min(count, 64) }, (_, i) => handle(first + blockHandleBytes * i)).flat()];
  },
  decode: (bytes) => TableIndex.decode(bytes, file, 0, dataBytesMax),
  check(index) {
    let offset = 0;
    for (let i = 0; i < index.blockCount; i++) {
      const handle = index.handle(i);
      must(handle.offset === offset && handle.storedBytes > 0, 'blocks follow each other');
      must(
        handle.rawBytes === handle.storedBytes || handle.rawBytes <= compressedBlockRawBytesMax,
        'a block has a size that may be allocated',
      );
      offset += handle.storedBytes;
      const keys = index.lastKeys;
      const key = keys.bytes.slice(keys.keyStart(i), keys.keyEnd(i));
      const found = index.find(key, 0, key.length);
      must(found <= i && keys.hasKey(found, key, 0, key.length), 'a last key is found where it is first');
    }
    must(offset === index.dataBytes && offset <= dataBytesMax, 'blocks are within the data');
  },
  largestAllocation: (sizeBytes) => 16 * sizeBytes + 1024,
};

const filterTarget: Target<TableFilter> = {
  name: 'filter',
  file,
  sample(chance) {
    const builder = new FilterBuilder();
    for (let count = chance.below(100); count >= 0; count--) builder.add(chance.below(2 ** 32));
    return builder.finish(chance.pick([0, 1, 10, 14, 40]));
  },
  fields: () => words(4),
  decode: (bytes) => TableFilter.decode(bytes, file, 0),
  check(filter, bytes) {
    must(filter.sizeBytes === bytes.length, 'it is as large as its bytes');
    for (const hash of [0, 1, 2 ** 31, 2 ** 32 - 1]) must(typeof filter.mayContain(hash) === 'boolean', 'it answers');
  },
};

const fileBytes = 10_000;

const footerTarget: Target<TableFooter> = {
  name: 'footer',
  file,
  fileBytes,
  sample(chance) {
    const [a, b] = [chance.below(5000), chance.between(5000, 8000)];
    const section = (offset: number, end: number) => ({ offset, storedBytes: end - offset, checksum: 5n });
    const sections = { filter: section(a, b), index: section(b, 9000), properties: section(9000, fileBytes - 144) };
    return encodeFooter({ ...sections, fileNumber: 7, databaseId: new Uint8Array(16).fill(9) });
  },
  fields: () => [
    ...[0, 32, 64].flatMap((at): Field[] => [{ at, kind: 'f64' }, ...words(4, at + 8), { at: at + 24, kind: 'u64' }]),
    { at: 96, kind: 'f64' },
    ...words(2, 120),
  ],
  seal(bytes) {
    if (bytes.length === 144) sealTable(bytes);
  },
  decode: (bytes) => decodeFooter(bytes.length === 144 ? bytes : new Uint8Array(144), file, fileBytes),
  check(footer, bytes) {
    must(same(encodeFooter(footer), bytes), 'it encodes to the same');
    const { filter, index, properties } = footer;
    must(filter.offset >= 0 && filter.offset + filter.storedBytes === index.offset, 'the index follows the filter');
    must(index.offset + index.storedBytes === properties.offset, 'the properties follow the index');
    must(properties.offset + properties.storedBytes === fileBytes - 144, 'the footer follows the properties');
  },
  largestAllocation: () => 1024,
};

const propertiesTarget: Target<TableProperties> = {
  name: 'properties',
  file,
  sample: (chance) => sectionOf(tableOf(chance), 2),
  fields: () => [...[0, 8, 16, 24, 32].map((at) => ({ at, kind: 'f64' }) as const), ...words(4, 40)],
  decode: (bytes) => decodeProperties(bytes, file, 0),
  check: (properties, bytes) => must(same(encodeProperties(properties), bytes), 'it encodes to the same'),
};

/** What every way of reading a table gives. */
interface WholeTable {
  readonly entries: readonly Entry[];
  readonly problems: number;
}

function readWhole(bytes: Uint8Array): WholeTable {
  const files = new TableFiles();
  files.files.set(`${directory}/${file}`, bytes);
  const context = contextOf(files);
  const { problems } = verifyTable(context, 7);
  const metadata = readTableMetadata(context, 7);
  const entries = scanAll(new TableScanner(context, metadata));
  const reader = new TableReader(context, metadata);
  for (const entry of entries.slice(0, 8)) {
    const found = read(reader, entry.key);
    must(problems.length > 0 || found !== 'absent', 'a point read finds what a scan shows, in a table that verifies');
  }
  reader.close();
  return { entries, problems: problems.length };
}

const tableTarget: Target<WholeTable> = {
  name: 'table',
  file,
  sample: tableOf,
  fields(bytes) {
    const footer = bytes.length - 144;
    const handles = handlesIn(bytes).flatMap((at): Field[] => [
      { at, kind: 'f64' },
      ...words(2, at + 8),
      { at: at + 16, kind: 'u8' },
      ...words(2, at + 20),
    ]);
    return [...footerTarget.fields(bytes).map((field) => ({ ...field, at: footer + field.at })), ...handles, ...words(8)];
  },
  seal: sealTable,
  decode: readWhole,
  check({ entries, problems }, bytes, original) {
    if (original === undefined) return;
    must(same(bytes, original) || problems > 0, 'the verifier finds every change');
    must(describeAll(entries) === describeAll(readWhole(original).entries), 'a scan gives what was written, or an error');
  },
  largestAllocation: (sizeBytes) => Math.max(8 * sizeBytes + 256 * 1024, compressedBlockRawBytesMax),
};

/** All of them. */
export const tableTargets: readonly Target[] = [
  blockTarget,
  indexTarget,
  filterTarget,
  footerTarget,
  propertiesTarget,
  tableTarget,
] as readonly Target[];
