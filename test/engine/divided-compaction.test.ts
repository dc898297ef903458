/** Compactions in parts, from the engine's side: what comes of a part that fails, that is called off, or that is closed over. */
import { beforeAll, describe, expect, it } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import type { Engine } from '../../src/engine/engine.js';
import { openEngine } from '../../src/engine/open.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';
import { resolveOptions } from '../../src/options.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';

beforeAll(initializeChecksum);

const bucket = Buffer.from('b');
const path = '/db';
const keyCount = 900;

const tablesIn = (files: MemoryFileSystem): string[] =>
  files
    .list(path)
    .filter((name) => name.endsWith('.sst'))
    .sort();

/** Several runs in memory tables of 16 KiB: too few to be merged by themselves. */
async function filled(files: MemoryFileSystem): Promise<{ readonly engine: Engine; readonly backend: EngineBackend }> {
  const config = {
    path,
    memtableBytes: 16 * 1024,
    compaction: 'write',
    compression: 'none',
    batchIntervalMs: 3_600_000,
  } as const;
  const engine = await openEngine(resolveOptions(config), inlineEnvironment(files, smallSizes));
  const backend = new EngineBackend(engine);
  backend.update((section) => section.unsafeCreateBucket(bucket));
  for (let i = 0; i < keyCount; i++) {
    backend.update((section) =>
      section.unsafePut(bucket, Buffer.from(`key${(i * 577) % keyCount}`), Buffer.from(`v${i}`.repeat(9))),
    );
    if (i % 100 === 0) await backend.forceCommit();
  }
  await backend.forceCommit();
  await engine.background.flushes.flushSealed();
  return { engine, backend };
}

const content = (backend: EngineBackend): string[] => {
  const read = backend.concurrentReadTx();
  const seen: string[] = [];
  read.unsafeForEach(bucket, (key, value) => {
    seen.push(`${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`);
  });
  read.runlock();
  return seen;
};

/** Notes the compactions that are submitted; `onSubmit` is told how many there were. */
function watchJobs(engine: Engine, onSubmit: (count: number) => void = () => {}): { readonly jobIds: () => readonly number[] } {
  const ids: number[] = [];
  const { background } = engine;
  const submit = background.submit.bind(background);
  background.submit = (job) => {
    submit(job);
    if (job.kind !== 'compaction') return;
    ids.push(job.id);
    onSubmit(ids.length);
  };
  return { jobIds: () => ids };
}

describe('a compaction in parts', () => {
  it('makes one run of all of them', async () => {
    const files = new MemoryFileSystem();
    const { engine, backend } = await filled(files);
    const before = content(backend);
    const { jobIds } = watchJobs(engine);
    await backend.defrag();
    expect(jobIds().length).toBeGreaterThan(2);
    expect(engine.parts.versions.runs.length).toBe(1);
    expect(content(backend)).toEqual(before);
    expect(before.length).toBe(keyCount);
    await backend.close();
  });

  it('of which one fails leaves no file of any of them, and the data as they were', async () => {
    for (const failing of [0, 1, 2, 3, 4]) {
      const files = new MemoryFileSystem();
      const { engine, backend } = await filled(files);
      const before = content(backend);
      let tables: string[] = [];
      let made = -1;
      watchJobs(engine, (count) => {
        if (count > 1) return;
        tables = tablesIn(files);
        made = 0;
      });
      files.onOperation = ({ kind, path: name }) => {
        if (kind === 'create' && name.endsWith('.sst') && made >= 0 && made++ === failing) throw systemFailure('EIO', name);
      };
      await expect(backend.defrag()).rejects.toMatchObject({ code: 'VARVE_IO' });
      files.onOperation = undefined;
      expect(made).toBe(failing + 1);
      expect(tablesIn(files)).toEqual(tables);
      expect(content(backend)).toEqual(before);
      await backend.defrag();
      expect(content(backend)).toEqual(before);
      expect(engine.parts.versions.runs.length).toBe(1);
      await backend.close();
    }
  });

  it('that is called off, or closed over, leaves no file of any of them', async () => {
    for (const end of ['abort', 'close'] as const) {
      const files = new MemoryFileSystem();
      const { engine, backend } = await filled(files);
      let before: string[] = [];
      const abort = new AbortController();
      const { jobIds } = watchJobs(engine, (count) => {
        if (count === 1) before = tablesIn(files);
        if (count !== 3) return;
        if (end === 'abort') abort.abort();
        else void backend.close();
      });
      await expect(backend.defrag({ signal: abort.signal })).rejects.toMatchObject({
        code: end === 'abort' ? 'VARVE_ABORTED' : 'VARVE_CLOSED',
      });
      expect(jobIds().length).toBe(3);
      await backend.close();
      expect(tablesIn(files)).toEqual(before);
    }
  });
});
