import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { BlockCache, type CacheItem } from '../../src/sstable/block-cache.js';
import { OpenTables } from '../../src/sstable/open-tables.js';
import { RunCursor } from '../../src/sstable/run-cursor.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import type { FinishedTable } from '../../src/sstable/table-writer.js';
import { bytesOf, codeOf, contextOf, directory, entryOf, everything, read, TableFiles, writeTable } from './table-fixture.js';

beforeAll(initializeChecksum);

const entries = Array.from({ length: 400 }, (_, i) => entryOf(`key${String(i).padStart(4, '0')}`, `value ${i}`.repeat(4)));

class Slots {
  readonly items: (CacheItem | undefined)[] = [];
  readonly used = new Set<number>();
  forget(slot: number): void {
    expect(this.items[slot]).toBeDefined();
    this.items[slot] = undefined;
  }
  takeUsed(slot: number): boolean {
    return this.used.delete(slot);
  }
  fill(cache: BlockCache, slot: number, bytes: number, isUsed: boolean): void {
    const item = cache.admit(this, slot, bytes);
    this.items[slot] = item;
    if (item !== undefined && isUsed) this.used.add(slot);
  }
}

describe('the cache', () => {
  it('never holds more than its budget, and its sum is that of the slots', () => {
    const operation = fc.record({ slot: fc.nat(9), bytes: fc.nat(3000), use: fc.boolean(), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), fc.integer({ min: 0, max: 8000 }), (operations, budget) => {
        const cache = new BlockCache(budget);
        const slots = new Slots();
        for (const { slot, bytes, use, remove } of operations) {
          const known = slots.items[slot];
          if (known === undefined) slots.fill(cache, slot, bytes, use);
          else if (remove) {
            cache.remove(known);
            slots.items[slot] = undefined;
          } else slots.used.add(slot);
          expect(cache.bytes).toBeLessThanOrEqual(budget);
          expect(cache.bytes).toBe(slots.items.reduce((sum, item) => sum + (item?.sizeBytes ?? 0), 0));
        }
      }),
    );
  });

  it('keeps rows and slots within one budget, however small, and is empty when all are gone', () => {
    const operation = fc.record({
      kind: fc.constantFrom('add', 'add', 'add', 'find', 'fill', 'fill', 'remove', 'miss'),
      place: fc.nat(9),
      bytes: fc.constantFrom(0, 100, 3000, 30_000),
      times: fc.nat(40),
    });
    const budgets = fc.constantFrom(0, 10_000, 20_000, 90_000, 200_000, 600_000, 3_000_000);
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 100 }), budgets, (operations, budget) => {
        const cache = new BlockCache(budget);
        const { rows } = cache;
        const slots = new Slots();
        const found = { bytes: Buffer.alloc(0), start: 0, end: 0 };
        for (const { kind, place, bytes, times } of operations) {
          const known = slots.items[place];
          const value = { bytes: Buffer.alloc(bytes, place), start: 0, end: bytes };
          for (let i = 0; i < times; i++) {
            const key = Buffer.from(`${place} ${i} ${bytes}`);
            if (kind === 'add') rows.add(key, key.length, place * 1000 + i, 1, value);
            if (kind === 'add' || (kind === 'find' && rows.find(key, key.length, place * 1000 + i, 1, found) > 0)) cache.hits++;
          }
          if (kind === 'fill' && known === undefined) slots.fill(cache, place, bytes, times % 2 === 0);
          else if (kind === 'miss') cache.missed(bytes);
          else if (kind === 'remove' && known !== undefined) {
            cache.remove(known);
            slots.items[place] = undefined;
          }
          expect(cache.bytes).toBeLessThanOrEqual(budget);
          expect(cache.bytes).toBeGreaterThanOrEqual(slots.items.reduce((sum, item) => sum + (item?.sizeBytes ?? 0), 0));
        }
        rows.clear();
        expect(cache.bytes).toBe(slots.items.reduce((sum, item) => sum + (item?.sizeBytes ?? 0), 0));
      }),
    );
  });

  it('keeps what is used and lets go what a scan brought', () => {
    const cache = new BlockCache(10_000);
    const slots = new Slots();
    slots.fill(cache, 0, 1000, true);
    for (let slot = 1; slot < 100; slot++) {
      slots.fill(cache, slot, 1000, false);
      slots.used.add(0);
    }
    expect(slots.items[0]).toBeDefined();
    expect(slots.items[1]).toBeUndefined();
  });

  it('counts what rows take, makes room for their share alone, and takes back what is more', () => {
    const cache = new BlockCache(100_000);
    const slots = new Slots();
    expect(cache.takeForRows(60_000)).toBe(true);
    expect(cache.bytes).toBe(60_000);
    expect(cache.takeForRows(60_000)).toBe(false);
    cache.returnFromRows(60_000);
    expect(cache.bytes).toBe(0);
    for (let slot = 0; slot < 9; slot++) slots.fill(cache, slot, 10_000, false);
    slots.fill(cache, 9, 4500, false);
    const before = cache.bytes;
    expect(cache.takeForRows(20_000)).toBe(false);
    expect(cache.bytes).toBe(before);
    expect(cache.takeForRows(3000)).toBe(true);
    expect(slots.items[0]).toBeUndefined();
    expect(cache.bytes).toBeLessThanOrEqual(100_000);
  });

  it('does not keep an item above the whole budget, and evicts nothing for it', () => {
    const cache = new BlockCache(5000);
    const slots = new Slots();
    slots.fill(cache, 0, 1000, false);
    expect(cache.admit(slots, 1, 5000)).toBeUndefined();
    expect(slots.items[0]).toBeDefined();
  });
});

