/**
 * The estimate of the size after a defrag against the size after one, for data of many shapes; each shape is looked at whole and
 * sampled, from memtables and from tables.
 */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { InlineRunner } from '../../src/compaction/inline-runner.js';
import { systemEnvironment } from '../../src/engine/environment.js';
import type { Engine } from '../../src/engine/engine.js';
import { openEngine } from '../../src/engine/open.js';
import { defaultSampleLimits, estimateSizeInUse } from '../../src/engine/size-estimate.js';
import type { SampleLimits } from '../../src/engine/table-sample.js';
import { resolveOptions } from '../../src/options.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { MemoryFileSystem, seededRandom } from '../support/memory-file-system.js';
import { byTier } from '../support/tier.js';
import type { BackendConfig } from '../../src/api.js';

const everythingSampled: SampleLimits = { ...defaultSampleLimits, exactBytes: 0, exactRecords: 0 };
const everythingWhole: SampleLimits = { exactBytes: 1e9, exactRecords: 1e9, compressedBytes: 1e9, work: 0 };
const inMemory = { memtableBytes: 256 * 1024 * 1024 };
const inTables = { memtableBytes: 512 * 1024 };

interface Opened {
  readonly engine: Engine;
  readonly backend: EngineBackend;
}

async function open(config: Partial<BackendConfig>): Promise<Opened> {
  const fileSystem = new MemoryFileSystem();
  const options = resolveOptions({ path: '/db', batchIntervalMs: 3_600_000, batchLimit: 1e9, ...config });
  const environment = {
    ...systemEnvironment,
    fileSystem,
    createRunner: (...[settings, handler]: Parameters<typeof systemEnvironment.createRunner>) =>
      new InlineRunner(fileSystem, settings, handler),
    checkRunner: () => {},
  };
  const engine = await openEngine(options, environment);
  const backend = new EngineBackend(engine);
  onTestFinished(() => backend.close());
  return { engine, backend };
}

const random = seededRandom(1);

/** Bytes that do not compress. */
function noise(bytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  for (let i = 0; i < words.length; i++) words[i] = random() * 2 ** 32;
  return Buffer.from(words.buffer, 0, bytes);
}

/** Bytes that compress about twentyfold, and differ. */
function text(bytes: number): Buffer {
  return Buffer.alloc(bytes, `${Math.floor(random() * 1e6)} of the same words, again and again, `);
}

/** Keys spread evenly, in no order. */
function scattered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 0).toString(16).padStart(16, '0'));
}

function ascending(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i).padStart(16, '0'));
}

/** Puts in sections of a thousand. */
function put(backend: EngineBackend, bucket: string, keys: readonly string[], value: () => Buffer): void {
  for (let from = 0; from < keys.length; from += 1000) {
    backend.update((tx) => {
      tx.unsafeCreateBucket(bucket);
      for (const key of keys.slice(from, from + 1000)) tx.unsafePut(bucket, key, value());
    });
  }
}

function remove(backend: EngineBackend, bucket: string, keys: readonly string[]): void {
  for (let from = 0; from < keys.length; from += 1000) {
    backend.update((tx) => {
      for (const key of keys.slice(from, from + 1000)) tx.unsafeDelete(bucket, key);
    });
  }
}

async function atRest({ engine, backend }: Opened): Promise<void> {
  await backend.forceCommit();
  await engine.background.until(() => engine.background.isIdle);
}

/** Every estimate, each as a multiple of the size that a defrag then leaves. */
async function ratios(opened: Opened): Promise<Record<string, number>> {
  const { engine, backend } = opened;
  await atRest(opened);
  const whole = estimateSizeInUse(engine, everythingWhole);
  const sampled = estimateSizeInUse(engine, everythingSampled);
  const usual = estimateSizeInUse(engine, defaultSampleLimits);
  await backend.defrag();
  const size = engine.sizeBytes();
  return { whole: whole / size, sampled: sampled / size, usual: usual / size };
}

