/** Point reads that are answered from rows (sstable/row-cache.ts) see what their view sees, whatever was written, flushed and merged since. */
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { Backend, ReadTx } from 'varve';
import { describe, expect, test } from 'vitest';
import { byTier, seedOf } from '../support/tier.js';
import { freshPath, open } from '../contract/support/harness.js';

const bucket = 'b';
const keys = Array.from({ length: 12 }, (_, i) => `key${i}`);

/** Nothing here is about what survives a crash. */
const openSmall = (path: string, cacheBytes: number): Promise<Backend> =>
  open({ memtableBytes: 16 * 1024, cacheBytes, path, unsafeNoFsync: true });

async function filled(cacheBytes = 1_000_000, path = freshPath()): Promise<Backend> {
  const backend = await openSmall(path, cacheBytes);
  backend.update((section) => {
    section.unsafeCreateBucket(bucket);
    for (const key of keys) section.unsafePut(bucket, key, `first ${key}`);
  });
  await flush(backend);
  return backend;
}

/** Fills the memtable with what nobody reads, so that it is sealed and flushed. */
async function flush(backend: Backend): Promise<void> {
  const { flushes } = backend.stats();
  backend.update((section) => {
    for (let i = 0; i < 100; i++) section.unsafePut(bucket, `other${i}`, 'x'.repeat(150));
  });
  await backend.forceCommit();
  while (backend.stats().flushes === flushes) await turn();
}

const valueOf = (view: ReadTx, key: string): string | undefined => view.unsafeGet(bucket, key)?.toString();

function newest(backend: Backend, key: string): string | undefined {
  const view = backend.concurrentReadTx();
  const value = valueOf(view, key);
  view.runlock();
  return value;
}

describe('a value that was read from a table', () => {
  test('is read without a file once more, also after a flush and a merge', async () => {
    const backend = await filled();
    expect(newest(backend, 'key3')).toBe('first key3');
    await flush(backend);
    const { misses } = backend.stats().cache;
    expect(newest(backend, 'key3')).toBe('first key3');
    await backend.defrag();
    expect(newest(backend, 'key3')).toBe('first key3');
    expect(backend.stats().cache.misses).toBe(misses);
  });

  test.each(['put', 'delete'])('is not read after a %s that was flushed, and by an older view it is', async (kind) => {
    const backend = await filled();
    const before = backend.concurrentReadTx();
    expect(newest(backend, 'key3')).toBe('first key3');
    backend.update((section) => {
      if (kind === 'put') section.unsafePut(bucket, 'key3', 'second');
      else section.unsafeDelete(bucket, 'key3');
    });
    await flush(backend);
    const after = kind === 'put' ? 'second' : undefined;
    for (let round = 0; round < 3; round++) {
      expect(newest(backend, 'key3')).toBe(after);
      expect(valueOf(before, 'key3')).toBe('first key3');
      await (round === 1 ? backend.defrag() : turn());
    }
    before.runlock();
    expect(newest(backend, 'key3')).toBe(after);
  });

  test('is not read after it was deleted and the merge of its table left nothing', async () => {
    const backend = await open({ memtableBytes: 16 * 1024 });
    backend.update((section) => {
      section.unsafeCreateBucket(bucket);
      for (let i = 0; i < 3000; i++) section.unsafePut(bucket, `a${i}`, randomBytes(60));
    });
    // All of this lies before the key, in tables that no later merge has to touch.
    await backend.defrag();
    backend.update((section) => section.unsafePut(bucket, 'key', 'first'));
    await backend.defrag();
    expect(newest(backend, 'key')).toBe('first');
    backend.update((section) => section.unsafeDelete(bucket, 'key'));
    await backend.defrag();
    expect(newest(backend, 'key')).toBeUndefined();
  });

  test('is not read after a section that wrote it and was rolled back', async () => {
    const backend = await filled();
    const fails = () =>
      backend.update((section) => {
        section.unsafePut(bucket, 'key3', 'never');
        expect(section.unsafeGet(bucket, 'key4')?.toString()).toBe('first key4');
        throw new Error('undone');
      });
    expect(fails).toThrow('undone');
    backend.update((section) => section.unsafePut(bucket, 'key4', 'second'));
    await flush(backend);
    expect([newest(backend, 'key3'), newest(backend, 'key4')]).toEqual(['first key3', 'second']);
  });
});

test(
  'views and sections read what a model has, between puts, deletes, buckets made again, rollbacks, flushes, merges and openings',
  async () => {
    const step = fc.record({
      kind: fc.constantFrom(
        'put',
        'put',
        'delete',
        'read',
        'read',
        'read',
        'undone',
        'again',
        'view',
        'end',
        'flush',
        'defrag',
        'reopen',
      ),
      key: fc.constantFrom(...keys),
      place: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 60 }),
        fc.constantFrom(1_000_000, 100_000, 0),
        async (steps, cacheBytes) => {
          const path = freshPath();
          let backend = await filled(cacheBytes, path);
          let model = new Map(keys.map((key) => [key, `first ${key}`]));
          let views: { readonly tx: ReadTx; readonly model: ReadonlyMap<string, string> }[] = [];
          for (const [number, { kind, key, place }] of steps.entries()) {
            if (kind === 'put' || kind === 'delete') {
              model = new Map(model);
              if (kind === 'put') model.set(key, `put ${number}`);
              else model.delete(key);
              backend.update((section) => {
                // Rows are as of the sequence of the open section too.
                valueOf(section, key);
                if (kind === 'put') section.unsafePut(bucket, key, `put ${number}`);
                else section.unsafeDelete(bucket, key);
                expect(valueOf(section, key)).toBe(model.get(key));
              });
            } else if (kind === 'undone') {
              const section = backend.batchTx();
              section.lock();
              for (const other of keys.slice(place)) section.unsafeDelete(bucket, other);
              if (place === 3) section.unsafeDeleteBucket(bucket);
              else for (const other of keys.slice(0, place)) expect(valueOf(section, other)).toBe(model.get(other));
              section.rollback();
            } else if (kind === 'again') {
              backend.update((section) => {
                section.unsafeDeleteBucket(bucket);
                section.unsafeCreateBucket(bucket);
                expect(valueOf(section, key)).toBeUndefined();
              });
              model = new Map();
            } else if (kind === 'reopen') {
              for (const { tx } of views) tx.runlock();
              views = [];
              await backend.close();
              backend = await openSmall(path, cacheBytes);
            } else if (kind === 'view') views.push({ tx: backend.concurrentReadTx(), model });
            else if (kind === 'end') views.splice(place, 1)[0]?.tx.runlock();
            else if (kind === 'flush') await flush(backend);
            else if (kind === 'defrag') await backend.defrag();
            else {
              const seen = views[place];
              // The first makes a row, the second reads it.
              for (let time = 0; time < 2; time++) expect(newest(backend, key)).toBe(model.get(key));
              if (seen !== undefined) expect(valueOf(seen.tx, key)).toBe(seen.model.get(key));
            }
          }
          for (const key of keys) {
            expect(newest(backend, key)).toBe(model.get(key));
            for (const { tx, model: then } of views) expect(valueOf(tx, key)).toBe(then.get(key));
          }
          await backend.close();
        },
      ),
      { numRuns: byTier(18, 1000), seed: seedOf('rows') },
    );
  },
  byTier(60_000, 900_000),
);
