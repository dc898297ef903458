/**
 * Opening: the path, every option with its default and its range, and the four ways to open.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as varve from 'varve';
import {
  type BackendConfig,
  defaultBackendConfig,
  openBackend,
  openDefaultBackend,
  openDefaultTmpBackend,
  openTmpBackend,
} from 'varve';
import { describe, expect, onTestFinished, test } from 'vitest';
import { run } from './support/child.js';
import { everything, numbered, pairsOf, putAll, unlockedContent } from './support/content.js';
import { bytesOnDisk } from './support/disk.js';
import { closeLater, expectRejection, freshPath, hourMs, open, temporaryDirectory, until } from './support/harness.js';

/** A configuration that the types refuse: what a caller without types may give. */
function untyped(config: Record<string, unknown>): BackendConfig {
  return config as unknown as BackendConfig;
}

describe('the package', () => {
  test('exports every function and class of the contract', () => {
    const functions = [
      varve.defaultBackendConfig,
      varve.openBackend,
      varve.openDefaultBackend,
      varve.openTmpBackend,
      varve.openDefaultTmpBackend,
      varve.restoreSnapshot,
      varve.verify,
      varve.VarveError,
    ];
    for (const exported of functions) expect(exported).toBeTypeOf('function');
  });

  test('is an ES module with types for node 20.19 and newer', () => {
    const manifest = JSON.parse(readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'));
    expect(manifest.type).toBe('module');
    expect(manifest.engines.node).toBe('>=20.19');
    expect(manifest.exports['.'].types).toBeTypeOf('string');
  });
});

describe('path', () => {
  test('a missing directory is created with its parents, for the owner alone', async () => {
    const path = join(temporaryDirectory(), 'one', 'two', 'db');
    await open({ path });
    for (const made of [path, dirname(path), dirname(dirname(path))]) expect(statSync(made).mode & 0o777).toBe(0o700);
  });

  test('an empty directory becomes a database', async () => {
    const backend = await open({ path: temporaryDirectory() });
    expect(everything(backend.readTx())).toEqual([]);
  });

  test('a relative path is one from the working directory', async () => {
    const path = freshPath();
    const backend = await open({ path: relative(process.cwd(), path) });
    putAll(backend, 'b', [['k', 'v']]);
    await backend.close();
    expect(unlockedContent(await open({ path, createIfMissing: false }))).toEqual([['b', [['k', 'v']]]]);
  });

  test.each([true, false])(
    'a path that is a file, or lies below one, is VARVE_IO (createIfMissing %s)',
    async (createIfMissing) => {
      const file = join(temporaryDirectory(), 'file');
      writeFileSync(file, 'here first');
      await expectRejection(() => openBackend({ path: file, createIfMissing }), 'VARVE_IO');
      await expectRejection(() => openBackend({ path: join(file, 'db'), createIfMissing }), 'VARVE_IO');
      expect(readFileSync(file, 'utf8')).toBe('here first');
    },
  );

  test('a directory that holds something else is VARVE_INVALID_ARGUMENT, and is left as it is', async () => {
    const path = temporaryDirectory();
    writeFileSync(join(path, 'letter.txt'), 'dear');
    await expectRejection(() => openBackend({ path }), 'VARVE_INVALID_ARGUMENT');
    expect(readdirSync(path)).toEqual(['letter.txt']);
  });

  test('a directory that holds something else is VARVE_NOT_FOUND where nothing may be created', async () => {
    const path = temporaryDirectory();
    mkdirSync(join(path, 'photographs'));
    await expectRejection(() => openBackend({ path, createIfMissing: false }), 'VARVE_NOT_FOUND');
    expect(readdirSync(path)).toEqual(['photographs']);
  });

  test.each([undefined, null, 42, {}, ''])('a path that is no name (%s) is VARVE_INVALID_ARGUMENT', async (path) => {
    await expectRejection(() => openBackend(untyped({ path })), 'VARVE_INVALID_ARGUMENT');
  });

  test('a directory that this process has open is VARVE_LOCKED, by whatever name it is called', async () => {
    const parent = temporaryDirectory();
    const path = join(parent, 'db');
    const backend = await open({ path });
    symlinkSync(parent, join(parent, 'self'));
    await expectRejection(() => openBackend({ path }), 'VARVE_LOCKED');
    await expectRejection(() => openBackend({ path: join(parent, 'self', 'db') }), 'VARVE_LOCKED');
    await expectRejection(() => openBackend({ path: relative(process.cwd(), resolve(path)) }), 'VARVE_LOCKED');
    putAll(backend, 'b', [['k', 'v']]);
    await backend.forceCommit();
    await backend.close();
    expect(unlockedContent(await open({ path }))).toEqual([['b', [['k', 'v']]]]);
  });
});

describe('options out of range', () => {
  const whole = ['batchIntervalMs', 'batchLimit', 'cacheBytes', 'memtableBytes'];
  const wrong = [-1, Number.NaN, 1.5, '100', null];
  test.each(whole.flatMap((option) => wrong.map((value) => [option, value] as const)))(
    '%s of %s throws VARVE_INVALID_ARGUMENT, naming the option and its range, and makes nothing',
    async (option, value) => {
      const path = freshPath();
      const scale = option === 'memtableBytes' && value === 1.5 ? 16_384.5 : value;
      const error = await expectRejection(() => openBackend(untyped({ path, [option]: scale })), 'VARVE_INVALID_ARGUMENT');
      expect(error.message).toContain(option);
      expect(error.message).toMatch(/\d/);
      expect(existsSync(path)).toBe(false);
    },
  );

  test('a memtable under 16 KiB is refused, and one of 16 KiB works', async () => {
    const error = await expectRejection(
      () => openBackend({ path: freshPath(), memtableBytes: 16_383 }),
      'VARVE_INVALID_ARGUMENT',
    );
    expect(error.message).toContain('memtableBytes');
    expect(error.message).toMatch(/16[ _,]?384|16 ?KiB/);
    const backend = await open({ memtableBytes: 16_384 });
    const pairs = numbered(1000, 100);
    putAll(backend, 'b', pairs);
    expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs);
  });

  test.each([
    ['compression', 'lz4'],
    ['compression', 1],
    ['compaction', 'fast'],
    ['compaction', ''],
  ])('%s of %s is refused, naming the option', async (option, value) => {
    const error = await expectRejection(
      () => openBackend(untyped({ path: freshPath(), [option]: value })),
      'VARVE_INVALID_ARGUMENT',
    );
    expect(error.message).toContain(option);
  });

  test('a refused configuration leaves the database as it was, and free to open', async () => {
    const path = freshPath();
    const backend = await open({ path });
    putAll(backend, 'b', [['k', 'v']]);
    await backend.close();
    await expectRejection(() => openBackend({ path, batchLimit: -1 }), 'VARVE_INVALID_ARGUMENT');
    expect(unlockedContent(await open({ path }))).toEqual([['b', [['k', 'v']]]]);
  });
});

