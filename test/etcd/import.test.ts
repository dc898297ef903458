/**
 * Importing is all or nothing: whatever fails on the way, and whenever, the target is as it was.
 */
import { describe, expect, test } from 'vitest';
import type { EtcdReadOptions } from '../../src/etcd/api.js';
import { importInto } from '../../src/etcd/import.js';
import { readSettings } from '../../src/etcd/read-options.js';
import type { Environment } from '../../src/engine/environment.js';
import { VarveError } from '../../src/errors.js';
import { byTier, report, seedOf } from '../support/tier.js';
import { inlineEnvironment, openOn, smallSizes } from '../support/memory-database.js';
import {
  type MemoryFileSystem,
  type MemoryOperation,
  PowerLoss,
  seededRandom,
  systemFailure,
} from '../support/memory-file-system.js';
import { type BoltBucket, type BoltEntry, boltFile } from './bolt-writer.js';
import { type Content, contentOf, diskWith, filePath } from './support.js';

const numbered = (count: number, valueBytes: number): BoltEntry[] =>
  Array.from({ length: count }, (_, i) => [Buffer.from(`key${String(i).padStart(5, '0')}`), Buffer.alloc(valueBytes, i % 251)]);
const buckets: BoltBucket[] = [
  [Buffer.from('empty'), []],
  [Buffer.from('key'), numbered(400, 100)],
  [Buffer.from('large'), [[Buffer.from('larger than a memtable'), Buffer.alloc(100_000, 7)]]],
  [Buffer.from('more'), numbered(50, 300)],
];
const file = boltFile(buckets, { digest: true });
const memtableBytes = 16_384;

/** An environment whose clock goes on by `stepMs` each time it is looked at, so that every rest is taken. */
function environmentOn(fileSystem: MemoryFileSystem, stepMs = 0): Environment {
  const environment = inlineEnvironment(fileSystem, smallSizes);
  let passedMs = 0;
  const { clock } = environment;
  return {
    ...environment,
    clock: {
      now: () => clock.now() + (passedMs += stepMs),
      activeMs: () => clock.activeMs(),
      startTimer: (...given) => clock.startTimer(...given),
    },
  };
}

async function runImport(disk: MemoryFileSystem, path: string, options: EtcdReadOptions = {}, stepMs = 0): Promise<number> {
  const status = await importInto(
    environmentOn(disk, stepMs),
    filePath,
    { ...options, path, memtableBytes },
    readSettings(options),
  );
  return status.hash;
}

async function stored(disk: MemoryFileSystem, path: string): Promise<{ content: Content; hash: number }> {
  const backend = await openOn(disk, { path, createIfMissing: false, memtableBytes }, smallSizes);
  try {
    const transaction = backend.concurrentReadTx();
    const content = contentOf(
      transaction.unsafeBuckets().map((name): BoltBucket => [name, [...transaction.unsafeIterate(name)]]),
    );
    return { content, hash: await backend.hash() };
  } finally {
    await backend.close();
  }
}

/** A target of each kind. */
const targets = ['missing', 'empty'] as const;
function withTarget(kind: (typeof targets)[number]): {
  disk: MemoryFileSystem;
  path: string;
  expectUntouched: (on?: MemoryFileSystem) => void;
} {
  const disk = diskWith(file);
  const path = kind === 'missing' ? '/parent/db' : '/db';
  if (kind === 'empty') disk.makeDirectory(path);
  disk.syncDirectory('/');
  return {
    disk,
    path,
    expectUntouched: (on = disk) => {
      expect(on.list('/').sort()).toEqual(kind === 'empty' ? ['db', 'etcd.db'] : ['etcd.db']);
      if (kind === 'empty') expect(on.list(path)).toEqual([]);
      expect(on.openHandles).toBe(0);
    },
  };
}

