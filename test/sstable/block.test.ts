import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../src/format/bytes.js';
import { hashKey } from '../../src/format/key-hash.js';
import { Block } from '../../src/sstable/block.js';
import { BlockBuilder } from '../../src/sstable/block-builder.js';
import { FilterBuilder, TableFilter } from '../../src/sstable/table-filter.js';
import { entriesArbitrary, keyArbitrary } from './entry-arbitrary.js';
import { codeOf, type Entry, entryOf } from './table-fixture.js';

function build(builder: BlockBuilder, entries: readonly Entry[]): Uint8Array {
  for (const { key, sequence, value } of entries) {
    const bytes = value ?? new Uint8Array(0);
    builder.add(key, 0, key.length, sequence, value === undefined, bytes, 0, bytes.length);
  }
  const announced = builder.sizeBytes;
  const bytes = builder.finish();
  expect(bytes.length).toBe(announced);
  return new Uint8Array(bytes);
}

const sameLengthKeyArbitrary = fc
  .array(fc.constantFrom(0, 1, 97, 98, 255), { minLength: 3, maxLength: 3 })
  .map((bytes) => Uint8Array.from(bytes));
/** Of keys of any lengths, and of keys that are all as long. */
const anyEntriesArbitrary = fc.oneof(entriesArbitrary(true), entriesArbitrary(true, sameLengthKeyArbitrary));

describe('a block', () => {
  it('finds the first entry of a key, or where it would be', () => {
    const builder = new BlockBuilder();
    fc.assert(
      fc.property(anyEntriesArbitrary, fc.array(keyArbitrary, { maxLength: 30 }), (entries, probes) => {
        const block = Block.decode(build(builder, entries), 'f', 0);
        for (const target of [...probes, ...entries.map((entry) => entry.key)]) {
          const first = entries.findIndex((entry) => compareKeys(entry.key, target) >= 0);
          const place = first < 0 ? entries.length : first;
          const isThere = first >= 0 && compareKeys((entries[first] as Entry).key, target) === 0;
          expect(block.find(target, 0, target.length)).toBe(isThere ? place : ~place);
        }
      }),
    );
  });

  it('finds by hash what it finds by search, and with a lookup it is the same block', () => {
    const builder = new BlockBuilder();
    fc.assert(
      fc.property(anyEntriesArbitrary, fc.array(keyArbitrary, { maxLength: 30 }), (entries, probes) => {
        const block = Block.decode(build(builder, entries), 'f', 0);
        const hashing = block.withLookup();
        for (const target of [...probes, ...entries.map((entry) => entry.key)]) {
          const searched = block.find(target, 0, target.length);
          const hashed = hashing.findHashed(hashKey(target, 0, target.length), target, 0, target.length);
          expect(hashed).toBe(Math.max(searched, -1));
        }
        expect(Buffer.compare(hashing.bytes, block.bytes)).toBe(0);
        expect(hashing.sizeBytes).toBe(block.sizeBytes);
        entries.forEach(({ sequence }, i) => expect(hashing.sequence(i)).toBe(sequence));
      }),
    );
  });

  it('is worth a lookup at the fourth search, but not where the entries are too many for its slots', () => {
    for (const count of [1, 4095, 4096]) {
      const entries = Array.from({ length: count }, (_, i) => entryOf(String(i).padStart(5, '0'), 'v', 0));
      const block = Block.decode(build(new BlockBuilder(), entries), 'f', 0);
      expect(block.sizeBytes > block.bytes.length).toBe(count <= 4095);
      expect([1, 2, 3, 4, 5].map(() => block.countSearch())).toEqual([false, false, false, count <= 4095, false]);
      expect(block.hasLookup).toBe(false);
      if (count > 4095) continue;
      const hashing = block.withLookup();
      expect(hashing.hasLookup).toBe(true);
      entries.forEach(({ key }, i) => expect(hashing.findHashed(hashKey(key, 0, key.length), key, 0, key.length)).toBe(i));
    }
  });

  it('refuses every change of its header and ends that breaks its structure, without reading out of bounds', () => {
    const bytes = build(new BlockBuilder(), [entryOf('a', 'one', 3), entryOf('b', undefined, 2), entryOf('bc', 'three', 1)]);
    const structureBytes = 16 + 3 * 16;
    for (let at = 0; at < structureBytes; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const changed = new Uint8Array(bytes);
        changed[at] = value;
        const code = codeOf(() => {
          const block = Block.decode(changed, 'f', 0);
          for (let i = 0; i < block.entryCount; i++) {
            expect(block.keyEnd(i)).toBeLessThanOrEqual(changed.length);
            expect(block.valueEnd(i)).toBeLessThanOrEqual(changed.length);
            expect(block.keyStart(i)).toBeLessThanOrEqual(block.keyEnd(i));
            expect(block.valueStart(i)).toBeLessThanOrEqual(block.valueEnd(i));
          }
        });
        expect([undefined, 'VARVE_CORRUPTION']).toContain(code);
      }
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => Block.decode(bytes.slice(0, length), 'f', 0))).toBe('VARVE_CORRUPTION');
    }
  });

  it('with counts of 2^32 - 1 is refused before anything is allocated', () => {
    const bytes = new Uint8Array(64);
    new Uint32Array(bytes.buffer).fill(0xffff_ffff, 0, 1);
    expect(codeOf(() => Block.decode(bytes, 'f', 0))).toBe('VARVE_CORRUPTION');
  });

  it('stores sequences only where one is not 0', () => {
    const builder = new BlockBuilder();
    expect(Block.decode(build(builder, [entryOf('a', 'x')]), 'f', 0).sequences).toBeUndefined();
    expect([...(Block.decode(build(builder, [entryOf('a', 'x', 9), entryOf('b', 'y')]), 'f', 0).sequences ?? [])]).toEqual([
      9, 0,
    ]);
  });
});

