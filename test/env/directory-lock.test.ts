import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { claimName } from '../../src/env/claim-lock.js';
import { acquireDirectoryLock, type DirectoryLockOptions } from '../../src/env/directory-lock.js';
import type { FileHandle, OpenMode } from '../../src/env/file-system.js';
import { NodeFileSystem, nodeFileSystem } from '../../src/env/node-file-system.js';
import { currentProcess } from '../../src/env/process-identity.js';
import { VarveError } from '../../src/errors.js';

/** An optional dependency: without it every lock is by claims, and nearly all rules hold the same. */
const kernelLocksAreThere = ((): boolean => {
  try {
    return createRequire(import.meta.url)('fs-native-extensions') !== undefined;
  } catch {
    return false;
  }
})();

const built = join(import.meta.dirname, '../../dist/env');
const children: ChildProcess[] = [];
let directory = '';

beforeAll(() => {
  if (!existsSync(join(built, 'directory-lock.js'))) throw new Error('other processes need the built package: npm run build');
});
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'varve-lock-')));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** Takes the lock in another process; says "held" or the error's code and message, and stays until it is killed. */
const program = `
  const { acquireDirectoryLock } = await import(${JSON.stringify(pathToFileURL(join(built, 'directory-lock.js')).href)});
  const { nodeFileSystem } = await import(${JSON.stringify(pathToFileURL(join(built, 'node-file-system.js')).href)});
  const [path, options] = [process.argv[1], JSON.parse(process.argv[2])];
  let said = 'held';
  try { globalThis.lock = acquireDirectoryLock(nodeFileSystem, path, options); } catch (error) { said = error.code + ' ' + error.message; }
  process.stdout.write(said + '\\n');
  setInterval(() => {}, 1000);
`;

function startOther(options: DirectoryLockOptions): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, directory, JSON.stringify(options)]);
  children.push(child);
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.endsWith('\n')) resolve({ child, said: said.trim() });
    });
    child.stderr.on('data', (bytes: Buffer) => reject(new Error(bytes.toString())));
  });
}

