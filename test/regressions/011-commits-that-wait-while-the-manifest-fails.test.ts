/**
 * The manifest failed under an installation while a commit waited for the next group: the loop of the log saw the poison and ended,
 * and nobody told the commit. It never settled.
 */
import { expect, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { openEngine } from '../../src/engine/open.js';
import { resolveOptions } from '../../src/options.js';
import { config } from '../crash/workload.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

test('commits under way and commits that wait are refused when the manifest fails', async () => {
  const fileSystem = new MemoryFileSystem();
  const options = resolveOptions({ ...config, batchIntervalMs: 3_600_000 });
  const engine = await openEngine(options, inlineEnvironment(fileSystem, smallSizes));
  const backend = new EngineBackend(engine);
  backend.update((tx) => tx.unsafeCreateBucket('a'));
  await backend.forceCommit();
  let begun = false;
  fileSystem.onOperation = ({ kind, path }) => {
    if (path.includes('MANIFEST-') && kind === 'write') throw systemFailure('EIO', path);
    if (kind !== 'sync' || !path.endsWith('.log') || begun) return;
    begun = true;
    engine.parts.versions.install({ removedTables: [], addedRuns: [] }, [], [], () => {});
  };
  const settled: string[] = [];
  const note = (name: string, commit: Promise<void>): void => {
    void commit.then(
      () => settled.push(`${name} resolved`),
      (error: unknown) => settled.push(`${name} ${String(Reflect.get(Object(error), 'code'))}`),
    );
  };
  backend.update((tx) => tx.unsafePut('a', 'first', 'group'));
  note('first', backend.forceCommit());
  await Promise.resolve();
  backend.update((tx) => tx.unsafePut('a', 'second', 'group'));
  note('second', backend.forceCommit());
  await turnsOfTheLoop(5);
  expect(begun).toBe(true);
  expect(settled).toEqual(['first VARVE_POISONED', 'second VARVE_POISONED']);
  expect(backend.readTx().unsafeGet('a', 'second')?.toString()).toBe('group');
  await backend.close().catch(() => {});
  expect(fileSystem.openHandles).toBe(0);
});
