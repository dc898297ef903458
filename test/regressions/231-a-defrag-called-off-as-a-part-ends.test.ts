/**
 * A job that has ended does not hear that it is cancelled. Where that was one part of a compaction its success began the next part, and the defrag
 * that nobody waited for went on to its end.
 */
import { expect, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { InlineRunner } from '../../src/compaction/inline-runner.js';
import type { JobRunner } from '../../src/compaction/job.js';
import type { Environment } from '../../src/engine/environment.js';
import { openEngine } from '../../src/engine/open.js';
import { resolveOptions } from '../../src/options.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

const path = '/db';
const tablesIn = (files: MemoryFileSystem): string[] => files.list(path).filter((name) => name.endsWith('.sst'));

test('a defrag that is called off when a part has ended, and nobody knows it yet, begins no other part', async () => {
  const files = new MemoryFileSystem();
  const abort = new AbortController();
  let parts = 0;
  const environment: Environment = {
    ...inlineEnvironment(files, smallSizes),
    createRunner: (settings, handler): JobRunner => {
      const inner = new InlineRunner(files, settings, {
        // As from a thread: some time after the job has ended.
        onResult: (result) => {
          if (parts === 1) abort.abort();
          setImmediate(() => handler.onResult(result));
        },
        onProgress: (id, bytesRead) => handler.onProgress(id, bytesRead),
        onWorkerGone: (jobs) => handler.onWorkerGone(jobs),
      });
      return {
        threads: 1,
        prepare: () => inner.prepare(),
        submit: (job) => {
          if (job.kind === 'compaction') parts++;
          inner.submit(job);
        },
        cancel: (id) => inner.cancel(id),
        waitForResult: (timeoutMs) => inner.waitForResult(timeoutMs),
        setKeepsProcessAlive: (keeps) => inner.setKeepsProcessAlive(keeps),
        close: () => inner.close(),
      };
    },
  };
  const config = { path, memtableBytes: 16 * 1024, compression: 'none', batchIntervalMs: 3_600_000 } as const;
  const engine = await openEngine(resolveOptions(config), environment);
  const backend = new EngineBackend(engine);
  backend.update((section) => section.unsafeCreateBucket('b'));
  for (let round = 0; round < 2; round++) {
    backend.update((section) => {
      for (let i = 0; i < 100; i++) section.unsafePut('b', Buffer.from(`key${i}`), Buffer.alloc(40, `${round}`));
    });
    engine.sealActive();
    await backend.forceCommit();
    await engine.background.flushes.flushSealed();
  }
  const before = tablesIn(files);
  expect(before.length).toBeGreaterThan(1);
  expect(parts).toBe(0);
  await expect(backend.defrag({ signal: abort.signal })).rejects.toMatchObject({ code: 'VARVE_ABORTED' });
  await engine.background.until(() => engine.background.isIdle);
  expect(parts).toBe(1);
  expect(tablesIn(files)).toEqual(before);
  expect(engine.background.counters.failures).toBe(0);
  await backend.close();
});
