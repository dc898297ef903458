import { beforeAll, describe, expect, it } from 'vitest';
import { checksum64, initializeChecksum } from '../../src/format/checksum.js';
import { loadCodec } from '../../src/format/compression.js';
import { footerBytes } from '../../src/sstable/table-footer.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { TableScanner } from '../../src/sstable/table-scanner.js';
import { verifyTable } from '../../src/sstable/table-verifier.js';
import { byTier } from '../support/tier.js';
import { codeOf, contextOf, type Entry, entryOf, read, scanAll, TableFiles, writeTable } from './table-fixture.js';

beforeAll(initializeChecksum);

const path = 'db/000007.sst';
const entries: Entry[] = [
  ...Array.from({ length: 12 }, (_, i) =>
    entryOf(`key${String(i).padStart(2, '0')}`, i % 5 === 4 ? undefined : `value ${i}`.repeat(6)),
  ),
  entryOf('key20', 'newer', 9),
  entryOf('key20', 'older', 4),
];

function small(options: { compressed?: boolean; filterBitsPerKey?: number } = {}) {
  const files = new TableFiles();
  const compression = options.compressed === true ? loadCodec() : undefined;
  const table = writeTable(files, entries, { blockBytes: 150, compression, filterBitsPerKey: options.filterBitsPerKey ?? 10 });
  return { files, metadata: table.metadata, bytes: new Uint8Array(files.bytes(path)) };
}

/** Reads everything in every way; the codes of all errors, and asserts that what is returned is right. */
function readAll(files: TableFiles, metadata: ReturnType<typeof small>['metadata']): Set<string | undefined> {
  const reader = new TableReader(contextOf(files), metadata);
  const codes = new Set<string | undefined>();
  for (const entry of entries.slice(0, -1)) {
    codes.add(codeOf(() => expect(read(reader, entry.key)).toEqual(entry.value ?? 'tombstone')));
  }
  codes.add(codeOf(() => expect(scanAll(new TableScanner(contextOf(files), metadata))).toEqual(entries)));
  return codes;
}

/** Changes the footer and gives it a good checksum again. */
function withFooter(bytes: Uint8Array, change: (footer: DataView) => void): Uint8Array {
  const changed = new Uint8Array(bytes);
  const footer = changed.subarray(changed.length - footerBytes);
  const view = new DataView(changed.buffer, footer.byteOffset, footerBytes);
  change(view);
  view.setBigUint64(128, checksum64(footer.subarray(0, 128)), true);
  return changed;
}

/** Changes a section (0 filter, 1 index, 2 properties) and gives section and footer good checksums again. */
function withSection(bytes: Uint8Array, section: number, change: (section: DataView) => void): Uint8Array {
  return withFooter(bytes, (footer) => {
    const offset = footer.getFloat64(32 * section, true);
    const length = footer.getUint32(32 * section + 8, true);
    change(new DataView(footer.buffer, offset, length));
    footer.setBigUint64(32 * section + 24, checksum64(new Uint8Array(footer.buffer, offset, length)), true);
  });
}

describe('damage of a table', () => {
  for (const compressed of [false, true]) {
    it(`in any one byte is found by the verifier, and never changes an answer (${compressed ? 'compressed' : 'raw'})`, () => {
      const { files, metadata, bytes } = small({ compressed });
      expect([...readAll(files, metadata)]).toEqual([undefined]);
      for (let at = 0; at < bytes.length; at++) {
        for (const change of byTier([1 << (at % 8)], [1, 0x80, 0xff])) {
          const damaged = new Uint8Array(bytes);
          damaged[at] = (damaged[at] as number) ^ change;
          files.files.set(path, damaged);
          for (const code of readAll(files, metadata)) expect([undefined, 'VARVE_CORRUPTION']).toContain(code);
          expect(verifyTable(contextOf(files), metadata).problems.length, `byte ${at}`).toBeGreaterThan(0);
        }
      }
    });
  }

  it('by truncation to any length, or by bytes at its end, is refused', () => {
    const { files, metadata, bytes } = small();
    const lengths = Array.from({ length: bytes.length }, (_, length) => bytes.slice(0, length));
    for (const damaged of [...lengths, Uint8Array.of(...bytes, 0), Uint8Array.of(...bytes, ...bytes)]) {
      files.files.set(path, damaged);
      expect(readAll(files, metadata)).toEqual(new Set(['VARVE_CORRUPTION']));
      expect(verifyTable(contextOf(files), metadata).problems.length).toBeGreaterThan(0);
    }
  });

  it('names the file, and the offset of the block', () => {
    const { files, metadata, bytes } = small();
    bytes[20] = (bytes[20] as number) ^ 1;
    files.files.set(path, bytes);
    expect(() => scanAll(new TableScanner(contextOf(files), metadata))).toThrow(
      expect.objectContaining({ code: 'VARVE_CORRUPTION', file: '000007.sst', offset: 0 }),
    );
  });

  it('in one block does not hide the others from the verifier', () => {
    const { files, metadata, bytes } = small();
    const index = new TableReader(contextOf(files), metadata).index();
    for (const number of [0, 2]) bytes[index.handle(number).offset] = 0xee;
    files.files.set(path, bytes);
    const { entries: count, problems } = verifyTable(contextOf(files), metadata);
    expect(problems.map((problem) => problem.offset)).toEqual([index.handle(0).offset, index.handle(2).offset]);
    expect(count).toBe(entries.length - index.handle(0).entryCount - index.handle(2).entryCount);
  });

  it('a missing file is damage that names it, also for the verifier', () => {
    const { files, metadata } = small();
    files.files.delete(path);
    expect(readAll(files, metadata)).toEqual(new Set(['VARVE_CORRUPTION']));
    expect(verifyTable(contextOf(files), metadata).problems[0]?.message).toContain('000007.sst');
  });
});

