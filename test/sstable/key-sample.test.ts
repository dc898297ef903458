/** The sample of a table's keys: which keys it has, in which order, and for how long it is there. */
import { beforeAll, describe, expect, it } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { hashKey } from '../../src/format/key-hash.js';
import { countBelow, type KeySample, KeySampleBuilder, sampledHashEnd } from '../../src/sstable/key-sample.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { TableScanner } from '../../src/sstable/table-scanner.js';
import { bytesOf, compareEntries, contextOf, type Entry, openWriter, TableFiles, writeTable } from './table-fixture.js';

beforeAll(initializeChecksum);

const keyCount = 6000;
/** Keys of three buckets, every tenth with two versions. */
const entries: Entry[] = Array.from({ length: keyCount }, (_, i) => {
  const key = bytesOf(`${String.fromCharCode(1 + (i % 3))}key ${i}`);
  const value = bytesOf('v'.repeat(i % 97));
  const old = bytesOf('older and longer than any of the newest'.repeat(9));
  return i % 10 === 0
    ? [
        { key, sequence: 9, value },
        { key, sequence: 4, value: old },
      ]
    : [{ key, sequence: 0, value }];
})
  .flat()
  .sort(compareEntries);

/** What the sample has to be, from the entries alone. */
function expected(): [hash: number, bucketId: number][] {
  const byHash = new Map<number, number>();
  for (const { key } of entries) {
    const hash = hashKey(key, 0, key.length);
    if (hash < sampledHashEnd) byHash.set(hash, key[0] as number);
  }
  return [...byHash].sort(([a], [b]) => a - b);
}

const pairsOf = ({ hashes, bucketIds }: KeySample): [number, number][] =>
  [...hashes].map((hash, i) => [hash, bucketIds[i] as number]);

describe('the sample of a table', () => {
  it('has each key once whose hash is below the bound, about one of 256, by hash, with its bucket', () => {
    const { sample } = writeTable(new TableFiles(), entries);
    expect(pairsOf(sample)).toEqual(expected());
    expect(sample.hashes.length).toBeGreaterThan(keyCount / 256 / 2);
    expect(sample.hashes.length).toBeLessThan((keyCount / 256) * 2);
    expect(new Set(sample.bucketIds).size).toBe(3);
  });

  it('has the bytes of each key with its newest value', () => {
    const { sample } = writeTable(new TableFiles(), entries);
    const bytesByHash = new Map<number, number>();
    for (const { key, value } of entries) {
      const hash = hashKey(key, 0, key.length);
      if (!bytesByHash.has(hash)) bytesByHash.set(hash, key.length + (value?.length ?? 0));
    }
    expect([...sample.entryBytes]).toEqual([...sample.hashes].map((hash) => bytesByHash.get(hash)));
    expect(new Set(sample.entryBytes).size).toBeGreaterThan(10);
  });

  it('has the keys of blocks that were copied, too', () => {
    const files = new TableFiles();
    const { metadata, sample } = writeTable(files, entries, { fileNumber: 1 });
    const copy = openWriter(files, { fileNumber: 2 });
    const scanner = new TableScanner(contextOf(files), metadata);
    for (; scanner.valid; scanner.skipBlock()) {
      expect(copy.addStoredBlock(scanner.blockStored, scanner.blockHandle, scanner.block)).toBe(true);
    }
    expect(copy.finish().sample).toEqual(sample);
  });

  it('stays with the reader that got it from the writer; one that opens the file has none', () => {
    const files = new TableFiles();
    const table = writeTable(files, entries);
    expect(new TableReader(contextOf(files), table.metadata, table).keySample).toBe(table.sample);
    expect(new TableReader(contextOf(files), table.metadata).keySample).toBeUndefined();
  });

  it('owns its memory, so that a copy for another thread is as small as it is', () => {
    const { hashes, bucketIds, entryBytes } = writeTable(new TableFiles(), entries).sample;
    for (const array of [hashes, bucketIds, entryBytes]) expect(array.buffer.byteLength).toBe(array.byteLength);
  });
});

describe('a thinner sample', () => {
  it('is the head of a sample', () => {
    const builder = new KeySampleBuilder();
    for (const hash of [7, 3, 9, 3, 1]) builder.add(hash, hash, 100 + hash);
    const sample = builder.finish();
    expect([...sample.hashes]).toEqual([1, 3, 3, 7, 9]);
    expect([...sample.entryBytes]).toEqual([101, 103, 103, 107, 109]);
    expect([0, 1, 2, 3, 4, 9, 10, sampledHashEnd].map((end) => countBelow(sample, end))).toEqual([0, 0, 1, 1, 3, 4, 5, 5]);
  });

  it('is empty where nothing was added', () => {
    expect(countBelow(new KeySampleBuilder().finish(), sampledHashEnd)).toBe(0);
  });
});
