/** Each part of a compaction asked anew which buckets live: with 100,000 of them and 64 parts the event loop stood still for half a second. */
import { expect, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import type { Job } from '../../src/compaction/job.js';
import { openEngine } from '../../src/engine/open.js';
import { resolveOptions } from '../../src/options.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

test('the parts of a compaction share what is kept for whom', async () => {
  const config = { path: '/db', compression: 'none', batchIntervalMs: 3_600_000 } as const;
  const engine = await openEngine(resolveOptions(config), inlineEnvironment(new MemoryFileSystem(), smallSizes));
  const backend = new EngineBackend(engine);
  const { background } = engine;
  const submit = background.submit.bind(background);
  const jobs: Job[] = [];
  background.submit = (job) => {
    if (job.kind === 'compaction') jobs.push(job);
    submit(job);
  };
  backend.update((section) => section.unsafeCreateBucket('b'));
  for (let round = 0; round < 2; round++) {
    backend.update((section) => {
      for (let i = 0; i < 100; i++) section.unsafePut('b', Buffer.from(`key${i}`), Buffer.alloc(40, `${round}`));
    });
    await backend.forceCommit();
    engine.sealActive();
    await background.flushes.flushSealed();
  }
  await backend.defrag();
  expect(jobs.length).toBeGreaterThan(2);
  expect(new Set(jobs.map(({ retention }) => retention)).size).toBe(1);
  await backend.close();
});
