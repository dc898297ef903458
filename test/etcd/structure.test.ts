/**
 * The structure of a bbolt file: every shape that bbolt writes is read, and every rule that it keeps is checked.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byTier, seedOf } from '../support/tier.js';
import { type BoltBucket, type BoltEntry, boltFile, type BoltShape, signMeta } from './bolt-writer.js';
import { contentOf, filePath, readAll, refusalOf } from './support.js';

const bytes = (text: string): Buffer => Buffer.from(text);
const numbered = (count: number, valueBytes: number): BoltEntry[] =>
  Array.from({ length: count }, (_, i) => [bytes(`key${String(i).padStart(6, '0')}`), Buffer.alloc(valueBytes, i % 251)]);
const pageSize = 4096;

async function expectRead(buckets: readonly BoltBucket[], shape: BoltShape): Promise<void> {
  const { content, status } = await readAll(boltFile(buckets, shape));
  expect(JSON.stringify(content)).toBe(JSON.stringify(contentOf(buckets)));
  expect(status.buckets).toBe(buckets.length);
  expect(status.totalKey).toBe(buckets.reduce((sum, [, entries]) => sum + [...entries].length, 0));
}

describe('a file is read', () => {
  const mixed: BoltBucket[] = [
    [bytes('a'), []],
    [bytes('b'), numbered(3, 10)],
    [bytes('key'), numbered(500, 100)],
    [bytes('z'), numbered(1, 0)],
  ];

  test.each([1024, 2048, 4096, 8192, 16_384, 65_536])('with pages of %d bytes, either meta being the newest', async (size) => {
    for (const newestMeta of [0, 1] as const) {
      await expectRead(mixed, { pageSize: size, newestMeta, digest: newestMeta === 0 });
    }
  });

  test.each([1024, 4096, 65_536])('with pages of %d bytes where one meta is damaged', async (size) => {
    for (const damaged of [0, 1]) {
      const file = boltFile(mixed, { pageSize: size, newestMeta: damaged === 0 ? 0 : 1 });
      file.fill(0xa5, damaged * size, (damaged + 1) * size);
      expect((await readAll(file)).content).toEqual(contentOf(mixed));
    }
  });

  test('from the meta with the higher transaction', async () => {
    const file = boltFile(mixed);
    // Page 1 is older, and says that the tree is where none is.
    file.writeBigUInt64LE(3n, pageSize + 32);
    signMeta(file, pageSize);
    expect((await readAll(file)).content).toEqual(contentOf(mixed));
    file.writeBigUInt64LE(47n, pageSize + 64);
    signMeta(file, pageSize);
    expect((await refusalOf(file)).code).toBe('VARVE_CORRUPTION');
  });

  test('without buckets', () => expectRead([], {}));
  test('with free pages, a freelist and room at the end', () =>
    expectRead(mixed, { freePages: 7, freelist: true, slackBytes: 16 * pageSize }));
  test('with branches of several levels', () =>
    expectRead([[bytes('key'), numbered(2000, 3)]], { entriesPerLeaf: 2, childrenPerBranch: 3 }));
  test('with many buckets, their own tree being deep', () =>
    expectRead(
      Array.from({ length: 300 }, (_, i): BoltBucket => [bytes(`bucket${String(i).padStart(5, '0')}`), numbered(i % 4, 5)]),
      { entriesPerLeaf: 3, childrenPerBranch: 2 },
    ));
  test('with values that overflow, and many elements on a page that does', () =>
    expectRead(
      [
        [bytes('a'), [4000, 4096, 5000, 70_000, 1_000_000].map((size, i): BoltEntry => [bytes(`k${i}`), Buffer.alloc(size, i)])],
        [bytes('b'), numbered(3, 40_000)],
      ],
      {},
    ));
  test('with keys and names of the greatest length', () =>
    expectRead(
      [
        [Buffer.alloc(32_768, 'a'), [[Buffer.alloc(32_768, 'k'), bytes('v')]]],
        [
          Buffer.alloc(32_768, 'b'),
          [
            [Buffer.alloc(32_767, 'k'), bytes('v')],
            [Buffer.alloc(32_768, 'k'), bytes('w')],
          ],
        ],
      ],
      {},
    ));

  test('of any content in any shape', async () => {
    const someBytes = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> =>
      fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
    const sortedPairs = <T>(pairs: [Buffer, T][]): [Buffer, T][] => {
      const byKey = new Map(pairs.map((pair) => [pair[0].toString('hex'), pair]));
      return [...byKey.values()].sort(([a], [b]) => a.compare(b));
    };
    const value = fc.oneof(
      someBytes(0, 20),
      someBytes(0, 300),
      fc.integer({ min: 0, max: 9000 }).map((size) => Buffer.alloc(size, size)),
    );
    const entries = fc.array(fc.tuple(someBytes(1, 12), value), { maxLength: 40 }).map(sortedPairs);
    const buckets = fc.array(fc.tuple(someBytes(1, 8), entries), { maxLength: 6 }).map(sortedPairs);
    const shape = fc.record({
      pageSize: fc.constantFrom(1024, 4096, 16_384),
      entriesPerLeaf: fc.integer({ min: 1, max: 20 }),
      childrenPerBranch: fc.integer({ min: 2, max: 8 }),
      inline: fc.boolean(),
      freePages: fc.integer({ min: 0, max: 3 }),
      freelist: fc.boolean(),
      digest: fc.boolean(),
      newestMeta: fc.constantFrom<0 | 1>(0, 1),
    });
    await fc.assert(fc.asyncProperty(buckets, shape, expectRead), {
      seed: seedOf('any content in any shape'),
      numRuns: byTier(30, 3000),
    });
  });
});

describe('the revision', () => {
  const revision = (main: bigint, mark = ''): Buffer => {
    const key = Buffer.concat([Buffer.alloc(17), bytes(mark)]);
    key.writeBigUInt64BE(main, 0);
    key[8] = 0x5f;
    return key;
  };
  const told = async (name: string, keys: Buffer[]): Promise<number> =>
    (await readAll(boltFile([[bytes(name), keys.map((key): BoltEntry => [key, bytes('v')])]]))).status.revision;

  test('is that of the last key of the bucket key, deletions included', async () => {
    expect(await told('key', [revision(3n), revision(9n), revision(12n, 't')])).toBe(12);
    expect(await told('key', [revision(BigInt(Number.MAX_SAFE_INTEGER))])).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('is 0 where there is none', async () => {
    expect(await told('keys', [revision(3n)])).toBe(0);
    expect(await told('key', [])).toBe(0);
    expect(await told('key', [bytes('no revision')])).toBe(0);
    expect(await told('key', [Buffer.alloc(17, 'no underscore')])).toBe(0);
    expect(await told('key', [revision(2n ** 53n)])).toBe(0);
  });
});

/** A file whose pages are known: page 2 to 4 leaves, 5 a branch over them, 6 the root with buckets `inline` and `key`. */
function sample(): Buffer {
  return boltFile(
    [
      [bytes('inline'), numbered(2, 4)],
      [bytes('key'), numbered(9, 200)],
    ],
    { entriesPerLeaf: 3 },
  );
}
const leaf = 3 * pageSize;
const branch = 5 * pageSize;
const root = 6 * pageSize;

