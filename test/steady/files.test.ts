/**
 * Files are for their owner alone, whatever the umask, and nothing is ever written through a link.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openTmpBackend, restoreSnapshot, VarveError } from 'varve';
import { rmSync } from 'node:fs';
import { parseFileName } from '../../src/format/file-names.js';
import { run } from '../contract/support/child.js';
import { numbered, pairsOf, putAll } from '../contract/support/content.js';
import { closeLater, expectRejection, freshPath, open, temporaryDirectory } from '../contract/support/harness.js';
import { inChunks, takeSnapshot } from '../contract/support/snapshots.js';

/** The modes of everything below a directory, by what it is. */
function modesBelow(directory: string): Map<string, Set<string>> {
  const modes = new Map<string, Set<string>>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const kind = entry.isDirectory()
      ? 'directory'
      : (parseFileName(entry.name)?.kind ?? (/^LOCK-/.test(entry.name) ? 'claim' : entry.name));
    const mode = (lstatSync(join(entry.parentPath, entry.name)).mode & 0o7777).toString(8);
    modes.set(kind, (modes.get(kind) ?? new Set()).add(mode));
  }
  return modes;
}

describe('modes', () => {
  test.each(['000', '077'])(
    'under umask %s files are 0600 and directories 0700, from the moment they are made',
    async (umask) => {
      const place = temporaryDirectory();
      // The fixture looks at every name in the moment in which it first appears, too.
      const [said] = await run('../../steady/fixtures/modes.mjs', [place], { shell: `umask ${umask}; exec "$@"` });
      const seen = JSON.parse(said ?? '') as Record<string, string[]>;
      const wanted = Object.fromEntries(
        ['current', 'lock', 'manifest', 'log', 'table', 'temporary', 'claim', 'directory'].map((kind) => [
          kind,
          [kind === 'directory' ? '700' : '600'],
        ]),
      );
      expect(seen).toEqual(wanted);
      for (const [kind, modes] of modesBelow(place)) expect([...modes], kind).toEqual([kind === 'directory' ? '700' : '600']);
    },
  );

  test('a temporary database is private, too', async () => {
    const { backend, path } = await openTmpBackend(3_600_000, 1_000_000);
    onTestFinished(() => rmSync(path, { recursive: true }));
    closeLater(backend);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  test('those of a directory that was there stay as they are', async () => {
    const path = temporaryDirectory();
    chmodSync(path, 0o755);
    await (await open({ path })).close();
    expect(statSync(path).mode & 0o777).toBe(0o755);
  });
});

/** A victim outside of every database, and what it must stay. */
function victimIn(place: string): { path: string; expectUntouched: () => void } {
  const path = join(place, 'victim');
  writeFileSync(path, 'precious', { mode: 0o640 });
  const { mode, mtimeMs } = statSync(path);
  return {
    path,
    expectUntouched: () => {
      expect(readFileSync(path, 'utf8')).toBe('precious');
      expect(statSync(path)).toMatchObject({ mode, mtimeMs });
    },
  };
}

/** Opens, puts, commits, defragments and closes; gives the error of ours that ended it, if one did. */
async function useDatabase(path: string): Promise<VarveError | undefined> {
  try {
    const backend = await open({ path, memtableBytes: 16_384 });
    try {
      putAll(backend, 'b', numbered(400, 100));
      await backend.forceCommit();
      await backend.defrag();
    } finally {
      await backend.close();
    }
  } catch (error) {
    if (error instanceof VarveError) return error;
    throw error;
  }
  return undefined;
}

/** The next numbers of a database, under each name that a file may get. */
function nextNames(path: string): string[] {
  const numbers = readdirSync(path).map((name) => parseFileName(name)?.number ?? 0);
  const first = Math.max(...numbers) + 1;
  return Array.from({ length: 40 }, (_, at) => String(first + at).padStart(6, '0')).flatMap((digits) => [
    `${digits}.log`,
    `${digits}.sst`,
    `${digits}.tmp`,
    `MANIFEST-${digits}`,
  ]);
}

const plants: readonly [string, (target: string, path: string) => void][] = [
  ['a link', (target, path) => symlinkSync(target, path)],
  ['a link to nothing', (target, path) => symlinkSync(`${target}-that-is-not-there`, path)],
  ['a hard link', (target, path) => linkSync(target, path)],
];

describe('planted under the next names', () => {
  test.each(plants)('%s is never written through: before an open', async (_what, plant) => {
    const place = temporaryDirectory();
    const victim = victimIn(place);
    const path = join(place, 'db');
    expect(await useDatabase(path)).toBeUndefined();
    for (const name of nextNames(path)) plant(victim.path, join(path, name));
    const error = await useDatabase(path);
    if (error !== undefined) expect(['VARVE_IO', 'VARVE_CORRUPTION', 'VARVE_POISONED']).toContain(error.code);
    victim.expectUntouched();
    expect(readdirSync(place).sort()).toEqual(['db', 'victim']);
  });

  test.each(plants)('%s is never written through: while it is open', async (_what, plant) => {
    const place = temporaryDirectory();
    const victim = victimIn(place);
    const path = join(place, 'db');
    const backend = await open({ path, memtableBytes: 16_384 });
    putAll(backend, 'b', numbered(10));
    await backend.forceCommit();
    for (const name of nextNames(path)) plant(victim.path, join(path, name));
    let failed = false;
    for (const work of [() => putAll(backend, 'b', numbered(400, 100)), () => backend.forceCommit(), () => backend.defrag()]) {
      await Promise.resolve()
        .then(work)
        .catch((error: unknown) => {
          failed = true;
          expect(error).toBeInstanceOf(VarveError);
        });
    }
    expect(failed).toBe(true);
    await backend.close().catch((error: unknown) => expect(error).toBeInstanceOf(VarveError));
    victim.expectUntouched();
    expect(readdirSync(place).sort()).toEqual(['db', 'victim']);
  });

  test.each(plants)('%s that is LOCK or CURRENT is refused, and stays', async (_what, plant) => {
    for (const name of ['LOCK', 'CURRENT']) {
      const place = temporaryDirectory();
      const victim = victimIn(place);
      const path = join(place, 'db');
      mkdirSync(path);
      plant(victim.path, join(path, name));
      const error = await useDatabase(path);
      expect(['VARVE_IO', 'VARVE_CORRUPTION'], name).toContain(error?.code);
      victim.expectUntouched();
      expect(readdirSync(place).sort()).toEqual(['db', 'victim']);
    }
  });
});

describe('a live file that is replaced by a link to its own content', () => {
  test('is refused with its name, and its target stays', async () => {
    const origin = freshPath();
    expect(await useDatabase(origin)).toBeUndefined();
    for (const name of readdirSync(origin)) {
      const place = temporaryDirectory();
      execFileSync('cp', ['-a', origin, join(place, 'db')]);
      execFileSync('mv', [join(place, 'db', name), join(place, name)]);
      symlinkSync(join(place, name), join(place, 'db', name));
      const before = readFileSync(join(place, name));
      const error = await expectRejection(
        () => open({ path: join(place, 'db') }).then((backend) => backend.defrag()),
        codeFor(name),
      );
      expect(error.file, name).toContain(name);
      expect(readFileSync(join(place, name))).toEqual(before);
    }
  });
});

function codeFor(name: string): 'VARVE_IO' | 'VARVE_CORRUPTION' {
  return parseFileName(name)?.kind === 'table' ? 'VARVE_CORRUPTION' : 'VARVE_IO';
}

describe('a directory behind links', () => {
  test('is a database like any other, and stays behind them', async () => {
    const place = temporaryDirectory();
    mkdirSync(join(place, 'real', 'deep'), { recursive: true });
    symlinkSync('real', join(place, 'link'));
    const backend = await open({ path: join(place, 'link', 'deep', 'db') });
    putAll(backend, 'b', [['k', 'v']]);
    await expectRejection(() => open({ path: join(place, 'real', 'deep', 'db') }), 'VARVE_LOCKED');
    await backend.close();
    symlinkSync(join(place, 'real', 'deep', 'db'), join(place, 'alias'));
    expect(pairsOf((await open({ path: join(place, 'alias') })).readTx(), 'b')).toEqual([['k', 'v']]);
    expect(relative(place, join(place, readlinkSync(join(place, 'link'))))).toBe('real');
  });
});

describe('a restore', () => {
  test('into a directory in which something was planted is refused, and the target of a link stays', async () => {
    const source = await open();
    putAll(source, 'b', numbered(300, 100));
    const archive = await takeSnapshot(source);
    for (const name of ['restoring', '000001.sst', 'CURRENT', 'LOCK']) {
      const place = temporaryDirectory();
      const victim = victimIn(place);
      const path = join(place, 'db');
      mkdirSync(path);
      symlinkSync(name === 'restoring' ? place : victim.path, join(path, name));
      await expectRejection(() => restoreSnapshot(inChunks(archive), path), 'VARVE_INVALID_ARGUMENT');
      victim.expectUntouched();
      expect(readdirSync(place).sort()).toEqual(['db', 'victim']);
      expect(readdirSync(path)).toEqual([name]);
    }
  });
});
