/**
 * A restore unpacked into a sibling of its target, named after it, and renamed that over it. An empty directory below one that may not be
 * written, a mount point, a link to a directory and a name of 240 bytes failed, and the mode of the target was lost.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { restoreInto } from '../../src/backend/restore.js';
import { nodeFileSystem } from '../../src/env/node-file-system.js';
import { verifyDirectory } from '../../src/engine/verify.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { openDatabase, path } from '../crash/workload.js';
import { MemoryFileSystem, type MemoryOperation, PowerLoss, systemFailure } from '../support/memory-file-system.js';
import { sampleSnapshot } from '../support/sample-snapshot.js';

let archive: Buffer;

async function* source(bytes: Uint8Array = archive): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** A file system with an empty directory that is durable, where the database of the workload will be. */
function withEmptyTarget(): MemoryFileSystem {
  const files = new MemoryFileSystem();
  files.makeDirectory(path);
  for (const directory of ['/', '/srv', '/srv/data']) files.syncDirectory(directory);
  return files;
}

async function entriesAt(files: MemoryFileSystem): Promise<number> {
  const backend = await openDatabase(files);
  const count = backend.readTx().unsafeRange('a', 'a', 'z').keys.length;
  await backend.close();
  return count;
}

/** Fails every change outside of the target, and what would put something in its place. */
function onlyInside({ kind, path: name, target }: MemoryOperation): void {
  if (kind !== 'syncDirectory' && !name.startsWith(`${path}/`)) throw systemFailure('EACCES', name);
  if (target !== undefined && !target.startsWith(`${path}/`)) throw systemFailure('EBUSY', target);
}

beforeAll(async () => {
  await initializeChecksum();
  archive = await sampleSnapshot();
});

