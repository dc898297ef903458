import { beforeAll, describe, expect, it } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { Workshop } from '../compaction/compaction-fixture.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';

beforeAll(initializeChecksum);

/*
 * The merge let others go first only after an entry that it took. Where all blocks were copied as they are, it never did: a flush
 * waited for the end of the compaction, and a cancelled compaction ran on.
 */
describe('003: a merge of copied blocks yields', () => {
  it('a compaction that does nothing but copy blocks lets others go first after each megabyte that it read', () => {
    const shop = new Workshop({ blockBytes: 16 * 1024, targetTableBytes: 64 * 1024 * 1024 });
    const runOf = (firstSequence: number, prefix: string): TableMetadata[] => {
      const memtable = new Memtable(firstSequence, 1 << 22);
      for (let i = 0; i < 2500; i++) put(memtable, internalKey(1, prefix + String(i).padStart(6, '0')), '.'.repeat(1000));
      return shop.flush(memtable);
    };
    const result = shop.run(shop.compactionJob([[runOf(10_000, 'b'), runOf(1, 'a')]]));
    expect(result.counts).toMatchObject({ entriesWritten: 5000, blocksCopied: 294 });
    expect(shop.slices.length).toBe(4);
    for (const [i, bytes] of shop.slices.entries()) expect(bytes - (shop.slices[i - 1] ?? 0)).toBeLessThan(1.1 * 1024 * 1024);
  });
});
