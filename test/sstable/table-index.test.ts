import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../src/format/bytes.js';
import { BlockBuilder } from '../../src/sstable/block-builder.js';
import { blockHandleBytes, writeBlockHandle } from '../../src/sstable/block-handle.js';
import { TableIndex } from '../../src/sstable/table-index.js';
import { codeOf } from './table-fixture.js';

interface Fields {
  readonly storedBytes: number;
  readonly rawBytes: number;
  readonly codec: number;
  readonly entryCount: number;
  readonly tombstoneCount: number;
}
const sound: Fields = { storedBytes: 100, rawBytes: 100, codec: 0, entryCount: 2, tombstoneCount: 0 };

function indexOf(keys: readonly Uint8Array[], fieldsOf: (block: number) => Fields = () => sound, offsetError = 0): Uint8Array {
  const builder = new BlockBuilder();
  let offset = offsetError;
  keys.forEach((key, block) => {
    const handle = new Uint8Array(blockHandleBytes);
    const fields = fieldsOf(block);
    writeBlockHandle({ ...fields, offset, hasSequences: false, checksum: 1n }, new DataView(handle.buffer), 0);
    builder.add(key, 0, key.length, 0, false, handle, 0, blockHandleBytes);
    offset += fields.storedBytes;
  });
  return new Uint8Array(builder.finish());
}
const decode = (bytes: Uint8Array, dataBytesMax = 2 ** 40) => TableIndex.decode(bytes, 'f', 0, dataBytesMax);

const keyKinds = [
  fc.uint8Array({ minLength: 1, maxLength: 12 }),
  fc.uint8Array({ minLength: 0, maxLength: 10 }).map((tail) => Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, ...tail)),
  fc.array(fc.constantFrom(0, 1), { minLength: 1, maxLength: 12 }).map((bytes) => Uint8Array.from(bytes)),
  fc.integer({ min: 0, max: 400 }).map((n) => Buffer.from(`bucket/${String(n).padStart(8, '0')}`)),
];

describe('the index', () => {
  it('finds the first block whose last key is at or after the target', () => {
    for (const key of keyKinds) {
      fc.assert(
        fc.property(fc.array(key, { minLength: 1, maxLength: 200 }), fc.array(key, { maxLength: 40 }), (keys, probes) => {
          const sorted = keys.map((bytes) => new Uint8Array(bytes)).sort(compareKeys);
          const index = decode(indexOf(sorted));
          const shorter = sorted.slice(0, 20).map((bytes) => bytes.subarray(0, bytes.length - 1));
          for (const target of [...probes, ...sorted, ...shorter, new Uint8Array(0)]) {
            const expected = sorted.findIndex((last) => compareKeys(last, target) >= 0);
            expect(index.find(target, 0, target.length)).toBe(expected < 0 ? sorted.length : expected);
          }
        }),
        { numRuns: 60 },
      );
    }
  });

  it('adds up what its handles say', () => {
    const index = decode(indexOf([Uint8Array.of(1), Uint8Array.of(2)], (n) => ({ ...sound, tombstoneCount: n })));
    expect(index).toMatchObject({ blockCount: 2, dataBytes: 200, entryCount: 4, tombstoneCount: 1, hasSequences: false });
    expect(index.handle(1)).toMatchObject({ offset: 100, storedBytes: 100, tombstoneCount: 1, checksum: 1n });
  });

  it('refuses handles that a file cannot mean, before anything is allocated for them', () => {
    const key = [Uint8Array.of(1)];
    const broken: Partial<Fields>[] = [
      { storedBytes: 0, rawBytes: 0 },
      { rawBytes: 101 },
      { rawBytes: 0xffff_ffff, codec: 1 },
      { rawBytes: 4 * 1024 * 1024 + 1, codec: 1 },
      { codec: 2 },
      { entryCount: 0 },
      { entryCount: 0xffff_ffff },
      { tombstoneCount: 3 },
      { storedBytes: 0xffff_ffff, rawBytes: 0xffff_ffff },
    ];
    for (const fields of broken)
      expect(codeOf(() => decode(indexOf(key, () => ({ ...sound, ...fields }))))).toBe('VARVE_CORRUPTION');
    expect(codeOf(() => decode(indexOf(key), 99))).toBe('VARVE_CORRUPTION');
    expect(codeOf(() => decode(indexOf(key, () => sound, 8)))).toBe('VARVE_CORRUPTION');
    expect(codeOf(() => decode(indexOf([Uint8Array.of(2), Uint8Array.of(1)])))).toBe('VARVE_CORRUPTION');
    expect(codeOf(() => decode(indexOf(key), 100))).toBeUndefined();
  });
});
