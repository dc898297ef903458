import { beforeAll, describe, expect, it } from 'vitest';
import type { JobHandler, JobResult } from '../../src/compaction/job.js';
import { InlineRunner } from '../../src/compaction/inline-runner.js';
import { jobFailure } from '../../src/compaction/job-execution.js';
import { ioError } from '../../src/env/io-error.js';
import { VarveError } from '../../src/errors.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { tableFileName } from '../../src/format/file-names.js';
import { Memtable } from '../../src/memtable/memtable.js';
import type { TableMetadata } from '../../src/sstable/table-metadata.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';
import { type MemoryOperation, systemFailure } from '../support/memory-file-system.js';
import { directory, metadataOf, Workshop } from './compaction-fixture.js';

beforeAll(initializeChecksum);

function memtableOf(firstSequence: number, count: number): Memtable {
  const memtable = new Memtable(firstSequence, 1 << 16);
  for (let i = 0; i < count; i++) put(memtable, internalKey(1, String(i).padStart(4, '0')), `value ${firstSequence} of ${i}`);
  return memtable;
}

/** Two overlapping runs of several tables each. */
function twoRuns(): { shop: Workshop; runs: TableMetadata[][] } {
  const shop = new Workshop();
  return { shop, runs: [shop.flush(memtableOf(1000, 100)), shop.flush(memtableOf(1, 100))] };
}

/** The names in the directory, and that nothing is open. */
function leftBy(shop: Workshop, action: () => JobResult): { result: JobResult; left: string[] } {
  const before = new Set(shop.files.list(directory));
  const result = action();
  expect(shop.files.openHandles).toBe(0);
  return { result, left: shop.files.list(directory).filter((name) => !before.has(name)) };
}

describe('a job that fails', () => {
  it('says what its cause says, which does not cross threads, and nothing twice', () => {
    const lost = new VarveError('VARVE_IO', 'the worker thread was lost', { cause: new Error('Cannot find module') });
    expect(jobFailure(1, lost).message).toBe('the worker thread was lost: Cannot find module');
    const refused = Object.assign(new Error('EIO: i/o error, write'), { errno: -5, code: 'EIO' });
    expect(jobFailure(1, ioError('write', '/a', refused)).message).toBe('cannot write /a: EIO');
  });

  it('because of damage in any table of its input leaves no output, and names the file', () => {
    const { shop, runs } = twoRuns();
    expect(runs.flat().length).toBeGreaterThan(6);
    for (const table of runs.flat()) {
      const inValue = Buffer.from(shop.bytesOf(table)).indexOf('value');
      expect(inValue).toBeGreaterThan(0);
      for (const offset of [10, inValue, table.fileBytes - 5]) {
        shop.damage(table, offset);
        const { result, left } = leftBy(shop, () => shop.execute(shop.compactionJob([runs])));
        expect(result).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION', file: tableFileName(table.fileNumber) });
        expect(left).toEqual([]);
        shop.damage(table, offset);
      }
    }
    expect(shop.run(shop.compactionJob([runs])).counts.entriesWritten).toBe(100);
  });

  it('because of damage in a value that is larger than its window', () => {
    const shop = new Workshop();
    const runs = [1000, 1].map((sequence) => {
      const memtable = new Memtable(sequence, 1 << 16);
      put(memtable, internalKey(1, 'large'), Buffer.alloc(400_000, sequence));
      return shop.flush(memtable);
    });
    const [[table] = []] = runs;
    shop.damage(table as TableMetadata, 200_000);
    const { result, left } = leftBy(shop, () => shop.execute(shop.compactionJob([runs])));
    expect(result).toMatchObject({
      ok: false,
      code: 'VARVE_CORRUPTION',
      file: tableFileName((table as TableMetadata).fileNumber),
    });
    expect(left).toEqual([]);
  });

  it('because a table of its input is missing says that it is damage', () => {
    const { shop, runs } = twoRuns();
    const missing = runs[1]?.at(-1) as TableMetadata;
    shop.files.unlink(`${directory}/${tableFileName(missing.fileNumber)}`);
    const { result, left } = leftBy(shop, () => shop.execute(shop.compactionJob([runs])));
    expect(result).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION', file: tableFileName(missing.fileNumber) });
    expect(left).toEqual([]);
  });

  it.each(['flush', 'compaction'] as const)('at any one of its changes to the disk leaves no output: %s', (kind) => {
    const { shop, runs } = twoRuns();
    const jobOf = () => (kind === 'flush' ? shop.flushJob(memtableOf(5000, 100)) : shop.compactionJob([runs]));
    for (let at = 0; ; at++) {
      let count = 0;
      shop.files.onOperation = (operation) => {
        if (operation.kind !== 'unlink' && count++ === at) throw systemFailure('ENOSPC', operation.path);
      };
      const { result, left } = leftBy(shop, () => shop.execute(jobOf()));
      shop.files.onOperation = undefined;
      if (result.ok) {
        expect(at).toBeGreaterThan(10);
        expect(left.length).toBe(result.outputs.flat().length);
        return;
      }
      expect(result).toMatchObject({ code: 'VARVE_NO_SPACE', systemCode: 'ENOSPC' });
      expect(left).toEqual([]);
    }
  });

  it('and cannot remove its output either tells of the first error', () => {
    const { shop, runs } = twoRuns();
    shop.files.onOperation = ({ kind, path }) => {
      if (kind === 'syncDirectory') throw systemFailure('EIO', path);
      if (kind === 'unlink') throw systemFailure('EROFS', path);
    };
    expect(shop.execute(shop.compactionJob([runs]))).toMatchObject({ ok: false, code: 'VARVE_IO', systemCode: 'EIO' });
    expect(shop.files.openHandles).toBe(0);
  });

  it('because its numbers are used up is a defect, and leaves no output', () => {
    const { shop, runs } = twoRuns();
    const job = shop.compactionJob([runs]);
    const short = { ...job, fileNumbers: { first: job.fileNumbers.first, end: job.fileNumbers.first + 2 } };
    const { result, left } = leftBy(shop, () => shop.execute(short));
    expect(result).toMatchObject({ ok: false, code: 'VARVE_ASSERTION' });
    expect(left).toEqual([]);
  });

  it('may be run again: what it read is as it was', () => {
    const { shop, runs } = twoRuns();
    const before = runs.flat().map((table) => shop.bytesOf(table));
    shop.files.onOperation = ({ kind, path }) => {
      if (kind === 'syncDirectory') throw systemFailure('EIO', path);
    };
    shop.execute(shop.compactionJob([runs]));
    shop.files.onOperation = undefined;
    expect(runs.flat().map((table) => shop.bytesOf(table))).toEqual(before);
    expect(shop.run(shop.compactionJob([runs])).ok).toBe(true);
  });
});