describe('an empty directory that is there', () => {
  test('is filled without a change outside of it', async () => {
    const files = withEmptyTarget();
    files.onOperation = onlyInside;
    await restoreInto(source(), path, files);
    files.onOperation = undefined;
    expect(files.list('/srv/data')).toEqual(['db']);
    expect(files.list(path)).not.toContain('restoring');
    expect(files.openHandles).toBe(0);
    expect(await entriesAt(files)).toBe(201);
  });

  test('whose parent cannot even be listed is filled', async () => {
    const files = withEmptyTarget();
    files.onOperation = ({ kind, path: name }) => {
      if (kind === 'syncDirectory' && !name.startsWith(path)) throw systemFailure('EACCES', name);
    };
    await restoreInto(source(), path, files);
    expect(await entriesAt(files)).toBe(201);
  });

  test('is empty again after damage in the snapshot', async () => {
    const files = withEmptyTarget();
    files.onOperation = onlyInside;
    const damaged = Buffer.from(archive);
    damaged[600] = (damaged[600] as number) ^ 1;
    await expect(restoreInto(source(damaged), path, files)).rejects.toMatchObject({ code: 'VARVE_CORRUPTION' });
    expect(files.list(path)).toEqual([]);
  });

  test('is given to one of two that restore into it', async () => {
    const files = withEmptyTarget();
    const results = await Promise.allSettled([restoreInto(source(), path, files), restoreInto(source(), path, files)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(results[1]).toMatchObject({ reason: { code: 'VARVE_INVALID_ARGUMENT' } });
    expect(await entriesAt(files)).toBe(201);
  });

  test('in which something appears meanwhile is left to that', async () => {
    const files = withEmptyTarget();
    async function* meddling(): AsyncGenerator<Uint8Array> {
      yield* source();
      files.open(`${path}/LOCK`, 'create').close();
    }
    await expect(restoreInto(meddling(), path, files)).rejects.toMatchObject({ code: 'VARVE_INVALID_ARGUMENT' });
    expect(files.list(path)).toEqual(['LOCK']);
  });
});

describe.each([
  ['an empty target', withEmptyTarget],
  ['a missing target with missing parents', () => new MemoryFileSystem()],
])('%s', (what, create) => {
  /** How many changes a whole restore makes. */
  async function operationsOfOne(): Promise<number> {
    const files = create();
    const before = files.operationCount;
    await restoreInto(source(), path, files);
    return files.operationCount - before;
  }

  test('is as it was whichever change fails, once', async () => {
    const total = await operationsOfOne();
    expect(total).toBeGreaterThan(20);
    for (let failing = 0; failing < total; failing++) {
      const files = create();
      const before = files.status('/srv') === undefined ? [] : files.list(path);
      let count = 0;
      files.onOperation = ({ path: name }) => {
        if (count++ === failing) throw systemFailure('EIO', name);
      };
      await expect(restoreInto(source(), path, files), `change ${failing}`).rejects.toMatchObject({ code: 'VARVE_IO' });
      files.onOperation = undefined;
      if (what === 'an empty target') expect(files.list(path), `change ${failing}`).toEqual(before);
      else expect(files.list('/'), `change ${failing}`).toEqual([]);
      expect(files.openHandles).toBe(0);
    }
  });

  test('is no database or the whole one wherever the power is lost, and the whole one afterwards', async () => {
    const total = await operationsOfOne();
    for (let lost = 0; lost <= total; lost++) {
      const files = create();
      let count = 0;
      files.onOperation = () => {
        if (count++ === lost) throw new PowerLoss();
      };
      const restored = await restoreInto(source(), path, files).then(
        () => true,
        () => false,
      );
      expect(restored).toBe(lost === total);
      for (const [seed, mode] of [
        [1, 'dropUnsynced'],
        [2, 'keepRandom'],
        [3, 'keepRandom'],
        [4, 'keepRandom'],
      ] as const) {
        const survivor = files.crash(seed, mode);
        const isThere = survivor.status(`${path}/CURRENT`) !== undefined;
        if (restored) expect(isThere, `${mode} ${seed}`).toBe(true);
        if (isThere) expect(await entriesAt(survivor), `power lost at change ${lost}, ${mode} ${seed}`).toBe(201);
      }
    }
  });
});

describe('on a real disk', () => {
  function directory(): string {
    const made = mkdtempSync(join(tmpdir(), 'varve-restore-'));
    onTestFinished(() => rmSync(made, { recursive: true, force: true }));
    return made;
  }

  async function expectRestored(target: string): Promise<void> {
    await restoreInto(source(), target);
    expect((await verifyDirectory(nodeFileSystem, target)).problems).toEqual([]);
    expect(readdirSync(target)).toContain('CURRENT');
  }

  test('a name of 240 bytes is no hindrance, missing or empty', async () => {
    const parent = directory();
    const name = 'n'.repeat(240);
    await expectRestored(join(parent, name));
    mkdirSync(join(parent, `${name}2`));
    await expectRestored(join(parent, `${name}2`));
    expect(readdirSync(parent)).toEqual([name, `${name}2`]);
  });

  test('a directory keeps its mode, and what is restored is private', async () => {
    const target = join(directory(), 'db');
    mkdirSync(target);
    chmodSync(target, 0o755);
    const { ino } = statSync(target);
    await expectRestored(target);
    expect(statSync(target).mode & 0o777).toBe(0o755);
    expect(statSync(target).ino).toBe(ino);
    for (const name of readdirSync(target)) expect(statSync(join(target, name)).mode & 0o777, name).toBe(0o600);
  });

  test('a link to an empty directory is filled and stays a link; one to a file, or to nothing, is refused', async () => {
    const parent = directory();
    mkdirSync(join(parent, 'real'));
    symlinkSync('real', join(parent, 'link'));
    await expectRestored(join(parent, 'link'));
    expect(readdirSync(join(parent, 'real'))).toContain('CURRENT');
    writeFileSync(join(parent, 'letter.txt'), 'dear');
    symlinkSync('letter.txt', join(parent, 'to a file'));
    symlinkSync('nothing', join(parent, 'to nothing'));
    for (const name of ['to a file', 'to nothing']) {
      await expect(restoreInto(source(), join(parent, name))).rejects.toMatchObject({ code: 'VARVE_INVALID_ARGUMENT' });
    }
    expect(readdirSync(parent).sort()).toEqual(['letter.txt', 'link', 'real', 'to a file', 'to nothing']);
  });
});
