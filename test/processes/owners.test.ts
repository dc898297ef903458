/**
 * One owner a database: other processes, threads, names and mounts; and what happens to an owner whose directory is moved, removed or
 * robbed of its lock.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Backend, openBackend, verify } from 'varve';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Child, start } from '../contract/support/child.js';
import { pairsOf, putAll } from '../contract/support/content.js';
import { expectRejection, freshPath, hourMs, open, rejectionOf, temporaryDirectory } from '../contract/support/harness.js';
import { byTier, report } from '../support/tier.js';
import { processFixture } from './support/storm.js';

class Contender {
  private constructor(readonly child: Child) {}

  static async start(path: string, how: string, shell?: string): Promise<Contender> {
    const contender = new Contender(start(processFixture('contender.mjs'), [path, how], shell === undefined ? {} : { shell }));
    await contender.child.said(1);
    expect(contender.child.lines, (await contender.childError()) ?? '').toEqual(['ready']);
    return contender;
  }

  get pid(): number | undefined {
    return this.child.process.pid;
  }

  /** What it answers to an order. */
  async tell(order: string): Promise<string> {
    const before = this.child.lines.length;
    this.child.process.stdin?.write(`${order}\n`);
    await this.child.said(before + 1);
    return this.child.lines[before] ?? 'nothing';
  }

  /** Ends it; nothing may have been left unhandled. */
  async end(): Promise<void> {
    this.child.process.stdin?.end();
    const { code, errorText, lines } = await this.child.ended;
    expect(code, `${errorText} ${lines.at(-1)}`).toBe(0);
  }

  private async childError(): Promise<string | undefined> {
    return this.child.lines.length > 0 ? undefined : (await this.child.ended).errorText;
  }
}

const locked = (pid: number | undefined): unknown => expect.stringMatching(new RegExp(`^VARVE_LOCKED .*\\b${pid}\\b`));

test('a second process is refused at once and told the pid, in every mix of writers and readers; the first goes on unharmed', async () => {
  const path = freshPath();
  const [writer, other, reader] = await Promise.all(['backend', 'backend', 'reader'].map((how) => Contender.start(path, how)));
  expect(await writer?.tell('take')).toBe('held');
  expect(await writer?.tell('write')).toBe('acknowledged');
  expect(await other?.tell('take')).toEqual(locked(writer?.pid));
  expect(await reader?.tell('take')).toEqual(locked(writer?.pid));
  expect(await rejectionOf(verify(path))).toMatchObject({ code: 'VARVE_LOCKED' });
  for (let left = 60; left > 0; left--) expect(await writer?.tell('write')).toBe('acknowledged');
  expect(await writer?.tell('release')).toBe('released');
  expect(await reader?.tell('take')).toBe('held');
  expect(await writer?.tell('take')).toMatch(/^VARVE_LOCKED/);
  expect(await reader?.tell('release')).toBe('released');
  expect(await other?.tell('take')).toBe('held');
  // A lock of the dead: nobody has to do anything.
  other?.child.process.kill('SIGKILL');
  await other?.child.ended;
  expect(await writer?.tell('take')).toBe('held');
  await Promise.all([writer?.end(), reader?.end()]);
  expect((await verify(path)).problems).toEqual([]);
});

// The locks alone race in test/env/directory-lock.test.ts, too.
test.each(byTier(['backend'], ['backend', 'kernel', 'claim']))(
  'of processes that race for one directory exactly one wins, each time: %s',
  async (how) => {
    const rounds = byTier(3, 60);
    const shared = freshPath();
    const contenders = await Promise.all(Array.from({ length: byTier(3, 8) }, () => Contender.start(shared, how)));
    for (let round = 0; round < rounds; round++) {
      const answers = await Promise.all(contenders.map((contender) => contender.tell('take')));
      const told = answers.join('\n');
      expect(answers.filter((answer) => answer === 'held').length, told).toBe(1);
      expect(answers.filter((answer) => answer.startsWith('VARVE_LOCKED')).length, told).toBe(contenders.length - 1);
      await Promise.all(contenders.map((contender) => contender.tell('release')));
    }
    await Promise.all(contenders.map((contender) => contender.end()));
    report('owners', `${rounds} races of ${contenders.length} processes: ${how}`);
  },
);