function kill(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

const acquire = (options: DirectoryLockOptions, path = directory) => acquireDirectoryLock(nodeFileSystem, path, options);
const locked = (part: string) => expect.objectContaining({ code: 'VARVE_LOCKED', message: expect.stringContaining(part) });

describe.each(['kernel', 'claim'] as const)('%s lock', (protocol) => {
  it('a second open in one process is refused, also by a link, a relative path and another way to the directory', () => {
    const lock = acquire({ readOnly: false, protocol });
    symlinkSync(directory, `${directory}-link`);
    try {
      for (const path of [
        directory,
        `${directory}-link`,
        relative(process.cwd(), directory),
        `${directory}/../${directory.split('/').at(-1)}/`,
      ]) {
        for (const readOnly of [false, true])
          expect(() => acquire({ readOnly, protocol }, path), path).toThrow(locked(`(${process.pid})`));
      }
    } finally {
      rmSync(`${directory}-link`);
    }
    lock.release();
    lock.release();
    acquire({ readOnly: false, protocol }).release();
  });

  it('another process is refused and told who holds the directory; after the release it is not', async () => {
    const lock = acquire({ readOnly: false, protocol });
    expect((await startOther({ readOnly: false, protocol })).said).toBe(
      `VARVE_LOCKED ${directory} is locked by process ${process.pid}`,
    );
    expect((await startOther({ readOnly: true, protocol })).said).toContain(`locked by process ${process.pid}`);
    lock.release();
    expect((await startOther({ readOnly: false, protocol })).said).toBe('held');
  });

  it('a directory whose owner was killed opens at once', async () => {
    const { child, said } = await startOther({ readOnly: false, protocol });
    expect(said).toBe('held');
    expect(() => acquire({ readOnly: false, protocol })).toThrow(locked(`process ${child.pid}`));
    await kill(child);
    const lock = acquire({ readOnly: false, protocol });
    lock.release();
    expect(readdirSync(directory)).toEqual(['LOCK']);
  });

  it('of many processes at once exactly one gets the directory', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => startOther({ readOnly: false, protocol })));
    expect(all.filter(({ said }) => said === 'held')).toHaveLength(1);
    expect(all.filter(({ said }) => said.startsWith('VARVE_LOCKED'))).toHaveLength(4);
  });

  it('another thread of this process is refused', async () => {
    const lock = acquire({ readOnly: false, protocol });
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      Promise.all([import(workerData.lock), import(workerData.files)]).then(([{ acquireDirectoryLock }, { nodeFileSystem }]) => {
        try { acquireDirectoryLock(nodeFileSystem, workerData.directory, workerData.options); parentPort.postMessage('held'); }
        catch (error) { parentPort.postMessage(error.code); }
      });`;
    const href = (name: string): string => pathToFileURL(join(built, name)).href;
    const workerData = {
      lock: href('directory-lock.js'),
      files: href('node-file-system.js'),
      directory,
      options: { readOnly: false, protocol },
    };
    const worker = new Worker(source, { eval: true, workerData });
    const said = await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    expect(said).toBe('VARVE_LOCKED');
    lock.release();
  });

  it('a read-only owner changes nothing on disk', () => {
    acquire({ readOnly: true, protocol }).release();
    expect(readdirSync(directory)).toEqual([]);
    writeFileSync(join(directory, 'LOCK'), 'whatever was there');
    const lock = acquire({ readOnly: true, protocol });
    expect(() => acquire({ readOnly: true, protocol })).toThrow(locked('in this process'));
    lock.release();
    expect(readFileSync(join(directory, 'LOCK'), 'utf8')).toBe('whatever was there');
    expect(readdirSync(directory)).toEqual(['LOCK']);
  });

  it('a missing directory is VARVE_IO, and a link in the place of LOCK is not followed', () => {
    for (const readOnly of [false, true]) {
      expect(() => acquire({ readOnly, protocol }, join(directory, 'none'))).toThrow(
        expect.objectContaining({ code: 'VARVE_IO' }),
      );
    }
    symlinkSync(join(directory, 'elsewhere'), join(directory, 'LOCK'));
    expect(() => acquire({ readOnly: false, protocol })).toThrow(expect.objectContaining({ code: 'VARVE_IO' }));
    expect(existsSync(join(directory, 'elsewhere'))).toBe(false);
  });

  it('no descriptor is left by a lock that was released or refused', () => {
    const count = (): number => readdirSync('/proc/self/fd').length;
    const before = count();
    const lock = acquire({ readOnly: false, protocol });
    for (let i = 0; i < 5; i++) expect(() => acquire({ readOnly: false, protocol })).toThrow(locked(''));
    lock.release();
    expect(count()).toBe(before);
  });
});

describe('kernel and claim locks together', () => {
  it.each([
    ['kernel', 'claim'],
    ['claim', 'kernel'],
  ] as const)('an owner by %s refuses a contender by %s', async (first, second) => {
    const lock = acquire({ readOnly: false, protocol: first });
    for (const readOnly of [false, true]) {
      expect((await startOther({ readOnly, protocol: second })).said).toContain(
        `VARVE_LOCKED ${directory} is locked by process ${process.pid}`,
      );
    }
    lock.release();
    expect((await startOther({ readOnly: false, protocol: second })).said).toBe('held');
  });
});

describe('claims', () => {
  const self = currentProcess();

  it('a claim of an earlier start of the machine, or of a pid that has another start, is stale and goes', () => {
    writeFileSync(join(directory, claimName({ ...self, bootId: '00000000-0000-0000-0000-000000000000' })), '');
    writeFileSync(join(directory, claimName({ ...self, startTicks: self.startTicks + 1 })), '');
    const lock = acquire({ readOnly: false, protocol: 'claim' });
    expect(readdirSync(directory).sort()).toEqual(['LOCK', claimName(self)]);
    lock.release();
  });

  it('a claim of another container is never taken over, and the message says what to do', () => {
    const name = claimName({ ...self, pidNamespace: '1' });
    writeFileSync(join(directory, name), '');
    for (const protocol of ['kernel', 'claim'] as const)
      expect(() => acquire({ readOnly: false, protocol })).toThrow(locked(`remove ${name}`));
    expect(readdirSync(directory).sort()).toEqual(['LOCK', name]);
  });

  it('names that only look like claims are left alone', () => {
    const names = ['LOCK-', 'LOCK-0-1-1-unknown', 'LOCK-01-1-1-unknown', 'LOCK-1-1-1-unknown.txt'];
    for (const name of names) writeFileSync(join(directory, name), '');
    acquire({ readOnly: false, protocol: 'claim' }).release();
    expect(readdirSync(directory).sort()).toEqual(['LOCK', ...names].sort());
  });
});

/** The disk as one that is mounted without the right to write. */
class ReadOnlyMedium extends NodeFileSystem {
  override open(path: string, mode: OpenMode): FileHandle {
    if (mode === 'read') return super.open(path, mode);
    const cause = Object.assign(new Error('EROFS: read-only file system'), { errno: -30, code: 'EROFS' });
    throw new VarveError('VARVE_IO', `cannot open ${path}`, { cause });
  }
}

describe('a read-only medium', () => {
  it('can be locked by a reader, which excludes a writer that can write after all', async () => {
    writeFileSync(join(directory, 'LOCK'), '');
    const lock = acquireDirectoryLock(new ReadOnlyMedium(), directory, { readOnly: true });
    expect(() => acquire({ readOnly: false })).toThrow(locked('in this process'));
    if (kernelLocksAreThere) expect((await startOther({ readOnly: false })).said).toMatch(/^VARVE_LOCKED/);
    lock.release();
    expect((await startOther({ readOnly: false })).said).toBe('held');
    expect(() => acquireDirectoryLock(new ReadOnlyMedium(), directory, { readOnly: true })).toThrow(locked(''));
  });

  it('needs no LOCK for a reader, and refuses a writer with VARVE_IO', () => {
    acquireDirectoryLock(new ReadOnlyMedium(), directory, { readOnly: true }).release();
    expect(() => acquireDirectoryLock(new ReadOnlyMedium(), directory, { readOnly: false })).toThrow(
      expect.objectContaining({ code: 'VARVE_IO' }),
    );
    expect(readdirSync(directory)).toEqual([]);
  });
});

it('damage in LOCK is no damage: any bytes there are written over', () => {
  for (const text of ['', '{', 'null', '{"pid":-1}', '{"pid":1e9}', '[]', '\xff'.repeat(2000)]) {
    writeFileSync(join(directory, 'LOCK'), text, 'latin1');
    for (const protocol of ['kernel', 'claim'] as const) acquire({ readOnly: false, protocol }).release();
  }
});

it('a LOCK that is replaced between its opening and its locking is not taken', () => {
  const path = join(directory, 'LOCK');
  class Replaced extends NodeFileSystem {
    override open(opened: string, mode: OpenMode): FileHandle {
      const handle = super.open(opened, mode);
      if (!existsSync(`${path}-moved`)) {
        renameSync(path, `${path}-moved`);
        writeFileSync(path, '');
      }
      return handle;
    }
  }
  expect(() => acquireDirectoryLock(new Replaced(), directory, { readOnly: false })).toThrow(
    expect.objectContaining({ code: 'VARVE_IO', file: path }),
  );
  acquireDirectoryLock(nodeFileSystem, directory, { readOnly: false }).release();
});

it.each(['kernel', 'claim'] as const)(
  'LOCK, or a claim, tells who the owner is while there is one, and nothing afterwards: %s',
  (protocol) => {
    const lock = acquire({ readOnly: false, protocol });
    const isKernels = protocol === 'kernel' && kernelLocksAreThere;
    expect(readdirSync(directory).sort()).toEqual(isKernels ? ['LOCK'] : ['LOCK', claimName(currentProcess())].sort());
    const line = readFileSync(join(directory, 'LOCK'), 'utf8');
    const owner: unknown = isKernels ? JSON.parse(line) : line;
    expect(owner).toEqual(
      isKernels ? expect.objectContaining({ pid: process.pid, startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) }) : '',
    );
    lock.release();
    expect(readdirSync(directory)).toEqual(['LOCK']);
    expect(readFileSync(join(directory, 'LOCK'), 'utf8')).toBe('');
  },
);