describe('a table', () => {
  it('of another database or file number is refused', () => {
    const { files, metadata } = small();
    const other = { ...contextOf(files), databaseId: new Uint8Array(16) };
    expect(codeOf(() => new TableReader(other, metadata).load())).toBe('VARVE_CORRUPTION');
    files.files.set('db/000008.sst', files.bytes(path));
    expect(codeOf(() => new TableReader(contextOf(files), { ...metadata, fileNumber: 8 }).load())).toBe('VARVE_CORRUPTION');
  });

  it('that is not the one the manifest describes is refused', () => {
    const { files, metadata } = small();
    for (const change of [
      { entryCount: 3 },
      { maxSequence: 99 },
      { smallestKey: Uint8Array.of(1) },
      { hasSequences: false },
      { fileBytes: 1 },
    ]) {
      expect(codeOf(() => new TableReader(contextOf(files), { ...metadata, ...change }).load())).toBe('VARVE_CORRUPTION');
    }
  });

  it('of an unknown version is not called damaged', () => {
    const { files, metadata, bytes } = small();
    files.files.set(
      path,
      withFooter(bytes, (footer) => footer.setUint32(120, 2, true)),
    );
    expect(readAll(files, metadata)).toEqual(new Set(['VARVE_UNSUPPORTED_VERSION']));
  });

  it('that needs a codec which is not there says so', () => {
    if (loadCodec() === undefined) return;
    const { files, metadata } = small({ compressed: true });
    const context = { ...contextOf(files), codec: undefined };
    const key = (entries[0] as Entry).key;
    expect(codeOf(() => read(new TableReader(context, metadata), key))).toBe('VARVE_UNSUPPORTED_VERSION');
    expect(() => read(new TableReader(context, metadata), key)).toThrow('zstd');
  });
});

describe('parts that contradict each other under good checksums are refused:', () => {
  /** Where the handles of the blocks stand in the index section. */
  const handlesAt = (section: DataView): number[] => {
    const count = section.getUint32(0, true);
    return Array.from({ length: count }, (_, i) => section.byteLength - 40 * (count - i));
  };

  it('an index that counts other tombstones than the properties', () => {
    const { files, metadata, bytes } = small();
    const changed = withSection(bytes, 1, (section) => {
      const at = handlesAt(section).find((handle) => section.getUint32(handle + 24, true) > 0) ?? 0;
      section.setUint32(at + 24, 0, true);
      section.setUint8(at + 17, section.getUint8(at + 17) & ~1);
    });
    files.files.set(path, changed);
    expect(codeOf(() => new TableReader(contextOf(files), metadata).load())).toBe('VARVE_CORRUPTION');
  });

  it('blocks with other entries than the index says, though their sum is right', () => {
    const { files, metadata, bytes } = small();
    const changed = withSection(bytes, 1, (section) => {
      const [first = 0, second = 0] = handlesAt(section);
      section.setUint32(first + 20, section.getUint32(first + 20, true) - 1, true);
      section.setUint32(second + 20, section.getUint32(second + 20, true) + 1, true);
    });
    files.files.set(path, changed);
    const reader = new TableReader(contextOf(files), metadata);
    reader.load();
    expect(codeOf(() => read(reader, (entries[0] as Entry).key))).toBe('VARVE_CORRUPTION');
    expect(codeOf(() => scanAll(new TableScanner(contextOf(files), metadata)))).toBe('VARVE_CORRUPTION');
  });

  it('bytes between the last block and the filter, which no checksum covers', () => {
    const { files, metadata, bytes } = small();
    const filter = new DataView(bytes.buffer, bytes.length - footerBytes).getFloat64(0, true);
    const longer = new Uint8Array(Buffer.concat([bytes.subarray(0, filter), new Uint8Array(8), bytes.subarray(filter)]));
    const changed = withFooter(longer, (footer) => {
      for (const at of [0, 32, 64]) footer.setFloat64(at, footer.getFloat64(at, true) + 8, true);
    });
    files.files.set(path, changed);
    const shifted = { ...metadata, fileBytes: metadata.fileBytes + 8 };
    expect(codeOf(() => new TableReader(contextOf(files), shifted).load())).toBe('VARVE_CORRUPTION');
  });
});