describe('a reader with a small cache', () => {
  it('answers right with every budget, none included', () => {
    for (const cacheBytes of [0, 700, 3000, 20_000]) {
      const files = new TableFiles();
      const context = contextOf(files, cacheBytes);
      const reader = new TableReader(context, writeTable(files, entries).metadata);
      for (const entry of entries) {
        expect(read(reader, entry.key)).toEqual(entry.value);
        expect(context.cache.bytes).toBeLessThanOrEqual(cacheBytes);
      }
    }
  });

  it('reads nothing twice where there is room, and counts it', () => {
    const files = new TableFiles();
    const context = contextOf(files);
    const table = writeTable(files, entries);
    const reader = new TableReader(context, table.metadata, table);
    expect(files.readCount).toBe(0);
    for (const entry of entries) read(reader, entry.key);
    const blockCount = reader.index().blockCount;
    expect(files.readCount).toBe(blockCount);
    for (const entry of entries) read(reader, entry.key);
    expect(files.readCount).toBe(blockCount);
    expect(context.cache.misses).toBe(blockCount);
    expect(context.cache.hits).toBe(2 * entries.length - blockCount);
  });

  it('keeps the blocks that point reads use while a scan goes through all of them', () => {
    const files = new TableFiles();
    const context = contextOf(files, 20_000);
    const reader = new TableReader(context, writeTable(files, entries).metadata);
    const { blockCount } = reader.index();
    const used = bytesOf('key0200');
    read(reader, used);
    for (let number = 0; number < blockCount; number++) {
      reader.block(number, false);
      const readBefore = files.readCount;
      expect(read(reader, used)).toBeDefined();
      expect(files.readCount, `after block ${number} of ${blockCount}`).toBe(readBefore);
    }
    expect(context.cache.misses).toBeGreaterThan(blockCount);
  });

  it('gives memory and descriptor back on close, and reads no more', () => {
    const files = new TableFiles();
    const { metadata } = writeTable(files, entries);
    const context = contextOf(files);
    const openBefore = files.openCount;
    const reader = new TableReader(context, metadata);
    reader.load();
    read(reader, bytesOf('key0001'));
    expect(context.cache.bytes).toBeGreaterThan(0);
    reader.close();
    reader.close();
    expect(context.cache.bytes).toBe(0);
    expect(files.openCount).toBe(openBefore);
    expect(codeOf(() => read(reader, bytesOf('key0001')))).toBe('VARVE_ASSERTION');
  });

  it('keeps the block under a cursor readable when the cache evicts it', () => {
    const files = new TableFiles();
    const context = contextOf(files, 3000);
    const reader = new TableReader(context, writeTable(files, entries).metadata);
    const cursor = new RunCursor([reader], everything);
    cursor.seek(bytesOf('key0100'), 0, 7);
    const before = Buffer.from(cursor.valueBytes.subarray(cursor.valueStart, cursor.valueEnd)).toString();
    for (const entry of entries) read(reader, entry.key);
    expect(Buffer.from(cursor.valueBytes.subarray(cursor.valueStart, cursor.valueEnd)).toString()).toBe(before);
    cursor.next();
    expect(Buffer.from(cursor.keyBytes.subarray(cursor.keyStart, cursor.keyEnd)).toString()).toBe('key0101');
  });

  it('passes a failed read on and can try again', () => {
    const files = new TableFiles();
    const reader = new TableReader(contextOf(files), writeTable(files, entries).metadata);
    for (let failing = 0; failing < 5; failing++) {
      files.readCount = 0;
      files.readFailsAt = failing;
      expect([undefined, 'VARVE_IO']).toContain(codeOf(() => read(reader, bytesOf('key0200'))));
    }
    files.readFailsAt = -1;
    expect(read(reader, bytesOf('key0200'))).toEqual(entries[200]?.value);
  });
});

