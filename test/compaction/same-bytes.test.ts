/**
 * Jobs work on entries in memory that they share with the writer of tables, in batches and in slots. What they write is, byte for byte, what
 * a writer writes that is given the same entries one by one, each from memory of its own.
 */
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { compareKeys } from '../../src/format/bytes.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { loadCodec } from '../../src/format/compression.js';
import { tableFileName } from '../../src/format/file-names.js';
import { blockBytesDefault } from '../../src/limits.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { takeTableMemory } from '../../src/sstable/table-memory.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { TableWriter } from '../../src/sstable/table-writer.js';
import { byTier } from '../support/tier.js';
import { internalKey, nastyKeyArbitrary, put } from '../memtable/memtable-fixture.js';
import { databaseId, directory, everybody, metadataOf, Workshop } from './compaction-fixture.js';

beforeAll(initializeChecksum);

interface Put {
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

const key = fc.tuple(fc.constantFrom(1, 2), nastyKeyArbitrary).map(([bucketId, userKey]) => internalKey(bucketId, userKey));
const valueBytes = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 130 }) },
  { weight: 1, arbitrary: fc.constantFrom(4060, 4080, 4096, 9000, 33_000, 70_000) },
);
const putArbitrary: fc.Arbitrary<Put> = fc.record({
  key,
  value: fc.option(
    fc.tuple(valueBytes, fc.nat(255)).map(([length, byte]) => Buffer.alloc(length, `${byte} ${length} `)),
    { freq: 9, nil: undefined },
  ),
});

const run = fc.oneof(
  fc.array(putArbitrary, { minLength: 1, maxLength: 20 }),
  fc.array(putArbitrary, { minLength: 150, maxLength: 400 }),
);
/** Blocks of few entries, of as many as fit into a slot of a merge, and of more. */
const settings = fc.record({
  blockBytes: fc.constantFrom(120, blockBytesDefault, 3 * blockBytesDefault),
  compress: fc.boolean(),
  targetTableBytes: fc.constant(2 ** 30),
});
/** Everybody sees all, or sequences are kept: then no merge copies blocks, which are cut elsewhere than a writer would. */
const withSequences = { ...everybody, views: [0] };

function flushed(workshop: Workshop, puts: readonly Put[], firstSequence: number, retention = everybody): TableMetadata[] {
  const memtable = new Memtable(firstSequence, 64 * 1024);
  for (const { key, value } of puts) put(memtable, key, value);
  return workshop.flush(memtable, retention);
}

/** The table that a writer makes of the newest put of each key; of puts in the order of time, the first with sequence 1. */
function written(workshop: Workshop, puts: readonly Put[], like: TableMetadata, keepsSequences: boolean): Buffer {
  const newest = new Map(puts.map((entry, i) => [entry.key.toString('latin1'), { ...entry, sequence: i + 1 }]));
  const entries = [...newest.values()].sort((a, b) => compareKeys(a.key, b.key));
  const { fileNumber } = like;
  const name = `${directory}/${tableFileName(fileNumber)}`;
  workshop.files.unlink(name);
  const file = workshop.files.open(name, 'create');
  const { blockBytes, compress } = workshop.settings;
  const compression = compress ? loadCodec() : undefined;
  const writer = new TableWriter(
    file,
    { fileNumber, databaseId, blockBytes, compression, filterBitsPerKey: 10 },
    takeTableMemory(),
  );
  writer.noteSequences(1, puts.length);
  for (const { key, value, sequence } of entries) {
    const bytes = Buffer.from(value ?? '');
    writer.add(Buffer.from(key), 0, key.length, keepsSequences ? sequence : 0, value === undefined, bytes, 0, bytes.length);
  }
  const { metadata } = writer.finish();
  file.close();
  return workshop.bytesOf(metadata);
}

it('a flush writes the bytes that a writer writes', () => {
  fc.assert(
    fc.property(run, settings, (puts, options) => {
      const workshop = new Workshop(options);
      const [table] = flushed(workshop, puts, 1) as [TableMetadata];
      const bytes = workshop.bytesOf(table);
      expect(written(workshop, puts, table, false).equals(bytes)).toBe(true);
    }),
    { numRuns: byTier(40, 1000) },
  );
});

it('a merge of up to eighteen runs, of which sixteen have slots, writes the bytes that a writer writes', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.array(run, { minLength: 1, maxLength: 10 }), fc.array(run, { minLength: 17, maxLength: 18 })),
      settings,
      (runs, options) => {
        const workshop = new Workshop(options);
        let firstSequence = 1;
        const input: TableMetadata[][] = [];
        for (const puts of runs) {
          input.unshift(flushed(workshop, puts, firstSequence, withSequences));
          firstSequence += puts.length;
        }
        const result = workshop.run(workshop.compactionJob([input], withSequences, false));
        const [table] = metadataOf(result)[0] as [TableMetadata];
        const bytes = workshop.bytesOf(table);
        expect(written(workshop, runs.flat(), table, true).equals(bytes)).toBe(true);
      },
    ),
    { numRuns: byTier(40, 1000) },
  );
});