type Edit = (file: Buffer) => void;
const u16 =
  (at: number, value: number): Edit =>
  (file) =>
    void file.writeUInt16LE(value, at);
const u32 =
  (at: number, value: number): Edit =>
  (file) =>
    void file.writeUInt32LE(value, at);
const u64 =
  (at: number, value: bigint): Edit =>
  (file) =>
    void file.writeBigUInt64LE(value, at);
const meta =
  (edit: (at: number) => Edit): Edit =>
  (file) => {
    for (const at of [0, pageSize]) {
      edit(at)(file);
      signMeta(file, at);
    }
  };

describe('damage is refused, with the file and the place', () => {
  test('the sample is whole, and its pages are where the edits below take them to be', async () => {
    const file = sample();
    expect(file.length).toBe(7 * pageSize);
    expect([2, 3, 4, 5, 6].map((id) => file.readUInt16LE(id * pageSize + 8))).toEqual([2, 2, 2, 1, 2]);
    expect((await readAll(file)).status.totalKey).toBe(11);
  });

  test.each<[rule: string, edit: Edit, message: RegExp, offset: number]>([
    ['a root that is a meta page', meta((at) => u64(at + 32, 1n)), /the root is page 1/, 16],
    ['a root beyond the high-water mark', meta((at) => u64(at + 32, 7n)), /the root is page 7/, 16],
    ['a root far outside', meta((at) => u64(at + 32, 2n ** 63n)), /the root is page/, 16],
    ['a high-water mark beyond the file', meta((at) => u64(at + 56, 8n)), /cut off/, 7 * pageSize],
    ['a huge high-water mark', meta((at) => u64(at + 56, 2n ** 64n - 1n)), /cut off/, 7 * pageSize],
    ['both checksums', (file) => [0, pageSize].forEach((at) => u64(at + 72, 1n)(file)), /no meta page .* whole/, 16],
    ['the number of a page', u64(leaf, 4n), /says that it is page 4, not 3/, leaf],
    ['a huge number of a page', u64(leaf, 2n ** 64n - 1n), /says that it is page/, leaf],
    ['a page without a kind', u16(leaf + 8, 0), /neither a branch nor a leaf/, leaf + 8],
    ['a page of two kinds', u16(leaf + 8, 3), /neither a branch nor a leaf/, leaf + 8],
    ['a freelist page in a tree', u16(leaf + 8, 0x10), /neither a branch nor a leaf/, leaf + 8],
    ['a leaf taken for a branch', u16(leaf + 8, 1), /key of|begins|lies/, leaf + 16],
    ['more elements than fit', u16(leaf + 10, 0xffff), /65535 elements/, leaf + 10],
    ['one element more', u16(leaf + 10, 4), /it begins at/, leaf + 16],
    ['one element less', u16(leaf + 10, 2), /it begins at/, leaf + 16],
    ['a leaf without elements', u16(leaf + 10, 0), /leaf without keys/, leaf + 10],
    ['a branch without elements', u16(branch + 10, 0), /no children/, branch + 10],
    ['overflow into another page', u32(leaf + 12, 1), /page 4 .* another place/, branch + 16 + 2 * 16],
    ['overflow beyond the last page', u32(root + 12, 1), /pages? 7 .* pages 2 to 6/, root + 12],
    ['overflow without end', u32(leaf + 12, 0xffff_ffff), /pages 2 to 6/, leaf + 12],
    ['flags that nobody knows', u32(leaf + 16, 2), /flags/, leaf + 16],
    ['a bucket within a bucket', u32(leaf + 16, 1), /bucket within a bucket/, leaf + 16],
    ['a key in the root', u32(root + 16, 0), /no bucket/, root + 16],
    ['a key before the data', u32(leaf + 20, 0), /it begins at/, leaf + 16],
    ['a key outside the page', u32(leaf + 20, pageSize), /it begins at/, leaf + 16],
    ['a key at the end of the world', u32(leaf + 20, 0xffff_ffff), /it begins at/, leaf + 16],
    ['an empty key', u32(leaf + 24, 0), /key of 0 bytes/, leaf + 16],
    ['a key that is too long', u32(leaf + 24, 32_769), /key of 32769 bytes/, leaf + 16],
    ['a huge key', u32(leaf + 24, 0xffff_ffff), /key of 4294967295 bytes/, leaf + 16],
    ['a value outside the page', u32(leaf + 2 * 16 + 28, pageSize), /the page ends at/, leaf + 2 * 16 + 16],
    ['a value of 2 GiB', u32(leaf + 28, 0x8000_0000), /value of 2147483648 bytes/, leaf + 16],
    ['values that overlap', u32(leaf + 28, 201), /it begins at/, leaf + 32],
    ['a child that is a meta page', u64(branch + 24, 0n), /page 0 is named/, branch + 16],
    ['a child outside', u64(branch + 24, 7n), /page 7 is named/, branch + 16],
    ['a child far outside', u64(branch + 24, 2n ** 64n - 1n), /pages 2 to 6/, branch + 16],
    ['a child twice', u64(branch + 16 + 16 + 8, 2n), /page 2 .* another place/, branch + 32],
    ['a circle', u64(branch + 24, 5n), /page 5 .* another place/, branch + 16],
    ['a circle by way of the root', u64(branch + 24, 6n), /page 6 .* another place/, branch + 16],
  ])('%s', async (_rule, edit, message, offset) => {
    const file = sample();
    edit(file);
    const error = await refusalOf(file);
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', file: filePath, offset });
  });

  const inlineValue = (file: Buffer): number => {
    const at = root + 16;
    return at + file.readUInt32LE(at + 4) + file.readUInt32LE(at + 8);
  };
  const keyValue = (file: Buffer): number => {
    const at = root + 32;
    return at + file.readUInt32LE(at + 4) + file.readUInt32LE(at + 8);
  };

  test.each<[rule: string, edit: Edit, message: RegExp]>([
    ['an inline bucket that is a branch', (file) => u16(inlineValue(file) + 16 + 8, 1)(file), /is a branch/],
    ['an inline bucket with fewer elements', (file) => u16(inlineValue(file) + 16 + 10, 0)(file), /ends after 16/],
    ['an inline bucket with more elements', (file) => u16(inlineValue(file) + 16 + 10, 900)(file), /900 elements/],
    ['an inline bucket with a shorter value', (file) => u32(inlineValue(file) + 32 + 16 + 12, 3)(file), /ends after/],
    ['an inline bucket with a longer value', (file) => u32(inlineValue(file) + 32 + 16 + 12, 5)(file), /the page ends at/],
    ['a bucket with both', (file) => u64(inlineValue(file), 4n)(file), /both/],
    ['a bucket with neither', (file) => u64(keyValue(file), 0n)(file), /no page at all/],
    ['a bucket whose page is another’s', (file) => u64(keyValue(file), 6n)(file), /another place/],
    ['a bucket whose page is no page', (file) => u64(keyValue(file), 1n)(file), /pages 2 to 6/],
  ])('%s', async (_rule, edit, message) => {
    const file = sample();
    edit(file);
    const error = await refusalOf(file);
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', file: filePath });
    expect(error.offset).toBeGreaterThanOrEqual(root);
  });

  test('keys that do not ascend: within a leaf, from leaf to leaf, against the branch above, and among buckets', async () => {
    const keyAt = (file: Buffer, page: number, index: number, isLeaf: boolean): number => {
      const at = page + 16 + index * 16;
      return at + file.readUInt32LE(at + (isLeaf ? 4 : 0));
    };
    const edits: [Edit, number][] = [
      [(file) => file.write('key000009', keyAt(file, leaf, 0, true)), leaf + 32],
      [(file) => file.write('key000004', keyAt(file, leaf, 2, true)), leaf + 48],
      [(file) => file.write('key000002', keyAt(file, leaf, 0, true)), leaf + 16],
      [(file) => file.write('key000002', keyAt(file, branch, 1, false)), branch + 32],
      [(file) => file.write('key000004', keyAt(file, branch, 1, false)), leaf + 16],
      [(file) => file.write('zzzzzz', keyAt(file, root, 0, true)), root + 32],
    ];
    for (const [edit, offset] of edits) {
      const file = sample();
      edit(file);
      const error = await refusalOf(file);
      expect(error.message).toContain('keys do not ascend');
      expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', offset });
    }
  });

  test('a tree that is too deep: each page a branch with one child', async () => {
    const count = 200;
    const pages = Array.from({ length: count }, (_, i) => {
      const page = Buffer.alloc(pageSize);
      page.writeBigUInt64LE(BigInt(2 + i), 0);
      page.writeUInt16LE(1, 8);
      page.writeUInt16LE(1, 10);
      page.writeUInt32LE(16, 16);
      page.writeUInt32LE(1, 20);
      page.writeBigUInt64LE(BigInt(3 + i), 24);
      page.write('a', 32);
      return page;
    });
    const file = Buffer.concat([boltFile([]).subarray(0, 2 * pageSize), ...pages]);
    meta((at) => u64(at + 32, 2n))(file);
    meta((at) => u64(at + 56, BigInt(2 + count)))(file);
    expect((await refusalOf(file)).message).toMatch(/deeper than 64/);
  });

  test('a value above 1 GiB, which bbolt may hold and we do not, is VARVE_LIMIT', async () => {
    const file = sample();
    meta((at) => u64(at + 56, 300_000n))(file);
    u32(root + 12, 299_990)(file);
    u32(root + 32 + 12, 0x4000_0001)(file);
    // The end of the file is a hole: nothing of it is read.
    const long = { sizeBytes: () => 300_000 * pageSize };
    const { diskWith } = await import('./support.js');
    const disk = diskWith(file);
    const openFile = disk.open.bind(disk);
    disk.open = (path, mode) => Object.assign(openFile(path, mode), long);
    await expect(readAll(disk)).rejects.toMatchObject({ code: 'VARVE_LIMIT' });
  });
});