describe('the open tables', () => {
  it('are at most so many, and the one used longest ago is closed first', () => {
    const files = new TableFiles();
    for (let n = 1; n <= 4; n++) files.files.set(`${directory}/00000${n}.sst`, new Uint8Array(n));
    const tables = new OpenTables(files, directory, 2);
    const first = tables.handle(1);
    tables.handle(2);
    expect(tables.handle(1)).toBe(first);
    tables.handle(3);
    expect(files.openCount).toBe(2);
    expect(tables.handle(1)).toBe(first);
    tables.closeAll();
    expect(files.openCount).toBe(0);
  });

  it('name a missing file and call it damage', () => {
    const tables = new OpenTables(new TableFiles(), directory);
    expect(codeOf(() => tables.handle(12))).toBe('VARVE_CORRUPTION');
    expect(() => tables.handle(12)).toThrow('000012.sst');
  });
});

describe('what the writer of a table hands over', () => {
  const keyOf = (i: number) => bytesOf(`key${String(i).padStart(4, '0')}`);

  it('is decoded when somebody reads, and until then counts as what it is', () => {
    const files = new TableFiles();
    const table = writeTable(files, entries, { blockBytes: 512 });
    const context = contextOf(files);
    const reader = new TableReader(context, table.metadata, table);
    const handedOver = table.index.length + table.filter.length;
    expect(context.cache.bytes).toBeGreaterThanOrEqual(handedOver);
    expect(context.cache.bytes).toBeLessThanOrEqual(handedOver + 1024);
    files.readCount = 0;
    expect(read(reader, keyOf(17))).toEqual(bytesOf('value 17'.repeat(4)));
    // The block alone comes from the file; of the sections nothing counts twice.
    expect(files.readCount).toBe(1);
    expect(context.cache.misses).toBe(1);
    const again = contextOf(files);
    const other = new TableReader(again, table.metadata);
    read(other, keyOf(17));
    expect(context.cache.bytes).toBe(again.cache.bytes);
    reader.close();
    other.close();
    expect([context.cache.bytes, again.cache.bytes]).toEqual([0, 0]);
  });

  it('goes where others need the room, and is read from the file then', () => {
    const files = new TableFiles();
    const tables = [1, 2, 3].map(() => writeTable(files, entries, { blockBytes: 512 }));
    const [first] = tables as [FinishedTable, ...FinishedTable[]];
    const context = contextOf(files, 2 * (first.index.length + first.filter.length));
    const readers = tables.map((table) => new TableReader(context, table.metadata, table));
    expect(context.cache.bytes).toBeLessThanOrEqual(2 * (first.index.length + first.filter.length));
    for (const reader of readers) expect(read(reader, keyOf(399))).toEqual(bytesOf('value 399'.repeat(4)));
    for (const reader of readers) reader.close();
    expect(context.cache.bytes).toBe(0);
  });

  it('may lie anywhere in its buffer', () => {
    const files = new TableFiles();
    const table = writeTable(files, entries, { blockBytes: 512 });
    const moved = (bytes: Uint8Array): Uint8Array => Uint8Array.of(0, 0, 0, ...bytes).subarray(3);
    const preloaded = { index: moved(table.index), filter: moved(table.filter) };
    const reader = new TableReader(contextOf(files), table.metadata, preloaded);
    expect(read(reader, keyOf(17))).toEqual(bytesOf('value 17'.repeat(4)));
    reader.close();
  });

  it('that is no index fails the read that asks for it, and no other: the file has a sound one', () => {
    const files = new TableFiles();
    const table = writeTable(files, entries, { blockBytes: 512 });
    const reader = new TableReader(contextOf(files), table.metadata, { ...table, index: new Uint8Array(7) });
    expect(codeOf(() => read(reader, keyOf(17)))).toBe('VARVE_CORRUPTION');
    expect(read(reader, keyOf(17))).toEqual(bytesOf('value 17'.repeat(4)));
    reader.close();
  });
});