describe('what is open', () => {
  async function openedPath(): Promise<string> {
    const path = freshPath();
    putAll(await open({ path }), 'b', [['k', 'v']]);
    return path;
  }

  test('is refused to the same process by every spelling of its name', async () => {
    const path = await openedPath();
    const parent = dirname(path);
    symlinkSync(parent, join(parent, 'link'));
    for (const name of [
      path,
      relative(process.cwd(), path),
      join(parent, 'link', basename(path)),
      `${parent}//./${basename(path)}/../${basename(path)}/`,
      `/proc/self/root${path}`,
    ])
      for (const readOnly of [false, true]) await expectRejection(() => openBackend({ path: name, readOnly }), 'VARVE_LOCKED');
  });

  test('is refused to another directory whose LOCK is the same file', async () => {
    const path = await openedPath();
    const other = join(temporaryDirectory(), 'other');
    mkdirSync(other);
    linkSync(join(path, 'LOCK'), join(other, 'LOCK'));
    await expectRejection(() => openBackend({ path: other }), 'VARVE_LOCKED');
    const contender = await Contender.start(other, 'backend');
    expect(await contender.tell('take')).toMatch(/^VARVE_LOCKED/);
    await contender.end();
  });

  test('is refused to a process that sees it at another place: through a mount where one can be made, else through a link', async () => {
    const path = await openedPath();
    const place = temporaryDirectory();
    const canMount = spawnSync('unshare', ['-m', 'mount', '--bind', '/tmp', '/tmp']).status === 0;
    const seenAt = canMount ? place : join(place, 'link');
    if (!canMount) symlinkSync(path, seenAt);
    const mounted = `unshare -m sh -c 'mount --bind ${path} ${place} && exec "$@"' sh "$@"`;
    const contender = await Contender.start(seenAt, 'backend', canMount ? mounted : undefined);
    expect(await contender.tell('take')).toEqual(locked(process.pid));
    await contender.end();
  });

  test('is refused to another thread, and cannot be handed to one', async () => {
    const backend = await open();
    expect(() => structuredClone(backend)).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
    const path = await openedPath();
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.library)
        .then(({ openBackend }) => openBackend({ path: workerData.path }))
        .then(() => parentPort.postMessage('open'), (error) => parentPort.postMessage(error.code));`;
    const library = pathToFileURL(join(import.meta.dirname, '../../dist/index.js')).href;
    const worker = new Worker(source, { eval: true, workerData: { library, path } });
    expect(await new Promise((resolve) => worker.once('message', resolve))).toBe('VARVE_LOCKED');
    await worker.terminate();
  });
});

describe('an owner whose directory goes', () => {
  const value = 'v'.repeat(1000);

  async function owner(): Promise<{ backend: Backend; path: string }> {
    const path = freshPath();
    const backend = await openBackend({ path, memtableBytes: 16_384, batchIntervalMs: hourMs });
    onTestFinished(() => backend.close().catch(() => {}));
    putAll(backend, 'b', [['a', value]]);
    await backend.forceCommit();
    return { backend, path };
  }

  /** Commits one key after another until that fails; gives the number of those that were acknowledged. */
  async function commitOn(backend: Backend): Promise<number> {
    for (let number = 0; number < 100; number++) {
      putAll(backend, 'b', [[`k${number}`, value]]);
      const failure = await backend.forceCommit().catch((error: unknown) => error);
      if (failure === undefined) continue;
      expect(failure).toMatchObject({ code: 'VARVE_IO', file: expect.stringMatching(/LOCK$/) });
      // Nothing of it was written: it fails again for as long as the directory is gone.
      expect(await rejectionOf(backend.forceCommit())).toMatchObject({ code: 'VARVE_IO' });
      return number;
    }
    return expect.fail('no commit failed');
  }

  test('to another name commits into the log that is open, and fails with the first that needs a new file; all is at the new name', async () => {
    const { backend, path } = await owner();
    renameSync(path, `${path}-moved`);
    await expectRejection(() => openBackend({ path: `${path}-moved` }), 'VARVE_LOCKED');
    const acknowledged = await commitOn(backend);
    expect(acknowledged).toBeGreaterThan(0);
    expect(existsSync(path)).toBe(false);
    await backend.close().catch(() => {});
    expect((await verify(`${path}-moved`)).problems).toEqual([]);
    const moved = await open({ path: `${path}-moved` });
    expect(pairsOf(moved.readTx(), 'b').length).toBeGreaterThanOrEqual(acknowledged + 1);
  });

  test('for good fails with the first commit that needs a new file, and makes nothing in its place', async () => {
    const { backend, path } = await owner();
    rmSync(path, { recursive: true });
    await commitOn(backend);
    await backend.close().catch(() => {});
    expect(readdirSync(dirname(path))).toEqual([]);
  });

  test('and comes back in time goes on', async () => {
    const { backend, path } = await owner();
    renameSync(path, `${path}-moved`);
    putAll(backend, 'b', [['b', value]]);
    await backend.forceCommit();
    renameSync(`${path}-moved`, path);
    for (let number = 0; number < 60; number++) putAll(backend, 'b', [[`k${number}`, value]]);
    await backend.defrag();
    await backend.close();
    expect(pairsOf((await open({ path })).readTx(), 'b')).toHaveLength(62);
  });

  test('loses its LOCK to somebody is stopped before it makes another file, whoever has the directory then', async () => {
    const { backend, path } = await owner();
    unlinkSync(join(path, 'LOCK'));
    const thief = await Contender.start(path, 'backend');
    expect(await thief.tell('take')).toBe('held');
    expect(await thief.tell('write')).toBe('acknowledged');
    await commitOn(backend);
    const files = readdirSync(path).sort();
    await backend.close().catch(() => {});
    expect(readdirSync(path).sort()).toEqual(files);
    expect(await thief.tell('write')).toBe('acknowledged');
    expect(await thief.tell('release')).toBe('released');
    await thief.end();
    expect((await verify(path)).problems).toEqual([]);
  });
});
