/**
 * Defrag waits for the compaction that runs. Where the manifest failed under the installation of that one it never ended, and
 * defrag, which looked for its end alone, waited for ever.
 */
import { expect, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { InlineRunner } from '../../src/compaction/inline-runner.js';
import type { Environment } from '../../src/engine/environment.js';
import { openEngine } from '../../src/engine/open.js';
import { resolveOptions } from '../../src/options.js';
import { Journal } from '../crash/journal.js';
import { config } from '../crash/workload.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

test('a full compaction that waits for one whose installation fails is refused', async () => {
  const fileSystem = new MemoryFileSystem();
  let onCompaction = (): void => {};
  const environment: Environment = {
    ...inlineEnvironment(fileSystem, smallSizes),
    createRunner: (settings, handler) => {
      const inner = new InlineRunner(fileSystem, settings, handler);
      return {
        threads: inner.threads,
        prepare: () => inner.prepare(),
        submit: (job) => {
          if (job.kind === 'compaction') onCompaction();
          inner.submit(job);
        },
        cancel: (id) => inner.cancel(id),
        waitForResult: (timeoutMs) => inner.waitForResult(timeoutMs),
        setKeepsProcessAlive: (keeps) => inner.setKeepsProcessAlive(keeps),
        close: () => inner.close(),
      };
    },
  };
  const engine = await openEngine(resolveOptions({ ...config, batchIntervalMs: 3_600_000 }), environment);
  const backend = new EngineBackend(engine);
  const journal = new Journal();
  journal.update(backend, (section) => section.create('a'));
  let outcome = 'nothing waits';
  onCompaction = () => {
    onCompaction = () => {};
    fileSystem.onOperation = ({ kind, path }) => {
      if (kind === 'write' && path.includes('MANIFEST-')) throw systemFailure('EIO', path);
    };
    queueMicrotask(() => {
      outcome = 'waits for ever';
      void engine.background
        .compactAll(
          () => true,
          () => {},
        )
        .catch((error: unknown) => {
          outcome = String(Reflect.get(Object(error), 'code'));
        });
    });
  };
  for (let round = 0; round < 12 && outcome === 'nothing waits'; round++) {
    journal.update(backend, (section) => section.puts('a', 0, 90, 180));
    await journal.durable(() => backend.forceCommit()).catch(() => {});
    await turnsOfTheLoop(3);
  }
  await turnsOfTheLoop(20);
  expect(outcome).toBe('VARVE_POISONED');
  await backend.close().catch(() => {});
  expect(fileSystem.openHandles).toBe(0);
});