describe('the other options', () => {
  const pairs = numbered(3000, 100);

  test.each([0, 1, 4096, 1 << 20])('a cache of %d bytes gives the same answers', async (cacheBytes) => {
    const path = freshPath();
    const writer = await open({ path, cacheBytes, memtableBytes: 16_384 });
    putAll(writer, 'b', pairs);
    await writer.defrag();
    expect(pairsOf(writer.readTx(), 'b')).toEqual(pairs);
    await writer.close();
    const reader = await open({ path, cacheBytes });
    for (const [key, value] of pairs) expect(reader.readTx().unsafeGet('b', key)?.toString()).toBe(value);
  });

  test.each(['auto', 'zstd', 'none'] as const)(
    'compression %s: what was written is read after a reopening with each other',
    async (compression) => {
      const path = freshPath();
      const writer = await open({ path, compression, memtableBytes: 16_384 });
      putAll(writer, 'b', pairs);
      await writer.defrag();
      await writer.close();
      for (const other of ['auto', 'zstd', 'none'] as const) {
        const reader = await open({ path, compression: other });
        expect(pairsOf(reader.readTx(), 'b')).toEqual(pairs);
        await reader.close();
      }
    },
  );

  test('zstd makes what repeats itself smaller', async () => {
    const repeated = numbered(2000).map(([key]) => [key, 'the same words again and again. '.repeat(8)] as const);
    const sizes: number[] = [];
    for (const compression of ['none', 'zstd'] as const) {
      const backend = await open({ compression });
      putAll(backend, 'b', repeated);
      await backend.defrag();
      sizes.push(backend.size());
    }
    expect(sizes[1] as number).toBeLessThan((sizes[0] as number) / 2);
  });

  test("without a codec 'zstd' is refused, 'auto' works, and compressed tables are VARVE_UNSUPPORTED_VERSION", async () => {
    const path = freshPath();
    const writer = await open({ path, compression: 'zstd' });
    putAll(
      writer,
      'b',
      numbered(2000).map(([key]) => [key, 'words '.repeat(50)] as const),
    );
    await writer.defrag();
    await writer.close();
    const lines = await run('no-codec.mjs', [path, freshPath()]);
    expect(lines).toEqual(['zstd VARVE_INVALID_ARGUMENT', 'auto works', 'compressed VARVE_UNSUPPORTED_VERSION']);
  });

  test.each(['balanced', 'read', 'write', 'space'] as const)(
    'compaction %s: overwriting and deleting come out right',
    async (compaction) => {
      const backend = await open({ compaction, memtableBytes: 16_384 });
      putAll(backend, 'b', pairs);
      putAll(
        backend,
        'b',
        pairs.map(([key]) => [key, 'new'] as const),
      );
      backend.update((tx) => {
        for (const [key] of pairs.slice(0, 1000)) tx.unsafeDelete('b', key);
      });
      await backend.forceCommit();
      expect(pairsOf(backend.readTx(), 'b')).toEqual(pairs.slice(1000).map(([key]) => [key, 'new']));
    },
  );

  test('unsafeNoFsync: a clean close keeps everything', async () => {
    const path = freshPath();
    const backend = await open({ path, unsafeNoFsync: true });
    putAll(backend, 'b', pairs);
    await backend.forceCommit();
    await backend.close();
    expect(pairsOf((await open({ path })).readTx(), 'b')).toEqual(pairs);
  });

  test('createIfMissing false: nothing there, or nothing in it, is VARVE_NOT_FOUND and stays so; a database opens', async () => {
    const path = freshPath();
    const empty = temporaryDirectory();
    await expectRejection(() => openBackend({ path, createIfMissing: false }), 'VARVE_NOT_FOUND');
    await expectRejection(() => openBackend({ path: empty, createIfMissing: false }), 'VARVE_NOT_FOUND');
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(empty)).toEqual([]);
    await (await open({ path })).close();
    await open({ path, createIfMissing: false });
  });

  test('an option that is undefined is one that is absent', async () => {
    const config = untyped({
      path: freshPath(),
      batchLimit: undefined,
      compression: undefined,
      onPreCommit: undefined,
      readOnly: undefined,
    });
    const backend = closeLater(await openBackend(config));
    putAll(backend, 'b', [['k', 'v']]);
    await backend.forceCommit();
  });
});

