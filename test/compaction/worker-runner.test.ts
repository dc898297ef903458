import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CompactionJob, FlushJob, Job, JobResult, JobSettings, JobSuccess } from '../../src/compaction/job.js';
import { systemClock } from '../../src/env/clock.js';
import { nodeFileSystem } from '../../src/env/node-file-system.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { loadCodec } from '../../src/format/compression.js';
import { pointValue } from '../../src/format/entry-cursor.js';
import { tableFileName } from '../../src/format/file-names.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { sampledHashEnd } from '../../src/sstable/key-sample.js';
import { OpenTables } from '../../src/sstable/open-tables.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import type { FinishedTable } from '../../src/sstable/table-writer.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { verifyTable } from '../../src/sstable/table-verifier.js';
import { hashOf, internalKey, put } from '../memtable/memtable-fixture.js';
import { databaseId, everybody, metadataOf } from './compaction-fixture.js';

beforeAll(initializeChecksum);

/** A worker cannot be started from a .ts file, so the runner is that of the built package. */
const built = new URL('../../dist/compaction/worker-runner.js', import.meta.url).href;
const { WorkerRunner } = (await import(/* @vite-ignore */ built)) as typeof import('../../src/compaction/worker-runner.js');

let directory = '';
let runner: InstanceType<typeof WorkerRunner>;
let results: JobResult[] = [];
let progress: number[] = [];
let gone: number[] = [];
let arrived: (() => void) | undefined;
let nextNumber = 1;
let stopWatching: () => void = () => {};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-worker-'));
  results = [];
  progress = [];
  gone = [];
  arrived = undefined;
  nextNumber = 1;
  const handler = {
    onResult: (result: JobResult) => {
      results.push(result);
      arrived?.();
    },
    onProgress: (_id: number, bytesRead: number) => {
      progress.push(bytesRead);
      arrived?.();
    },
    onWorkerGone: (jobs: readonly Job[]) => {
      gone.push(...jobs.map(({ id }) => id));
      arrived?.();
    },
  };
  runner = new WorkerRunner(settings(), handler, systemClock);
});

afterEach(async () => {
  stopWatching();
  await runner.close();
  rmSync(directory, { recursive: true });
});

function settings(): JobSettings {
  return {
    directory,
    databaseId,
    compress: false,
    blockBytes: 16_384,
    targetTableBytes: 1 << 20,
    unsafeNoFsync: true,
    flushReserveBytes: 0,
    compactionReserveBytes: 0,
  };
}

function jobBase() {
  const first = nextNumber;
  nextNumber += 100;
  return { id: first, retention: everybody, fileNumbers: { first, end: nextNumber }, filterBitsPerKey: 10 };
}

function flushJob(count = 100, firstSequence = 1, valueBytes = 10): FlushJob {
  const memtable = new Memtable(firstSequence, 1 << 22);
  for (let i = 0; i < count; i++) put(memtable, internalKey(1, String(i).padStart(6, '0')), '.'.repeat(valueBytes));
  return { ...jobBase(), kind: 'flush', records: memtable.freeze() };
}

function compactionJob(runs: readonly TableMetadata[][]): CompactionJob {
  return { ...jobBase(), kind: 'compaction', merges: [runs], dropTombstones: true };
}

/** The result of a job, which comes by the event loop. */
async function resultOf(job: Job): Promise<JobResult> {
  for (;;) {
    const result = results.find(({ id }) => id === job.id);
    if (result !== undefined) return result;
    runner.setKeepsProcessAlive(true);
    await new Promise<void>((resolve) => {
      arrived = resolve;
    });
    runner.setKeepsProcessAlive(false);
  }
}

async function succeeds(job: Job): Promise<JobSuccess> {
  runner.submit(job);
  const result = await resultOf(job);
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result;
}

/** Two runs whose keys lie between each other, of some slices of a merge. */
async function twoLargeRuns(): Promise<TableMetadata[][]> {
  const older = metadataOf(await succeeds(flushJob(4000, 1, 1000))).flat();
  const newer = metadataOf(await succeeds(flushJob(4000, 20_000, 1000))).flat();
  return [newer, older];
}

