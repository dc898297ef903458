import { expect, test } from 'vitest';
import { InlineRunner } from '../../src/compaction/inline-runner.js';
import type { Job, JobHandler } from '../../src/compaction/job.js';
import { jobFailure } from '../../src/compaction/job-execution.js';
import { EngineBackend } from '../../src/backend/backend.js';
import { openEngine } from '../../src/engine/open.js';
import { VarveError } from '../../src/errors.js';
import { tableFileName } from '../../src/format/file-names.js';
import { resolveOptions } from '../../src/options.js';
import { numbered, pairsOf, putAll } from '../contract/support/content.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

const path = '/db';

/** A runner whose first job goes to a worker that is given up, and that makes a file afterwards. */
async function openWithLostWorker(): Promise<{
  files: MemoryFileSystem;
  backend: EngineBackend;
  makeLate: () => string;
  workerIsGone: () => void;
}> {
  const files = new MemoryFileSystem();
  let lost: Job | undefined;
  let told: JobHandler | undefined;
  const environment = inlineEnvironment(files, smallSizes);
  const createRunner: typeof environment.createRunner = (settings, handler) => {
    told = handler;
    return new (class extends InlineRunner {
      override submit(job: Job): void {
        if (lost !== undefined) super.submit(job);
        else {
          lost = job;
          setImmediate(() => handler.onResult(jobFailure(job.id, new VarveError('VARVE_IO', 'the worker thread was lost'))));
        }
      }
    })(files, settings, handler);
  };
  const options = resolveOptions({ path, memtableBytes: 16_384, batchIntervalMs: 3_600_000 });
  const backend = new EngineBackend(await openEngine(options, { ...environment, createRunner }));
  const makeLate = (): string => {
    const name = tableFileName(lost?.fileNumbers.first ?? 0);
    files.open(`${path}/${name}`, 'create').close();
    return name;
  };
  return { files, backend, makeLate, workerIsGone: () => told?.onWorkerGone(lost === undefined ? [] : [lost]) };
}

const pairs = numbered(50, 100);

// It stayed until the next open.
test('a file that a worker makes after it was given up is removed when its thread has ended', async () => {
  const { files, backend, makeLate, workerIsGone } = await openWithLostWorker();
  putAll(backend, 'b', pairs);
  await backend.defrag();
  const late = makeLate();
  workerIsGone();
  expect(files.list(path)).not.toContain(late);
  expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs);
  await backend.close();
});

test('after a close nothing is removed any more: the directory may be somebody else’s', async () => {
  const { files, backend, makeLate, workerIsGone } = await openWithLostWorker();
  putAll(backend, 'b', pairs);
  await backend.defrag();
  await backend.close();
  const late = makeLate();
  workerIsGone();
  expect(files.list(path)).toContain(late);
});
