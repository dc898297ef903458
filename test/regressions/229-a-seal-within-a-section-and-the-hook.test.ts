/**
 * A memtable that was sealed while a section was open, as by a defrag, and while another one waited for its commit, ran the commit hook within that
 * section. The hook's section took its place: what the open one had written was visible at once, and its rollback undid none of it.
 */
import { expect, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { openEngine } from '../../src/engine/open.js';
import { resolveOptions } from '../../src/options.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

test.each([0, 1])(
  '229: a section that is open at a seal stays as it is, also where a commit hook is set: %i memtables wait',
  async (waiting) => {
    const options = resolveOptions({
      path: '/db',
      batchIntervalMs: 3_600_000,
      onPreCommit: (tx) => tx.unsafePut('b', 'hook', 'ran'),
    });
    const engine = await openEngine(options, inlineEnvironment(new MemoryFileSystem(), smallSizes));
    const backend = new EngineBackend(engine);
    backend.update((section) => section.unsafeCreateBucket('b'));
    for (let i = 0; i < waiting; i++) engine.sealActive();
    backend.update((section) => section.unsafePut('b', 'before', '1'));
    const tx = backend.batchTx();
    tx.lock();
    tx.unsafePut('b', 'open', '1');
    engine.sealActive();
    const newest = (): string | undefined => backend.readTx().unsafeGet('b', 'open')?.toString();
    expect([tx.unsafeGet('b', 'open')?.toString(), newest()]).toEqual(['1', undefined]);
    tx.rollback();
    expect(newest()).toBe(undefined);
    await backend.forceCommit();
    expect(backend.readTx().unsafeGet('b', 'hook')?.toString()).toBe('ran');
    await backend.close();
  },
);