describe('a filter', () => {
  const hashOf = (text: string) => hashKey(Buffer.from(text), 0, text.length);

  it('lets every key pass that was added', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 300 }),
        fc.integer({ min: 0, max: 20 }),
        (hashes, bits) => {
          const builder = new FilterBuilder();
          for (const hash of hashes) builder.add(hash);
          const filter = TableFilter.decode(builder.finish(bits), 'f', 0);
          expect(hashes.every((hash) => filter.mayContain(hash))).toBe(true);
        },
      ),
    );
  });

  it('at 10 bits a key lets fewer than 2 % of other keys pass', () => {
    const builder = new FilterBuilder();
    for (let i = 0; i < 50_000; i++) builder.add(hashOf(`key${i}`));
    const filter = TableFilter.decode(builder.finish(10), 'f', 0);
    let passed = 0;
    for (let i = 0; i < 50_000; i++) if (filter.mayContain(hashOf(`other${i}`))) passed++;
    expect(passed).toBeLessThan(1000);
    expect(filter.sizeBytes).toBeLessThan(50_000 * 1.3);
  });

  it('refuses sizes and counts that do not belong together', () => {
    const builder = new FilterBuilder();
    for (let i = 0; i < 100; i++) builder.add(hashOf(`key${i}`));
    const bytes = builder.finish(10);
    for (const [word, value] of [
      [0, 2],
      [1, 0],
      [1, 17],
      [2, 1],
      [2, 0xffff_ffff],
    ] as const) {
      const changed = new Uint8Array(bytes);
      new Uint32Array(changed.buffer)[word] = value;
      expect(codeOf(() => TableFilter.decode(changed, 'f', 0))).toBe('VARVE_CORRUPTION');
    }
    for (const length of [0, 8, 16, bytes.length - 4, bytes.length - 1]) {
      expect(codeOf(() => TableFilter.decode(bytes.slice(0, length), 'f', 0))).toBe('VARVE_CORRUPTION');
    }
  });
});
