/** Memory of writers and scanners is taken over by the next one, and never by two at a time. */
import { beforeAll, expect, it } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { giveTableMemory, takeTableMemory } from '../../src/sstable/table-memory.js';
import { TableScanner } from '../../src/sstable/table-scanner.js';
import { addEntry, contextOf, type Entry, entryOf, openWriter, scanAll, TableFiles, writeTable } from './table-fixture.js';

beforeAll(initializeChecksum);

const entriesOf = (name: string, count: number): Entry[] =>
  Array.from({ length: count }, (_, i) => entryOf(`${name}${String(i).padStart(6, '0')}`, `${name} ${i} `.repeat(40)));

it('what a writer worked in is the next one’s, unless large values made it grow; two at a time have their own', () => {
  const first = takeTableMemory();
  const second = takeTableMemory();
  expect(second.staging === first.staging || second.blocks === first.blocks).toBe(false);
  giveTableMemory(first);
  expect(takeTableMemory()).toBe(first);
  const value = new Uint8Array(2_000_000);
  first.blocks.add(value, 0, 3, 0, false, value, 0, value.length);
  first.blocks.finish();
  giveTableMemory(first);
  expect(takeTableMemory()).not.toBe(first);
});

it('two tables that are written in turns hold what was given to each, also after one that was given up', () => {
  const files = new TableFiles();
  addEntry(openWriter(files, { fileNumber: 1 }), entryOf('given up', 'x'));
  const [a, b] = [entriesOf('a', 300), entriesOf('b', 300)];
  const writers = [openWriter(files, { fileNumber: 2 }), openWriter(files, { fileNumber: 3 })] as const;
  for (let i = 0; i < 300; i++) {
    addEntry(writers[0], a[i] as Entry);
    addEntry(writers[1], b[i] as Entry);
  }
  const tables = writers.map((writer) => writer.finish());
  const shown = tables.map(({ metadata }) => scanAll(new TableScanner(contextOf(files), metadata)));
  expect(shown).toEqual([a, b]);
});

it('tables larger than a window that are scanned in turns show what is in each, after one that was scanned to its end', () => {
  const files = new TableFiles();
  const contents = ['a', 'b', 'c'].map((name) => entriesOf(name, 2500));
  const tables = contents.map((entries, i) => writeTable(files, entries, { fileNumber: i + 1 }));
  const scanners = tables.map(
    ({ metadata }) =>
      () =>
        new TableScanner(contextOf(files), metadata),
  );
  expect(scanAll((scanners[0] as () => TableScanner)())).toEqual(contents[0]);
  const inTurns = scanners.map((open) => open());
  const keys = inTurns.map((): string[] => []);
  while (inTurns.some(({ valid }) => valid)) {
    for (const [i, scanner] of inTurns.entries()) {
      if (!scanner.valid) continue;
      keys[i]?.push(Buffer.from(scanner.keyBytes.subarray(scanner.keyStart, scanner.keyEnd)).toString());
      scanner.next();
    }
  }
  expect(keys).toEqual(contents.map((entries) => entries.map(({ key }) => Buffer.from(key).toString())));
});
