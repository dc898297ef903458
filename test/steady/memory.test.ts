/**
 * C10: memory stays within 4 × memtableBytes + cacheBytes + 192 MiB + the open section + the largest value, however fast somebody
 * writes without awaiting. Measured is what the whole process grew by since the open, at its highest (VmHWM).
 *
 * | tier  | writes                                                                     |
 * | quick | one shape, as much as fits into the time                                   |
 * | deep  | every shape, 2 GB of puts each (VARVE_MINUTES below 2: an eighth of that)  |
 */
import { expect, test } from 'vitest';
import { freshPath } from '../contract/support/harness.js';
import { byTier, report } from '../support/tier.js';
import { runSteady } from './process.js';

const MiB = 1024 * 1024;
/** V8 gives the young objects of each of two threads up to 48 MiB; the rest is code, the worker's buffers, and what the allocator keeps. */
const constantBytes = 192 * MiB;
/** Buffers that a scan gave to its caller, who let them go, and that are not collected yet; of large values some more. */
const garbageBytes = 64 * MiB;
const garbageValues = 16;

interface Shape {
  readonly valueBytes: number;
  readonly memtableBytes: number;
  readonly cacheBytes: number;
  readonly compression?: 'auto' | 'none';
  readonly buckets?: number;
  readonly sectionPuts?: number;
  readonly view?: boolean;
  readonly snapshot?: boolean;
  readonly hook?: boolean;
  /** Share of the bytes that this shape writes: tiny values take long. */
  readonly share?: number;
}

interface Flood {
  readonly putBytes: number;
  readonly entries: number;
  /** Highest resident sizes of the whole process: opened, with its buckets, after the writes, after a scan of everything. */
  readonly began: number;
  readonly withBuckets: number;
  readonly written: number;
  readonly read: number;
  readonly stalls: { readonly count: number; readonly totalMs: number };
  readonly right: boolean;
}

const small = { memtableBytes: 4 * MiB, cacheBytes: MiB };
const usual = { memtableBytes: 32 * MiB, cacheBytes: 64 * MiB };

const shapes: Readonly<Record<string, Shape>> = {
  'values of 4 KiB': { ...small, valueBytes: 4096 },
  'values of 8 bytes': { ...small, valueBytes: 8, share: 0.1 },
  'values of 100 bytes, not compressed': { ...small, valueBytes: 100, compression: 'none', share: 0.25 },
  'values of 100 bytes, usual memtables': { ...usual, valueBytes: 100, share: 0.25 },
  'values of 64 KiB': { ...small, valueBytes: 65_536 },
  'values of 4 MiB': { ...small, valueBytes: 4 * MiB },
  'values of 4 MiB, usual memtables': { ...usual, valueBytes: 4 * MiB },
  'a view held': { ...small, valueBytes: 1000, view: true, share: 0.5 },
  'a snapshot held': { ...small, valueBytes: 1000, snapshot: true, share: 0.5 },
  'a hook': { ...small, valueBytes: 1000, hook: true, share: 0.5 },
  'a thousand buckets': { ...small, valueBytes: 1000, buckets: 1000, share: 0.5 },
};
const chosen = Object.entries(shapes).slice(0, byTier(1, 99));
const wholeBytes = byTier(32 * MiB, Number(process.env.VARVE_MINUTES ?? 2) < 2 ? 250_000_000 : 2_000_000_000);

async function flood(name: string, shape: Shape, putBytes: number): Promise<Flood> {
  const [said] = await runSteady<Flood>('flood.mjs', [freshPath(), JSON.stringify({ ...shape, putBytes })]);
  if (said === undefined) throw new Error('the process said nothing');
  const [began, written, read] = [said.began, said.written, said.read].map((bytes) => Math.round(bytes / MiB));
  const bound = Math.round((4 * shape.memtableBytes + shape.cacheBytes + constantBytes) / MiB);
  report(
    'memory',
    `${name}: ${Math.round(said.putBytes / MiB)} MiB of puts, from ${began} to ${written} MiB, ${read} MiB with a scan, may grow by ${bound} MiB, ` +
      `${said.stalls.count} stalls of ${Math.round(said.stalls.totalMs)} ms`,
  );
  return said;
}

test.each(chosen)(
  'a writer that never awaits stays within the bound: %s',
  async (name, shape) => {
    const { valueBytes, memtableBytes, cacheBytes, share = 1 } = shape;
    const said = await flood(name, shape, wholeBytes * share);
    const boundBytes = 4 * memtableBytes + cacheBytes + constantBytes + 2 * valueBytes;
    expect(said.written - said.began).toBeLessThanOrEqual(boundBytes);
    expect(said.read - said.began).toBeLessThanOrEqual(boundBytes + garbageBytes + garbageValues * valueBytes);
    if (wholeBytes * share > 16 * memtableBytes) expect(said.stalls.count).toBeGreaterThan(0);
    expect(said.right).toBe(true);
  },
  3_600_000,
);

test('an open section counts, and nothing beyond it', async () => {
  const sectionPuts = byTier(20_000, 1_000_000);
  const shape = { ...small, valueBytes: 100, sectionPuts };
  const said = await flood(`a section of ${sectionPuts} puts`, shape, sectionPuts * 113);
  // A record has a header of its own, an entry in the index and one in the order, all of them documented with the section.
  const sectionBytes = sectionPuts * 200;
  expect(said.written - said.began).toBeLessThanOrEqual(
    4 * shape.memtableBytes + shape.cacheBytes + constantBytes + 2 * sectionBytes,
  );
  expect(said.right).toBe(true);
}, 3_600_000);

test('a bucket costs less than two kibibytes', async () => {
  const buckets = byTier(2000, 100_000);
  const said = await flood(`${buckets} buckets`, { ...small, valueBytes: 10, buckets }, buckets * 23);
  report('memory', `${buckets} buckets: ${Math.round((said.withBuckets - said.began) / buckets)} bytes each`);
  expect(said.withBuckets - said.began).toBeLessThanOrEqual(buckets * 2048 + 4 * small.memtableBytes + 32 * MiB);
  expect(said.right).toBe(true);
}, 3_600_000);
