/** The memory of a job is the next one's, once: a job that failed keeps what it may have left half done. */
import { beforeAll, expect, it } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { giveTableMemory, takeTableMemory } from '../../src/sstable/table-memory.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';
import { Workshop } from './compaction-fixture.js';

beforeAll(initializeChecksum);

const memtableOf = (firstSequence: number): Memtable => {
  const memtable = new Memtable(firstSequence, 64 * 1024);
  for (let i = 100; i < 300; i++) put(memtable, internalKey(1, `key ${i}`), `value of ${i}`);
  return memtable;
};

it('a job that has ended gives its memory to the next one', () => {
  const workshop = new Workshop();
  const memory = takeTableMemory();
  giveTableMemory(memory);
  const runs = [workshop.flush(memtableOf(1000)), workshop.flush(memtableOf(1))];
  workshop.run(workshop.compactionJob([runs]));
  expect(takeTableMemory() === memory).toBe(true);
});

it('a job that fails gives nothing', () => {
  const workshop = new Workshop();
  const memory = takeTableMemory();
  giveTableMemory(memory);
  const run = workshop.flush(memtableOf(1));
  workshop.damage(run.at(-1) as (typeof run)[number], 40);
  expect(workshop.execute(workshop.compactionJob([[run, workshop.flush(memtableOf(1000))]]))).toMatchObject({ ok: false });
  expect(takeTableMemory() === memory).toBe(false);
});

it('a flush between two slices of a compaction has memory of its own', () => {
  const workshop = new Workshop({ targetTableBytes: 2 ** 30, blockBytes: 16 * 1024 });
  const large = (firstSequence: number): Memtable => {
    const memtable = new Memtable(firstSequence, 4 * 1024 * 1024);
    for (let i = 10_000; i < 20_000; i++) put(memtable, internalKey(1, `key ${i}`), Buffer.alloc(200, `${firstSequence}.${i}`));
    return memtable;
  };
  const runs = [workshop.flush(large(100_000)), workshop.flush(large(1))];
  const slices = workshop.executor.run(workshop.compactionJob([runs]));
  let sliceCount = 0;
  for (;;) {
    const slice = slices.next();
    if (slice.done !== true) {
      sliceCount++;
      expect(workshop.execute(workshop.flushJob(memtableOf(200_000)))).toMatchObject({ ok: true });
      continue;
    }
    if (!slice.value.ok) throw new Error(slice.value.message);
    const merged = slice.value.outputs.flat().map(({ metadata }) => metadata);
    expect(workshop.scan(merged)).toEqual(workshop.scan(runs[0] ?? []));
    break;
  }
  expect(sliceCount).toBeGreaterThan(1);
});