describe('the ways to open', () => {
  test('defaultBackendConfig spells out every default, path apart', () => {
    const { memtableBytes, ...others } = defaultBackendConfig();
    expect(others).toEqual({
      batchIntervalMs: 100,
      batchLimit: 10_000,
      cacheBytes: 64 * 1024 * 1024,
      compression: 'auto',
      compaction: 'balanced',
      unsafeNoFsync: false,
      readOnly: false,
      createIfMissing: true,
    });
    expect(Number.isSafeInteger(memtableBytes)).toBe(true);
    expect(memtableBytes).toBeGreaterThanOrEqual(16_384);
  });

  test('changing the defaults that were given changes no others', () => {
    defaultBackendConfig().batchLimit = 7;
    expect(defaultBackendConfig().batchLimit).toBe(10_000);
  });

  test('openDefaultBackend opens the path with the defaults', async () => {
    const path = freshPath();
    const backend = closeLater(await openDefaultBackend(path));
    putAll(backend, 'b', [['k', 'v']]);
    await until(() => backend.commits() === 1, 'the default interval commits');
    expect(backend.size()).toBe(bytesOnDisk(path));
  });

  test.each([
    ['openTmpBackend', () => openTmpBackend(hourMs, 2)],
    ['openDefaultTmpBackend', () => openDefaultTmpBackend()],
  ] as const)(
    '%s: a fresh directory below the temporary one, which stays until the caller removes it',
    async (_name, openTmp) => {
      const first = await openTmp();
      const second = await openTmp();
      for (const { backend, path } of [first, second]) {
        onTestFinished(() => rmSync(path, { recursive: true, force: true }));
        closeLater(backend);
        expect(resolve(path).startsWith(resolve(tmpdir()))).toBe(true);
        putAll(backend, 'b', [['k', path]]);
        await until(() => backend.commits() === 1, 'the batch limit or the interval commits');
      }
      expect(first.path).not.toBe(second.path);
      await first.backend.close();
      expect(unlockedContent(await open({ path: first.path, createIfMissing: false }))).toEqual([['b', [['k', first.path]]]]);
    },
  );
});