describe('a job that is ended early', () => {
  it('leaves no output and no open file', () => {
    const shop = new Workshop({ targetTableBytes: 20_000 });
    const big = (sequence: number): TableMetadata[] => {
      const memtable = new Memtable(sequence, 1 << 16);
      for (let i = 0; i < 40; i++) put(memtable, internalKey(1, String(i).padStart(4, '0')), Buffer.alloc(50_000, sequence));
      return shop.flush(memtable);
    };
    const runs = [big(100), big(1)];
    const before = shop.files.list(directory);
    const slices = shop.executor.run(shop.compactionJob([runs]));
    expect(slices.next().done).toBe(false);
    expect(shop.files.list(directory).length).toBeGreaterThan(before.length);
    slices.return({ id: 0, ok: false, code: '', message: '', file: undefined, offset: undefined, systemCode: undefined });
    expect(shop.files.list(directory)).toEqual(before);
    expect(shop.files.openHandles).toBe(0);
  });
});

describe('the disk before a result is given', () => {
  it.each(['flush', 'compaction'] as const)('has every table synced after its last write, and then their names: %s', (kind) => {
    const { shop, runs } = twoRuns();
    const job = kind === 'flush' ? shop.flushJob(memtableOf(5000, 100)) : shop.compactionJob([runs]);
    const operations: MemoryOperation[] = [];
    shop.files.onOperation = (operation) => operations.push(operation);
    const result = shop.execute(job);
    shop.files.onOperation = undefined;
    const tables = result.ok ? metadataOf(result).flat() : [];
    expect(tables.length).toBeGreaterThan(2);
    expect(operations.at(-1)).toMatchObject({ kind: 'syncDirectory', path: directory });
    for (const { fileNumber } of tables) {
      const kinds = operations.filter(({ path }) => path.endsWith(tableFileName(fileNumber))).map((operation) => operation.kind);
      expect(kinds[0]).toBe('create');
      expect(kinds.filter((entry) => entry === 'sync').length).toBe(1);
      expect(kinds.at(-1)).toBe('sync');
    }
  });

  it('is not synced where the caller asked for no syncs', () => {
    const shop = new Workshop({ unsafeNoFsync: true });
    shop.flush(memtableOf(1, 100));
    expect([shop.files.counts.sync, shop.files.counts.syncDirectory]).toEqual([0, 0]);
  });
});

describe('the runner of tests', () => {
  /** A runner, and the ids of the results that came. */
  function runner() {
    const { shop, runs } = twoRuns();
    const results: JobResult[] = [];
    const handler: JobHandler = { onResult: (result) => results.push(result), onProgress: () => {}, onWorkerGone: () => {} };
    return { shop, runs, results, runner: new InlineRunner(shop.files, shop.settings, handler) };
  }

  it('runs jobs in the order of submit, none of them within submit', () => {
    const { shop, runs, results, runner: inline } = runner();
    const jobs = [shop.compactionJob([runs]), shop.flushJob(memtableOf(9000, 3))];
    for (const job of jobs) inline.submit(job);
    expect(results).toEqual([]);
    expect([inline.waitForResult(0), inline.waitForResult(0), inline.waitForResult(0)]).toEqual([true, true, false]);
    expect(results.map(({ id, ok }) => [id, ok])).toEqual(jobs.map(({ id }) => [id, true]));
  });

  it('gives a job that was cancelled the result VARVE_ABORTED, and after close none', async () => {
    const { shop, runs, results, runner: inline } = runner();
    const job = shop.compactionJob([runs]);
    inline.submit(job);
    inline.cancel(job.id);
    expect(inline.waitForResult(0)).toBe(true);
    expect(results).toMatchObject([{ id: job.id, ok: false, code: 'VARVE_ABORTED' }]);
    inline.submit(shop.compactionJob([runs]));
    await inline.close();
    expect([inline.waitForResult(0), results.length]).toEqual([false, 1]);
  });
});