function expectClose({ whole = 0, sampled = 0, usual = 0 }: Record<string, number>): void {
  expect(Math.abs(Math.log(whole)), `looked at whole: ${whole}`).toBeLessThan(Math.log(1.05));
  expect(Math.abs(Math.log(sampled)), `sampled: ${sampled}`).toBeLessThan(Math.log(1.3));
  expect(Math.abs(Math.log(usual)), `as usual: ${usual}`).toBeLessThan(Math.log(1.3));
}

/** What is written, and in what the estimate could go wrong. */
const shapes: Record<string, (backend: EngineBackend) => void> = {
  'new keys only'(backend) {
    put(backend, 'b', scattered(20_000), () => noise(100));
  },
  'nine of ten keys deleted, evenly'(backend) {
    const keys = scattered(30_000);
    put(backend, 'b', keys, () => noise(100));
    remove(
      backend,
      'b',
      keys.filter((_, i) => i % 10 !== 0),
    );
  },
  'all but one stretch of a twentieth deleted'(backend) {
    const keys = ascending(30_000);
    put(backend, 'b', keys, () => noise(100));
    remove(backend, 'b', keys.slice(0, 12_000));
    remove(backend, 'b', keys.slice(13_500));
  },
  'everything overwritten, four times, by values of other sizes'(backend) {
    for (const bytes of [300, 50, 200, 20]) put(backend, 'b', scattered(10_000), () => noise(bytes));
  },
  'two buckets of very different values, half of each deleted'(backend) {
    const small = scattered(20_000);
    const large = scattered(150);
    put(backend, 'small', small, () => noise(10));
    put(backend, 'large', large, () => noise(30_000));
    remove(backend, 'small', small.slice(0, 10_000));
    remove(backend, 'large', large.slice(0, 75));
  },
  'values that compress twentyfold, four of five deleted'(backend) {
    const keys = scattered(20_000);
    put(backend, 'b', keys, () => text(300));
    remove(
      backend,
      'b',
      keys.filter((_, i) => i % 5 !== 0),
    );
  },
  'much text beside few images, half of each deleted'(backend) {
    const texts = ascending(12_000);
    const images = ascending(300);
    put(backend, 'texts', texts, () => text(500));
    put(backend, 'images', images, () => noise(1000));
    remove(
      backend,
      'texts',
      texts.filter((_, i) => i % 2 === 0),
    );
    remove(
      backend,
      'images',
      images.filter((_, i) => i % 2 === 0),
    );
  },
  'text and images in one bucket, the text deleted'(backend) {
    const keys = scattered(4_000);
    const isImage = (_: string, i: number): boolean => i % 20 === 0;
    put(backend, 'b', keys, () => text(1000));
    put(backend, 'b', keys.filter(isImage), () => noise(1000));
    remove(
      backend,
      'b',
      keys.filter((key, i) => !isImage(key, i)),
    );
  },
  'one bucket of four deleted'(backend) {
    for (const bucket of ['a', 'b', 'c', 'd']) put(backend, bucket, scattered(8_000), () => noise(bucket === 'c' ? 400 : 40));
    backend.update((tx) => tx.unsafeDeleteBucket('c'));
  },
  'blobs, many replaced by stubs'(backend) {
    const keys = scattered(100);
    put(backend, 'b', keys, () => noise(100_000));
    put(backend, 'b', keys.slice(0, 70), () => noise(20));
    put(backend, 'b', keys.slice(60, 80), () => noise(100_000));
  },
  'values of several MiB between small ones'(backend) {
    put(backend, 'b', scattered(5_000), () => noise(50));
    put(backend, 'b', ['1', '7', 'c'], () => noise(5_000_000));
    remove(backend, 'b', ['1']);
  },
  'everything deleted'(backend) {
    put(backend, 'b', scattered(3_000), () => noise(100));
    backend.update((tx) => tx.unsafeDeleteBucket('b'));
  },
};

const places = [
  ['memtables', inMemory],
  ['tables that nothing has merged', { ...inTables, compaction: 'write' }],
  ['tables', inTables],
  ['tables without compression', { ...inTables, compression: 'none' }],
] as const;