describe('files that are whole, but not for us', () => {
  test.each<[rule: string, edit: Edit, code: string, message: RegExp]>([
    [
      'of big-endian machines',
      (file) => [0, pageSize].forEach((at) => file.writeUInt32BE(0xed0cdaed, at + 16)),
      'VARVE_UNSUPPORTED_VERSION',
      /big-endian/,
    ],
    ['of another version', meta((at) => u32(at + 20, 3)), 'VARVE_UNSUPPORTED_VERSION', /version/],
    ['with pages of 512 bytes', meta((at) => u32(at + 24, 512)), 'VARVE_UNSUPPORTED_VERSION', /power of two/],
    ['with pages of no bytes', meta((at) => u32(at + 24, 0)), 'VARVE_UNSUPPORTED_VERSION', /power of two/],
    ['with pages of 5000 bytes', meta((at) => u32(at + 24, 5000)), 'VARVE_UNSUPPORTED_VERSION', /power of two/],
    [
      'without a magic number',
      (file) => [0, pageSize].forEach((at) => u32(at + 16, 7)(file)),
      'VARVE_INVALID_ARGUMENT',
      /no bbolt file/,
    ],
  ])('%s', async (_rule, edit, code, message) => {
    const file = sample();
    edit(file);
    const error = await refusalOf(file);
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code, file: filePath });
  });
});
