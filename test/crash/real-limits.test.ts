/**
 * Faults that the system itself makes, in processes of their own, over the built package: no file may grow, hardly a file may be open,
 * a disk is full, a mount is read-only.
 *
 * The deep tier fills file systems of growing sizes and mounts one without the right to write; both need `unshare -rm` (a user namespace,
 * or root). Changing a limit from outside needs `prlimit`. Both are of util-linux; a test that lacks one says so and fails.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openBackend, restoreSnapshot, verify } from 'varve';
import { describe, expect, onTestFinished, test } from 'vitest';
import { byTier, isDeep, report } from '../support/tier.js';

const deadlineMs = byTier(60_000, 600_000);

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'varve-limits-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A fixture that runs: what it says, and its end. */
class Fixture {
  readonly lines: string[] = [];
  readonly process: ChildProcess;
  private errorText = '';
  private readonly ended: Promise<number | null>;
  private wake: () => void = () => {};
  private isOver = false;

  /** `command` stands before the program and its arguments. */
  constructor(fixture: string, args: readonly string[], command: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) {
    const path = fileURLToPath(new URL(`fixtures/${fixture}`, import.meta.url));
    const [program, ...rest] = [...command, process.execPath, path, ...args];
    const env = { ...process.env, ...environment };
    const child = spawn(program as string, rest, { stdio: ['pipe', 'pipe', 'pipe'], env });
    this.process = child;
    child.stdin.on('error', () => {});
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    child.stderr.on('data', (text) => {
      this.errorText += String(text);
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.push(line);
      this.wake();
    });
    this.ended = new Promise((resolve) => {
      const end = (code: number | null): void => {
        this.isOver = true;
        this.wake();
        resolve(code);
      };
      child.on('error', (error) => {
        this.errorText += String(error);
        end(null);
      });
      child.on('close', end);
    });
  }