describe.each(targets)('into a target that is %s', (kind) => {
  test('everything arrives, durably, and no descriptor stays', async () => {
    const { disk, path } = withTarget(kind);
    const hash = await runImport(disk, path);
    expect(disk.openHandles).toBe(0);
    // What was not synced is gone.
    const after = disk.crash(1, 'dropUnsynced');
    expect(await stored(after, path)).toEqual({ content: contentOf(buckets), hash });
    expect(after.list('/').sort()).toEqual(kind === 'empty' ? ['db', 'etcd.db'] : ['etcd.db', 'parent']);
  });

  test('where any one operation fails, nothing is left, or everything is there', async () => {
    const { disk: counted, path } = withTarget(kind);
    await runImport(counted, path);
    const before = withTarget(kind).disk.operationCount;
    const operations = counted.operationCount - before;
    const step = byTier(Math.ceil(operations / 16), 1);
    const counts = { failed: 0, survived: 0 };
    for (let nth = 0; nth < operations; nth += step) {
      const { disk, expectUntouched } = withTarget(kind);
      let seen = 0;
      disk.onOperation = (operation: MemoryOperation) => {
        if (seen++ === nth) throw systemFailure('ENOSPC', operation.path);
      };
      const failure: unknown = await runImport(disk, path).then(
        () => undefined,
        (error: unknown) => error,
      );
      disk.onOperation = undefined;
      if (failure === undefined) {
        // Work that is tried again, or something that only tidies up.
        expect((await stored(disk, path)).content, `operation ${nth}`).toEqual(contentOf(buckets));
        counts.survived++;
        continue;
      }
      expect(failure, `operation ${nth}`).toBeInstanceOf(VarveError);
      expect(failure).toMatchObject({ code: expect.stringMatching(/^VARVE_(NO_SPACE|IO)$/) });
      expectUntouched();
      counts.failed++;
    }
    expect(counts.failed).toBeGreaterThan(0);
    report(`one failing operation, target ${kind}`, JSON.stringify({ operations, ...counts }));
  }, 600_000);

  test('a disk that is full from some moment on leaves nothing', async () => {
    const { disk: counted, path } = withTarget(kind);
    await runImport(counted, path);
    const writes = counted.counts.write;
    for (let nth = 1; nth < writes; nth += byTier(Math.ceil(writes / 4), 3)) {
      const { disk, expectUntouched } = withTarget(kind);
      let seen = 0;
      disk.onOperation = ({ kind: operation, path: name }) => {
        if ((operation === 'write' || operation === 'create') && seen++ >= nth) throw systemFailure('ENOSPC', name);
      };
      await expect(runImport(disk, path)).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' });
      expectUntouched();
    }
  }, 600_000);

  test('where power is lost, there is no database at the target, or the whole one', async () => {
    const { disk: counted, path } = withTarget(kind);
    await runImport(counted, path);
    const operations = counted.operationCount;
    const seed = seedOf(`power lost, target ${kind}`);
    const random = seededRandom(seed);
    const counts = { none: 0, whole: 0 };
    for (let nth = operations - byTier(28, operations); nth <= operations; nth += byTier(4, 1)) {
      const { disk } = withTarget(kind);
      disk.onOperation = () => {
        if (disk.operationCount > nth) throw new PowerLoss();
      };
      await runImport(disk, path).catch(() => {});
      const after = disk.crash(random, 'keepRandom');
      const isThere = after.status(path) !== undefined && after.list(path).includes('CURRENT');
      if (isThere) expect((await stored(after, path)).content, `operation ${nth}`).toEqual(contentOf(buckets));
      counts[isThere ? 'whole' : 'none']++;
    }
    expect(counts.none).toBeGreaterThan(0);
    expect(counts.whole).toBeGreaterThan(0);
    report(`power lost, target ${kind}`, JSON.stringify({ operations, ...counts }));
  }, 600_000);

  test('an abort ends it with nothing left, whenever it comes', async () => {
    const { disk: whole, path } = withTarget(kind);
    let tellings = 0;
    await runImport(whole, path, { onProgress: () => tellings++ }, 10);
    expect(tellings).toBeGreaterThan(2);
    for (let nth = 0; nth <= tellings; nth += byTier(Math.ceil(tellings / 3), 1)) {
      const { disk, expectUntouched } = withTarget(kind);
      const controller = new AbortController();
      const reason = new Error('no more');
      let seen = 0;
      const onProgress = (): void => {
        if (++seen >= nth) controller.abort(reason);
      };
      if (nth === 0) controller.abort(reason);
      const run = runImport(disk, path, { onProgress, signal: controller.signal }, 10);
      await expect(run).rejects.toMatchObject({ code: 'VARVE_ABORTED', cause: reason });
      expectUntouched();
    }
  });

  test('an abort while what was written is compared ends it with nothing left', async () => {
    const { disk, path, expectUntouched } = withTarget(kind);
    const controller = new AbortController();
    let last = 0;
    const onProgress = (done: number, total: number): void => {
      if (done !== total || last++ > 0) return;
      // The comparison opens the database again: the first file that it opens for reading is CURRENT.
      const openFile = disk.open.bind(disk);
      disk.open = (name, mode) => {
        if (name.endsWith('CURRENT')) controller.abort();
        return openFile(name, mode);
      };
    };
    await expect(runImport(disk, path, { onProgress, signal: controller.signal })).rejects.toMatchObject({
      code: 'VARVE_ABORTED',
    });
    expectUntouched();
  });

  test('a listener that throws ends it with what it threw, and nothing left', async () => {
    const { disk, path, expectUntouched } = withTarget(kind);
    const thrown = new Error('of the listener');
    const onProgress = (done: number, total: number): void => {
      if (done > total / 2) throw thrown;
    };
    await expect(runImport(disk, path, { onProgress }, 10)).rejects.toBe(thrown);
    expectUntouched();
  });

  test('what is not read back as it was written is not published', async () => {
    const { disk, path, expectUntouched } = withTarget(kind);
    let isWritten = false;
    const onProgress = (done: number, total: number): void => {
      isWritten ||= done === total;
    };
    const openFile = disk.open.bind(disk);
    disk.open = (name, mode) => {
      const handle = openFile(name, mode);
      if (!isWritten || !name.endsWith('.sst') || mode !== 'read') return handle;
      const read = handle.read.bind(handle);
      return Object.assign(handle, {
        read: (target: Uint8Array, position: number) => {
          const bytes = read(target, position);
          target[0] = (target[0] as number) ^ 1;
          return bytes;
        },
      });
    };
    await expect(runImport(disk, path, { onProgress })).rejects.toMatchObject({ code: 'VARVE_CORRUPTION' });
    expectUntouched();
  });

  test('damage deep in the file leaves nothing', async () => {
    const { path, expectUntouched } = withTarget(kind);
    const bytes = Buffer.from(file);
    bytes[14 * 4096] = 0xee;
    const disk = diskWith(bytes);
    if (kind === 'empty') disk.makeDirectory(path);
    await expect(runImport(disk, path)).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', offset: file.length - 32 });
    await expect(runImport(disk, path, { checksum: 'skip' })).rejects.toMatchObject({
      code: 'VARVE_CORRUPTION',
      offset: 14 * 4096,
    });
    expectUntouched(disk);
  });
});

test('progress goes up to its total, which is the file once for its SHA-256 and once for its pages', async () => {
  const told: [number, number][] = [];
  await runImport(diskWith(file), '/db', { onProgress: (done, total) => told.push([done, total]) }, 10);
  expect(told.map(([, total]) => total)).toEqual(told.map(() => 2 * (file.length - 32)));
  expect(told.map(([done]) => done)).toEqual(told.map(([done]) => done).sort((a, b) => a - b));
  expect(told.at(-1)?.[0]).toBe(2 * (file.length - 32));
});
