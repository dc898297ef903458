/**
 * A session that flushes and closes before it merges leaves a run. Whoever opens waits until there are few of them: otherwise they would
 * gather without end, and each read would look into all of them.
 */
import { expect, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { InlineRunner } from '../../src/compaction/inline-runner.js';
import type { Job } from '../../src/compaction/job.js';
import type { Environment } from '../../src/engine/environment.js';
import { openEngine } from '../../src/engine/open.js';
import { resolveOptions } from '../../src/options.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

const sessions = 40;

/** Begins to merge when a session that only flushes is over. */
class LateRunner extends InlineRunner {
  override submit(job: Job): void {
    if (job.kind === 'flush') super.submit(job);
    else void turnsOfTheLoop(60).then(() => super.submit(job));
  }
}

async function openLate(files: MemoryFileSystem): Promise<EngineBackend> {
  const environment = {
    ...inlineEnvironment(files, smallSizes),
    createRunner: (...[settings, handler]: Parameters<Environment['createRunner']>) => new LateRunner(files, settings, handler),
  };
  const options = resolveOptions({ path: '/db', memtableBytes: 16_384, batchIntervalMs: 3_600_000, batchLimit: 1_000_000_000 });
  return new EngineBackend(await openEngine(options, environment));
}

test('short sessions leave few runs, and everything that they wrote', async () => {
  const files = new MemoryFileSystem();
  let mostRuns = 0;
  for (let session = 0; session < sessions; session++) {
    const backend = await openLate(files);
    mostRuns = Math.max(mostRuns, backend.stats().levels[0]?.runs ?? 0);
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      for (let i = 0; i < 24; i++) tx.unsafePut('b', `key${session}-${i}`, Buffer.alloc(800, session));
    });
    await backend.forceCommit();
    backend.update((tx) => tx.unsafePut('b', 'last', String(session)));
    await backend.forceCommit();
    await turnsOfTheLoop(10);
    expect(backend.stats().flushes).toBeGreaterThan(0);
    await backend.close();
  }
  expect(mostRuns).toBeGreaterThan(20);
  expect(mostRuns).toBeLessThan(32);
  const backend = await openLate(files);
  expect(backend.readTx().unsafeRange('b', 'k', 'l').keys).toHaveLength(sessions * 24);
  await backend.close();
});