describe.each(places.slice(0, byTier(1, places.length)))(
  'the estimate comes close to the size after a defrag, from %s',
  (_where, config) => {
    test.each(Object.entries(shapes))('%s', async (_shape, write) => {
      const opened = await open(config);
      write(opened.backend);
      expectClose(await ratios(opened));
    });
  },
);

describe('the estimate', () => {
  test('is the size, when a defrag has just ended', async () => {
    const opened = await open(inTables);
    put(opened.backend, 'b', scattered(50_000), () => noise(60));
    await opened.backend.defrag();
    const size = opened.engine.sizeBytes();
    expect(estimateSizeInUse(opened.engine, everythingWhole) / size).toBeCloseTo(1, 2);
    expect(estimateSizeInUse(opened.engine, everythingSampled) / size).toBeCloseTo(1, 1);
  });

  test('counts no write of an open section', async () => {
    const opened = await open(inMemory);
    put(opened.backend, 'b', scattered(1000), () => noise(100));
    await atRest(opened);
    const before = estimateSizeInUse(opened.engine, everythingSampled);
    const tx = opened.backend.batchTx();
    tx.lock();
    for (const key of scattered(5000)) tx.unsafePut('b', `open ${key}`, noise(100));
    expect(estimateSizeInUse(opened.engine, everythingWhole) / before).toBeCloseTo(1, 1);
    tx.rollback();
    expect(estimateSizeInUse(opened.engine, everythingWhole) / before).toBeCloseTo(1, 1);
  });

  test('is made anew only when something changed', async () => {
    const opened = await open(inTables);
    put(opened.backend, 'b', scattered(20_000), () => noise(60));
    await atRest(opened);
    const reads = vi.spyOn(TableReader.prototype, 'index');
    onTestFinished(() => reads.mockRestore());
    const first = estimateSizeInUse(opened.engine);
    const readsOfFirst = reads.mock.calls.length;
    expect(readsOfFirst).toBeGreaterThan(0);
    expect(estimateSizeInUse(opened.engine)).toBe(first);
    expect(reads.mock.calls.length).toBe(readsOfFirst);
    put(opened.backend, 'b', ['another'], () => noise(60));
    estimateSizeInUse(opened.engine);
    expect(reads.mock.calls.length).toBeGreaterThan(readsOfFirst);
  });

  test('reads no value of several MiB, though it is counted', async () => {
    const opened = await open({ ...inTables, compaction: 'write' });
    put(opened.backend, 'b', ['1', '2', '3'], () => noise(5_000_000));
    put(opened.backend, 'b', ['2'], () => noise(6_000_000));
    await atRest(opened);
    const reads = vi.spyOn(TableReader.prototype, 'block');
    onTestFinished(() => reads.mockRestore());
    const bytes = estimateSizeInUse(opened.engine, everythingSampled);
    for (const { value } of reads.mock.results) expect(value.bytes.length).toBeLessThan(1_000_000);
    expect(bytes / 16_000_000).toBeGreaterThan(0.6);
    expect(bytes / 16_000_000).toBeLessThan(1.6);
  });

  test('reads a bounded number of blocks, however many there are', async () => {
    const opened = await open({ ...inTables, compaction: 'write' });
    put(opened.backend, 'b', scattered(70_000), () => noise(400));
    remove(opened.backend, 'b', scattered(30_000));
    await atRest(opened);
    const reads = vi.spyOn(TableReader.prototype, 'block');
    onTestFinished(() => reads.mockRestore());
    estimateSizeInUse(opened.engine);
    const blocks = opened.engine.parts.versions.runs.flatMap(({ readers }) => readers.map((reader) => reader.index().blockCount));
    expect(blocks.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(1000);
    expect(reads.mock.calls.length).toBeLessThan(1000);
  });

  test('is a few hundred bytes for a database without anything', async () => {
    const { engine } = await open(inMemory);
    const bytes = estimateSizeInUse(engine);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(engine.sizeBytes());
  });
});
