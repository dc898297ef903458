import { beforeAll, describe, expect, it } from 'vitest';
import { checksum64, initializeChecksum } from '../../src/format/checksum.js';
import type { Codec, Effort } from '../../src/format/compression.js';
import { BlockCompressor } from '../../src/sstable/block-compressor.js';
import { RunCursor } from '../../src/sstable/run-cursor.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { TableScanner } from '../../src/sstable/table-scanner.js';
import { verifyTable } from '../../src/sstable/table-verifier.js';
import {
  codeOf,
  contextOf,
  describeEntry,
  entryOf,
  everything,
  read,
  scanAll,
  shown,
  TableFiles,
  writeTable,
} from './table-fixture.js';

beforeAll(initializeChecksum);

/** Stands for a codec: writes the first half of a block, and finds no frame in what it reads. */
const halfCodec: Codec = {
  compress: (source, target) => {
    target.set(source.subarray(0, Math.ceil(source.length / 2)));
    return Math.ceil(source.length / 2);
  },
  decompress: () => false,
  compressBound: (bytes) => bytes,
};

describe('a table of many blocks', () => {
  const entries = Array.from({ length: 12_000 }, (_, i) =>
    entryOf(`key${String(i).padStart(6, '0')}`, i % 9 === 0 ? undefined : `value ${i} `.repeat(4 + (i % 13))),
  );

  it('that is several times the read-ahead is scanned, walked and verified to its last entry', () => {
    const files = new TableFiles();
    const { metadata } = writeTable(files, entries, { blockBytes: 5000 });
    expect(metadata.fileBytes).toBeGreaterThan(1024 * 1024);
    const context = contextOf(files);
    files.readCount = 0;
    expect(scanAll(new TableScanner(context, metadata))).toEqual(entries);
    expect(files.readCount).toBeLessThan(15);
    expect(verifyTable(context, metadata)).toEqual({ entries: entries.length, problems: [] });
    const cursor = new RunCursor([new TableReader(context, metadata)], everything);
    cursor.seek(entries[0]?.key as Uint8Array, 0, 9);
    for (const entry of entries) {
      if (shown(cursor) !== describeEntry(entry)) expect(shown(cursor)).toBe(describeEntry(entry));
      cursor.next();
    }
    expect(cursor.valid).toBe(false);
  });

  it('may have thousands of entries in a block, with sequences', () => {
    const files = new TableFiles();
    const versions = entries.slice(0, 3000).map((entry, i) => ({ ...entry, sequence: i + 1 }));
    const { metadata } = writeTable(files, versions, { blockBytes: 1 << 20 });
    const reader = new TableReader(contextOf(files), metadata);
    expect(reader.index().blockCount).toBe(1);
    expect(scanAll(new TableScanner(contextOf(files), metadata))).toEqual(versions);
    expect(read(reader, versions[2000]?.key as Uint8Array, 2000)).toBe('absent');
    expect(read(reader, versions[2000]?.key as Uint8Array, 2001)).toEqual(versions[2000]?.value);
  });
});

describe('the compressor of blocks', () => {
  it('after 16 blocks without gain tries every 16th, and after a gain every one again', () => {
    let calls = 0;
    let savesBytes = false;
    const codec: Codec = {
      compress: (source) => {
        calls++;
        return savesBytes ? Math.floor(source.length * 0.88) : Math.ceil(source.length * 0.89);
      },
      decompress: () => false,
      compressBound: (bytes) => bytes,
    };
    const compressor = new BlockCompressor(codec);
    const raw = new Uint8Array(1000);
    const offer = (count: number) => {
      calls = 0;
      const stored = Array.from({ length: count }, () => compressor.compress(raw)?.length);
      return [calls, stored.filter((bytes) => bytes !== undefined).length];
    };
    // Two calls more where both efforts are tried: at the first block, and at each after there was no gain.
    expect(offer(16)).toEqual([18, 0]);
    expect(offer(160)).toEqual([30, 0]);
    savesBytes = true;
    expect(offer(20)).toEqual([22, 20]);
  });

  it('codes entropy where that saves an eighth of what matches leave, and looks again every 32 blocks', () => {
    let part: Record<Effort, number> = { matches: 0.5, entropy: 0.44 };
    const codec: Codec = {
      compress: (source, _target, effort) => Math.round(source.length * part[effort]),
      decompress: () => false,
      compressBound: (bytes) => bytes,
    };
    const compressor = new BlockCompressor(codec);
    /** What comes of `count` blocks: each size with the number of blocks in a row that have it. */
    const stored = (count: number): [number | undefined, number][] => {
      const runs: [number | undefined, number][] = [];
      for (let i = 0; i < count; i++) {
        const bytes = compressor.compress(new Uint8Array(1000))?.length;
        const last = runs.at(-1);
        if (last !== undefined && last[0] === bytes) last[1]++;
        else runs.push([bytes, 1]);
      }
      return runs;
    };
    expect(stored(10)).toEqual([[440, 10]]);
    part = { matches: 0.5, entropy: 0.45 };
    expect(stored(32)).toEqual([
      [450, 22],
      [500, 10],
    ]);
    // What matches alone do not make smaller is all there is without entropy coding.
    part = { matches: 1.1, entropy: 0.88 };
    expect(stored(40)).toEqual([
      [undefined, 16],
      [880, 24],
    ]);
    part = { matches: 1.1, entropy: 0.89 };
    expect(stored(32)).toEqual([[undefined, 32]]);
  });

  it('measures entropy coding by the block as it is where matches alone make it larger', () => {
    let part: Record<Effort, number> = { matches: 1.1, entropy: 0.9 };
    const codec: Codec = {
      compress: (source, _target, effort) => Math.round(source.length * part[effort]),
      decompress: () => false,
      compressBound: (bytes) => bytes,
    };
    const compressor = new BlockCompressor(codec);
    // Nine tenths of the block are more than seven eighths of it, so the next one is not coded, though it would be smaller.
    expect(compressor.compress(new Uint8Array(1000))).toBe(undefined);
    part = { matches: 1.1, entropy: 0.8 };
    expect(compressor.compress(new Uint8Array(1000))).toBe(undefined);
  });

  it('does not take a block above the limit, nor any without a codec', () => {
    expect(new BlockCompressor(undefined).compress(new Uint8Array(100))).toBeUndefined();
    expect(new BlockCompressor(halfCodec).compress(new Uint8Array(4 * 1024 * 1024))?.length).toBe(2 * 1024 * 1024);
    expect(new BlockCompressor(halfCodec).compress(new Uint8Array(4 * 1024 * 1024 + 1))).toBeUndefined();
  });
});

describe('a block whose checksum is good', () => {
  it('but whose frame does not decompress to its size is damage, in every way of reading', () => {
    const files = new TableFiles();
    const { metadata } = writeTable(files, [entryOf('a', 'x'.repeat(500))], { compression: halfCodec });
    const context = contextOf(files, 1 << 20, halfCodec);
    const reader = new TableReader(context, metadata);
    const place = reader.index().handle(0);
    expect(place.checksum).toBe(checksum64(files.bytes('db/000007.sst').subarray(0, place.storedBytes)));
    expect(codeOf(() => read(reader, Uint8Array.of(97)))).toBe('VARVE_CORRUPTION');
    expect(codeOf(() => new TableScanner(context, metadata))).toBe('VARVE_CORRUPTION');
    expect(verifyTable(context, metadata).problems[0]?.message).toContain('frame');
  });
});