/** The worker threads that were started since. */
function watchThreads(): () => readonly Worker[] {
  const seen: Worker[] = [];
  const onWorker = (worker: Worker): void => {
    seen.push(worker);
  };
  process.on('worker', onWorker);
  stopWatching = () => process.off('worker', onWorker);
  return () => seen;
}

function expectSound(tables: readonly TableMetadata[]): void {
  const openTables = new OpenTables(nodeFileSystem, directory);
  const context = { fileSystem: nodeFileSystem, directory, databaseId, codec: loadCodec(), openTables };
  for (const table of tables) expect(verifyTable(context, table)).toEqual({ entries: table.entryCount, problems: [] });
  openTables.closeAll();
}

describe('a job in a worker', () => {
  it('comes back with its tables, their indexes, filters and samples, written by another thread', async () => {
    const threads = watchThreads();
    const result = await succeeds(flushJob(3000));
    const [tables] = metadataOf(result) as [TableMetadata[]];
    expect(result.counts).toMatchObject({ entriesRead: 3000, entriesWritten: 3000 });
    expect(tables.length).toBeGreaterThan(0);
    expectSound(tables);
    const openTables = new OpenTables(nodeFileSystem, directory);
    const context = {
      fileSystem: nodeFileSystem,
      directory,
      databaseId,
      codec: loadCodec(),
      openTables,
      cache: new BlockCache(1 << 20),
    };
    const [finished] = result.outputs.flat() as [FinishedTable];
    const reader = new TableReader(context, finished.metadata, finished);
    const key = internalKey(1, '000042');
    const found = { bytes: key, start: 0, end: 0 };
    expect(reader.get(key, 0, key.length, hashOf(key), Number.MAX_SAFE_INTEGER, found)).toBe(pointValue);
    const hashes = Array.from({ length: 3000 }, (_, i) => hashOf(internalKey(1, String(i).padStart(6, '0'))));
    const sampled = hashes.filter((hash) => hash < sampledHashEnd).sort((a, b) => a - b);
    expect(reader.keySample).toEqual({
      hashes: Uint32Array.from(sampled),
      bucketIds: new Uint32Array(sampled.length).fill(1),
      entryBytes: reader.keySample?.entryBytes,
    });
    expect(sampled.length).toBeGreaterThan(2);
    reader.close();
    openTables.closeAll();
    expect(threads().length).toBe(1);
  });

  it('comes back to a thread that waits without its event loop', () => {
    const job = flushJob();
    runner.submit(job);
    while (!runner.waitForResult(1000)) continue;
    expect(results).toMatchObject([{ id: job.id, ok: true }]);
    expect(runner.waitForResult(0)).toBe(false);
  });

  it('that compacts tells how far it is, and lets a flush that comes later go first', async () => {
    const runs = await twoLargeRuns();
    const compaction = compactionJob(runs);
    const flush = flushJob(10, 100_000);
    runner.submit(compaction);
    runner.submit(flush);
    const result = await resultOf(compaction);
    expect(results.slice(-2).map(({ id }) => id)).toEqual([flush.id, compaction.id]);
    expect(progress.length).toBeGreaterThan(2);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expectSound(metadataOf(result as JobSuccess).flat());
  });

  it('that is cancelled ends with VARVE_ABORTED and leaves no file', async () => {
    const runs = await twoLargeRuns();
    const before = readdirSync(directory);
    const job = compactionJob(runs);
    runner.submit(job);
    runner.cancel(job.id);
    expect(await resultOf(job)).toMatchObject({ ok: false, code: 'VARVE_ABORTED' });
    expect(readdirSync(directory)).toEqual(before);
  });

  it('that fails says why, leaves no file, and leaves the worker alive for the next one', async () => {
    const threads = watchThreads();
    const [table] = (metadataOf(await succeeds(flushJob(3000))) as [TableMetadata[]])[0];
    const name = tableFileName((table as TableMetadata).fileNumber);
    const bytes = readFileSync(join(directory, name));
    bytes[100] = (bytes[100] as number) ^ 1;
    writeFileSync(join(directory, name), bytes);
    const before = readdirSync(directory);
    const job = compactionJob([[table as TableMetadata]]);
    runner.submit(job);
    expect(await resultOf(job)).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION', file: name });
    expect(readdirSync(directory)).toEqual(before);
    await succeeds(flushJob(10, 9000));
    expect(threads().length).toBe(1);
  });
});