describe('hostile lengths under good checksums are refused:', () => {
  const hostile = [0, 1, 7, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

  it('every field of the footer', () => {
    const { files, metadata, bytes } = small();
    for (let at = 0; at < 128; at += 4) {
      for (const value of hostile) {
        files.files.set(
          path,
          withFooter(bytes, (footer) => footer.setUint32(at, value, true)),
        );
        for (const code of readAll(files, metadata))
          expect(['VARVE_CORRUPTION', 'VARVE_UNSUPPORTED_VERSION', undefined]).toContain(code);
      }
    }
  });

  for (const [section, name] of ['the filter', 'the index', 'the properties'].entries()) {
    it(`every word of ${name}`, () => {
      const { files, metadata, bytes } = small();
      const view = new DataView(bytes.buffer, bytes.length - footerBytes, footerBytes);
      const words = Math.floor(view.getUint32(32 * section + 8, true) / 4);
      for (let word = 0; word < words; word++) {
        for (const value of hostile) {
          files.files.set(
            path,
            withSection(bytes, section, (part) => part.setUint32(4 * word, value, true)),
          );
          const reader = new TableReader(contextOf(files), metadata);
          for (const entry of entries) {
            expect([undefined, 'VARVE_CORRUPTION']).toContain(codeOf(() => read(reader, entry.key)));
          }
          expect([undefined, 'VARVE_CORRUPTION']).toContain(codeOf(() => scanAll(new TableScanner(contextOf(files), metadata))));
          expect(codeOf(() => verifyTable(contextOf(files), metadata))).toBeUndefined();
        }
      }
    });
  }
});

describe('the verifier', () => {
  it('finds a filter that does not know a key, though every checksum is good', () => {
    const { files, metadata, bytes } = small();
    files.files.set(
      path,
      withSection(bytes, 0, (filter) => {
        for (let at = 16; at < filter.byteLength; at++) filter.setUint8(at, 0);
      }),
    );
    expect(
      verifyTable(contextOf(files), metadata)
        .problems.map((problem) => problem.message)
        .join(),
    ).toContain('filter');
  });

  it('finds properties that are not those of the entries, though every checksum is good', () => {
    const { files, metadata, bytes } = small();
    // Raw bytes is the one number that neither index nor structure contradicts.
    files.files.set(
      path,
      withSection(bytes, 2, (properties) => properties.setFloat64(32, 1, true)),
    );
    const { problems } = verifyTable(contextOf(files), metadata.fileNumber);
    expect(problems.map((problem) => problem.message).join()).toContain('rawBytes');
  });

  it('finds a last key that is not the one in the index, though every checksum is good', () => {
    const { files, metadata, bytes } = small();
    const changed = withSection(bytes, 1, (section) => {
      const lastByte = 16 + 8 * section.getUint32(0, true) + section.getUint32(16, true) - 1;
      section.setUint8(lastByte, section.getUint8(lastByte) - 1);
    });
    files.files.set(path, changed);
    expect(
      verifyTable(contextOf(files), metadata)
        .problems.map((problem) => problem.message)
        .join(),
    ).toContain('last key');
  });

  it('finds keys in the wrong order, though every checksum is good', () => {
    const { files, metadata, bytes } = small({ filterBitsPerKey: 0 });
    const index = new TableReader(contextOf(files), metadata).index();
    const place = index.handle(0);
    const firstKeyByte = 16 + 8 * place.entryCount + 4;
    const changed = withSection(bytes, 1, (section) => {
      new Uint8Array(section.buffer)[firstKeyByte] = 0x7a;
      const checksum = checksum64(new Uint8Array(section.buffer, place.offset, place.storedBytes));
      for (let at = 0; at + 8 <= section.byteLength; at++) {
        if (section.getBigUint64(at, true) === place.checksum) section.setBigUint64(at, checksum, true);
      }
    });
    files.files.set(path, changed);
    expect(
      verifyTable(contextOf(files), metadata)
        .problems.map((problem) => problem.message)
        .join(),
    ).toContain('out of order');
  });
});