  /** Resolves when a line was said. */
  async said(text: string): Promise<void> {
    while (!this.lines.includes(text)) {
      if (this.isOver) expect.fail(`ended before it said "${text}": ${this.lines.join(', ')}; ${this.errorText}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Its lines; it must end by itself, and well. */
  async end(): Promise<string[]> {
    const code = await this.ended;
    expect(code, `${this.lines.join(', ')}\n${this.errorText}`).toBe(0);
    return this.lines;
  }
}

function run(
  fixture: string,
  args: readonly string[],
  command?: readonly string[],
  environment?: NodeJS.ProcessEnv,
): Promise<string[]> {
  return new Fixture(fixture, args, command, environment).end();
}

/** Numbers of sections that were acknowledged and unlocked, as fixtures say them last. */
function sectionsIn(lines: readonly string[]): string[] {
  return (lines.at(-1) ?? '').split(' ').slice(1);
}

test(
  'where no file may grow as long as the tables of compactions, those fail and are counted, and everything else goes on',
  async () => {
    const path = join(temporaryDirectory(), 'db');
    // In units of 512 bytes: logs and flushed tables are shorter, merged tables longer.
    const lines = await run('limits.mjs', ['file-size', path], ['/bin/sh', '-c', 'ulimit -f 100; exec "$@"', 'sh']);
    const after = await run('limits.mjs', ['check', path, ...sectionsIn(lines)]);
    expect(Number(sectionsIn(after)[0])).toBe(Number(sectionsIn(lines)[0]) + 100);
  },
  deadlineMs,
);

describe('where hardly a file may be open', () => {
  const limits = byTier(
    [18, 40],
    Array.from({ length: 50 }, (_, at) => at + 16),
  );

  const limit = (child: ChildProcess, files: number): void => {
    try {
      execFileSync('prlimit', ['--pid', String(child.pid), `--nofile=${files}:`]);
    } catch (error) {
      expect.fail(`this test needs prlimit (of util-linux): ${String(error)}`);
    }
  };

  test(
    'a database opens or fails with VARVE_IO, never half, reads go on, and all works when the limit is away',
    async () => {
      const place = temporaryDirectory();
      const template = join(place, 'template');
      const built = sectionsIn(await run('limits.mjs', ['build', template]));
      let opened = 0;
      for (const files of limits) {
        const path = join(place, String(files));
        execFileSync('cp', ['-r', template, path]);
        const fixture = new Fixture('limits.mjs', ['open-files', path, ...built]);
        await fixture.said('started');
        limit(fixture.process, files);
        fixture.process.stdin?.write('go\n');
        await fixture.said('limited');
        limit(fixture.process, 1024);
        fixture.process.stdin?.write('on\n');
        const lines = await fixture.end();
        const where = `${files} files: ${lines.join(', ')}`;
        const isOpen = lines.includes('open');
        if (isOpen) opened++;
        else expect(lines[1], where).toMatch(/^not open: VARVE_IO (EMFILE)?$/);
        for (const line of lines.filter((each) => each.startsWith('written')))
          expect(line, where).toMatch(/^written: (all|VARVE_IO)/);
        for (const line of lines.filter((each) => each.startsWith('again')))
          expect(line, where).toMatch(/^again: (well|VARVE_POISONED)$/);
        rmSync(path, { recursive: true });
      }
      report('open files', `${limits.length} limits, under ${opened} of them it opened, ${2 * limits.length} reopenings`);
      expect(opened).toBeGreaterThan(0);
    },
    deadlineMs,
  );
});

test('a snapshot whose target is a full disk is VARVE_IO with ENOSPC; the snapshot can be written elsewhere', async () => {
  const path = join(temporaryDirectory(), 'db');
  const backend = await openBackend({ path });
  onTestFinished(() => backend.close());
  backend.update((tx) => tx.unsafeCreateBucket('b'));
  const snapshot = await backend.snapshot();
  const full = createWriteStream('/dev/full');
  const error: unknown = await snapshot.writeTo(full).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'VARVE_IO', cause: { code: 'ENOSPC' } });
  const target = createWriteStream(`${path}.tar`);
  expect(await snapshot.writeTo(target)).toBe(snapshot.size());
  await new Promise<void>((resolve) => target.end(resolve));
  await restoreSnapshot(`${path}.tar`, `${path}-restored`);
  expect((await verify(`${path}-restored`)).problems).toEqual([]);
});

/** Sizes in KiB at which file systems are filled, by the place of a database's life. */
const placesOf: Readonly<Record<string, readonly number[]>> = {
  creation: [16, 32, 64, 256],
  log: [256, 384, 512, 1024, 2048, 4096, 8192],
  flush: [256, 320, 384, 448, 512, 640, 768, 1024, 1536, 2048, 4096],
  compaction: [1024, 1280, 1536, 2048, 3072, 4096],
  impatient: [512, 768, 1024, 2048, 4096],
  steady: [1024, 2048, 4096],
  snapshot: [1024, 1536, 2048],
  restore: [64, 128, 256, 512, 1024],
};

if (isDeep) {
  const inNamespace = ['unshare', '-rm'];
  const needsNamespace = (): void => {
    try {
      execFileSync('unshare', ['-rm', 'true'], { stdio: 'pipe' });
    } catch (error) {
      expect.fail(`this test needs unshare -rm, so a user namespace or root, which is not to be had here: ${String(error)}`);
    }
  };

  describe('a file system that is filled', () => {
    test.each(Object.entries(placesOf))(
      'at the %s: VARVE_NO_SPACE, nothing is poisoned, and all works when there is room',
      async (place, sizes) => {
        needsNamespace();
        const [mountPoint, elsewhere] = [temporaryDirectory(), temporaryDirectory()];
        const args = [place, mountPoint, ...sizes.map(String)];
        const lines = await run('small-tmpfs.mjs', args, inNamespace, { VARVE_ELSEWHERE: elsewhere });
        report(`full file system, ${place}`, lines.join(' '));
      },
      deadlineMs,
    );
  });

  test(
    'a mount that is read-only: reading, hash, snapshot and verify work and write nothing, and writing is refused by name',
    async () => {
      needsNamespace();
      const lines = await run('read-only-mount.mjs', [temporaryDirectory()], inNamespace);
      expect(lines).toEqual(['to write: VARVE_IO EROFS', 'to create: VARVE_IO EROFS', 'complete']);
    },
    deadlineMs,
  );
}