describe('a worker that is lost', () => {
  it('fails all its jobs, each once, and the next job gets a new worker', async () => {
    const threads = watchThreads();
    const runs = await twoLargeRuns();
    const lost = [compactionJob(runs), flushJob(10, 50_000), compactionJob(runs)];
    const [worker] = threads();
    // Nothing of what is submitted after this is run: the thread is stopped before it looks at its messages.
    const stopped = worker?.terminate();
    for (const job of lost) runner.submit(job);
    for (const job of lost) expect(await resultOf(job)).toMatchObject({ ok: false, code: 'VARVE_IO' });
    await stopped;
    expectSound(metadataOf(await succeeds(compactionJob(runs))).flat());
    expect(threads().length).toBe(2);
    // Nothing is told again where the next worker is lost.
    await threads()[1]?.terminate();
    expect(results.map(({ id }) => id).sort()).toEqual([...new Set(results.map(({ id }) => id))].sort());
    expect(results.filter(({ id }) => lost.some((job) => job.id === id)).length).toBe(lost.length);
  });

  it('is told once more when its thread has ended, with the jobs that it had: from then on they make no file', async () => {
    const threads = watchThreads();
    await succeeds(flushJob());
    const lost = [flushJob(10, 1000), flushJob(10, 2000)];
    let hasEnded = false;
    const stopped = threads()[0]
      ?.terminate()
      .then(() => {
        hasEnded = true;
      });
    for (const job of lost) runner.submit(job);
    for (const job of lost) await resultOf(job);
    await stopped;
    while (gone.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect([gone, hasEnded]).toEqual([lost.map(({ id }) => id), true]);
  });

  it('may be replaced from within the handler that hears of it', async () => {
    const threads = watchThreads();
    await succeeds(flushJob());
    const [first, second] = [flushJob(10, 1000), flushJob(10, 2000)];
    arrived = () => {
      arrived = undefined;
      runner.submit(second);
    };
    const stopped = threads()[0]?.terminate();
    runner.submit(first);
    await stopped;
    expect(await resultOf(second)).toMatchObject({ ok: true });
    expect(results.find(({ id }) => id === first.id)).toMatchObject({ ok: false, code: 'VARVE_IO' });
  });
});

describe('closing', () => {
  it('ends what runs: no result comes any more', async () => {
    const runs = await twoLargeRuns();
    const count = results.length;
    runner.submit(compactionJob(runs));
    await runner.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(results.length).toBe(count);
    expect(runner.waitForResult(0)).toBe(false);
  });

  it('waits until the thread has ended', async () => {
    const threads = watchThreads();
    await succeeds(flushJob());
    await runner.close();
    expect(threads().map(({ threadId }) => threadId)).toEqual([-1]);
  });

  it('is nothing for a runner that never ran, and nothing the second time', async () => {
    await runner.close();
    await runner.close();
    expect(runner.waitForResult(0)).toBe(false);
  });

  it.each(['close', 'leave'])('lets the process end by itself, and so does an idle worker: %s', async (how) => {
    const script = fileURLToPath(new URL('./fixtures/worker-life.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, how, directory], { timeout: 30_000 });
    expect(stdout).toBe(how === 'close' ? 'true\n000005.sst\n' : 'true\n');
  });

  it.each(['prepared, close', 'prepared, leave'])('lets the process end by itself where no job ever came: %s', async (how) => {
    const script = fileURLToPath(new URL('./fixtures/worker-life.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, how, directory], { timeout: 30_000 });
    expect(stdout).toBe(how === 'prepared, close' ? 'closed\n' : 'left\n');
  });
});

describe('a worker that was prepared', () => {
  it('is the one that serves the first job, however often it was asked for', async () => {
    const threads: Worker[] = [];
    const note = (worker: Worker): void => void threads.push(worker);
    process.on('worker', note);
    stopWatching = () => process.off('worker', note);
    runner.prepare();
    runner.prepare();
    const job = flushJob();
    runner.submit(job);
    expect((await resultOf(job)).ok).toBe(true);
    await new Promise(setImmediate);
    expect(threads).toHaveLength(1);
  });

  it('may die before the first job, which gets another one: nothing is told of it', async () => {
    const threads: Worker[] = [];
    const note = (worker: Worker): void => void threads.push(worker);
    process.on('worker', note);
    stopWatching = () => process.off('worker', note);
    runner.prepare();
    await new Promise(setImmediate);
    await threads[0]?.terminate();
    expect([results, gone]).toEqual([[], []]);
    const job = flushJob();
    runner.submit(job);
    expect((await resultOf(job)).ok).toBe(true);
    expect(threads).toHaveLength(2);
  });
});

describe('two threads', () => {
  const handlerOf = (told: JobResult[], lost: number[]) => ({
    onResult: (result: JobResult) => {
      told.push(result);
      results.push(result);
      arrived?.();
    },
    onProgress: () => {},
    onWorkerGone: (jobs: readonly Job[]) => void lost.push(...jobs.map(({ id }) => id)),
  });

  it('take a compaction each, and flushes go to the first; a thread that waits sees whichever ends', async () => {
    const runs = await twoLargeRuns();
    const threads = watchThreads();
    const told: JobResult[] = [];
    const pair = new WorkerRunner(settings(), handlerOf(told, []), systemClock, { threads: 2 });
    try {
      const jobs = [compactionJob(runs), compactionJob(runs), flushJob(10, 100_000), flushJob(10, 200_000)];
      for (const job of jobs) pair.submit(job);
      while (told.length < jobs.length) pair.waitForResult(1000);
      expect(told.map(({ ok }) => ok)).toEqual([true, true, true, true]);
      expect(told.map(({ id }) => id).sort()).toEqual(jobs.map(({ id }) => id).sort());
      await new Promise(setImmediate);
      expect(threads()).toHaveLength(2);
      for (const result of told) expectSound(metadataOf(result as JobSuccess).flat());
    } finally {
      await pair.close();
    }
    expect(threads().map(({ threadId }) => threadId)).toEqual([-1, -1]);
  });

  it('are lost one by one: the jobs of the other one go on', async () => {
    const runs = await twoLargeRuns();
    const threads = watchThreads();
    const told: JobResult[] = [];
    const lost: number[] = [];
    const pair = new WorkerRunner(settings(), handlerOf(told, lost), systemClock, { threads: 2 });
    try {
      const [kept, given] = [compactionJob(runs), compactionJob(runs)];
      pair.submit(kept);
      pair.submit(given);
      await new Promise(setImmediate);
      const stopped = threads()[1]?.terminate();
      const outcome = [await resultOf(kept), await resultOf(given)];
      await stopped;
      expect(outcome).toMatchObject([
        { id: kept.id, ok: true },
        { id: given.id, ok: false, code: 'VARVE_IO' },
      ]);
      while (lost.length === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(lost).toEqual([given.id]);
    } finally {
      await pair.close();
    }
  });

  it('are one while the event loop has much to do and there is no processor more, and at least one', () => {
    vi.spyOn(performance, 'eventLoopUtilization').mockReturnValue({ idle: 0, active: 100, utilization: 1 });
    const pair = new WorkerRunner(settings(), handlerOf([], []), systemClock, { threads: 2 });
    const single = new WorkerRunner(settings(), handlerOf([], []), systemClock);
    const left = availableParallelism() - 1;
    expect([pair.threads, single.threads]).toEqual([Math.max(1, Math.min(2, left)), 1]);
    vi.spyOn(performance, 'eventLoopUtilization').mockReturnValue({ idle: 100, active: 0, utilization: 0 });
    expect([pair.threads, single.threads]).toEqual([Math.min(2, left + 1), 1]);
    vi.restoreAllMocks();
  });
});
