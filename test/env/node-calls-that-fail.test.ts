/**
 * The file system of the process when the system moves less than it was asked to, or refuses: what Node's `fs` gives back then, a short
 * count or an error, is what these tests put in its place.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { nodeFileSystem } from '../../src/env/node-file-system.js';
import { systemErrorCode } from '../../src/errors.js';

type Fs = typeof import('node:fs');

/** How the system behaves: counts of bytes that the next calls move at most (the last one goes on for ever), and calls that fail. */
const system = vi.hoisted(() => {
  const state = { counts: [] as number[], fails: new Map<string, string>(), calls: [] as string[], open: new Set<number>() };
  const error = (code: string): Error => Object.assign(new Error(code), { code, errno: -1 });
  return {
    state,
    error,
    /** Notes a call, and fails where it is to fail. */
    enter(name: string): void {
      state.calls.push(name);
      const code = state.fails.get(name);
      if (code !== undefined) throw error(code);
    },
    /** The bytes that a call may move, of those asked for. */
    share(bytes: number): number {
      const count = state.counts.length > 1 ? state.counts.shift() : state.counts[0];
      return Math.min(bytes, count ?? bytes);
    },
  };
});

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<Fs>();
  const cut = (pieces: readonly Uint8Array[]): Uint8Array => {
    const all = Buffer.concat(pieces);
    return all.subarray(0, system.share(all.length));
  };
  return {
    ...fs,
    openSync: (...args: Parameters<Fs['openSync']>) => {
      system.enter('open');
      const descriptor = fs.openSync(...args);
      system.state.open.add(descriptor);
      return descriptor;
    },
    closeSync: (descriptor: number) => {
      fs.closeSync(descriptor);
      system.state.open.delete(descriptor);
      system.enter('close');
    },
    fstatSync: (...args: Parameters<Fs['fstatSync']>) => {
      system.enter('fstat');
      return fs.fstatSync(...args);
    },
    statfsSync: (path: string) => {
      system.enter('statfs');
      return {
        ...fs.statfsSync(path),
        ...(system.state.fails.has('no blocks') ? { blocks: 0 } : { blocks: 9, bavail: 3, bsize: 512 }),
      };
    },
    mkdirSync: (path: string, options: { mode: number }) => {
      if (path.endsWith('refused')) system.enter('mkdir');
      return fs.mkdirSync(path, options);
    },
    readSync: (descriptor: number, target: Uint8Array, offset: number, length: number, position: number) => {
      system.enter('read');
      return fs.readSync(descriptor, target, offset, system.share(length), position);
    },
    writeSync: (descriptor: number, piece: Uint8Array, offset: number, length: number, position: number) => {
      system.enter('write');
      const bytes = cut([piece.subarray(offset, offset + length)]);
      return fs.writeSync(descriptor, bytes, 0, bytes.length, position);
    },
    writevSync: (descriptor: number, pieces: readonly Uint8Array[], position: number) => {
      system.enter('write');
      const bytes = cut(pieces);
      return fs.writeSync(descriptor, bytes, 0, bytes.length, position);
    },
    writev: (
      descriptor: number,
      pieces: readonly Uint8Array[],
      position: number,
      done: (error: unknown, count: number) => void,
    ) => {
      try {
        system.enter('write');
        const bytes = cut(pieces);
        const count = fs.writeSync(descriptor, bytes, 0, bytes.length, position);
        setImmediate(() => done(null, count));
      } catch (error) {
        setImmediate(() => done(error, 0));
      }
    },
    fsyncSync: (descriptor: number) => {
      system.enter('fsync');
      fs.fsyncSync(descriptor);
    },
  };
});

let directory = '';

beforeEach(() => {
  const fresh = mkdtempSync(join(tmpdir(), 'varve-calls-'));
  directory = fresh;
  system.state.counts = [];
  system.state.fails.clear();
  system.state.calls = [];
  system.state.open.clear();
  onTestFinished(() => {
    system.state.fails.clear();
    rmSync(fresh, { recursive: true, force: true });
  });
});

const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
const counts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 });

describe('a short count', () => {
  test('of a write goes on with the rest, in order, wherever in the pieces it stopped', async () => {
    let files = 0;
    await fc.assert(
      fc.asyncProperty(pieces, counts, fc.nat(20), fc.boolean(), async (parts, moved, position, isAsync) => {
        const path = join(directory, String(files++));
        const file = nodeFileSystem.open(path, 'create');
        system.state.counts = [...moved];
        if (isAsync) await file.writeAsync(parts, position);
        else file.write(parts, position);
        file.close();
        system.state.counts = [];
        const content = Buffer.concat(parts);
        const expected = content.length === 0 ? content : Buffer.concat([Buffer.alloc(position), content]);
        expect(readFileSync(path).equals(expected)).toBe(true);
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  test('of a read goes on until the target is full or the file ends', () => {
    const content = Buffer.from(Array.from({ length: 100 }, (_, at) => at));
    writeFileSync(join(directory, 'file'), content);
    const file = nodeFileSystem.open(join(directory, 'file'), 'read');
    fc.assert(
      fc.property(fc.nat(120), fc.nat(120), counts, (position, length, moved) => {
        system.state.counts = [...moved];
        const target = new Uint8Array(length);
        const count = file.read(target, position);
        expect(count).toBe(Math.max(0, Math.min(length, 100 - position)));
        expect(Buffer.from(target.subarray(0, count)).equals(content.subarray(position, position + count))).toBe(true);
      }),
      { numRuns: 150, seed: 1 },
    );
    file.close();
  });

  test.each([false, true])('of nothing at all is an error, not a loop without end (asynchronous: %s)', async (isAsync) => {
    const file = nodeFileSystem.open(join(directory, 'file'), 'create');
    system.state.counts = [3, 0];
    const write = async (): Promise<void> => {
      if (isAsync) await file.writeAsync([Buffer.alloc(10)], 0);
      else file.write([Buffer.alloc(10)], 0);
    };
    await expect(write()).rejects.toMatchObject({ code: 'VARVE_IO', file: join(directory, 'file') });
    file.close();
  });
});

describe('an error', () => {
  test.each([
    ['ENOSPC', 'VARVE_NO_SPACE'],
    ['EDQUOT', 'VARVE_NO_SPACE'],
    ['EFBIG', 'VARVE_IO'],
    ['EIO', 'VARVE_IO'],
  ])('%s of a write has the code %s, the file, and the error of the system as its cause', async (code, ours) => {
    const path = join(directory, 'file');
    const file = nodeFileSystem.open(path, 'create');
    system.state.fails.set('write', code);
    const expected = { code: ours, file: path, cause: expect.objectContaining({ code }) as unknown };
    expect(() => file.write([Buffer.alloc(10)], 0)).toThrow(expect.objectContaining(expected));
    await expect(file.writeAsync([Buffer.alloc(10)], 0)).rejects.toMatchObject(expected);
    file.close();
  });

  test('of a read is VARVE_IO, and the next read works', () => {
    writeFileSync(join(directory, 'file'), 'content');
    const file = nodeFileSystem.open(join(directory, 'file'), 'read');
    system.state.fails.set('read', 'EIO');
    expect(() => file.read(new Uint8Array(3), 0)).toThrow(expect.objectContaining({ code: 'VARVE_IO' }));
    system.state.fails.clear();
    expect(file.read(new Uint8Array(3), 0)).toBe(3);
    file.close();
  });

  test('while another one is handled does not hide it, and gives the descriptor back', async () => {
    const file = nodeFileSystem.open(join(directory, 'file'), 'create');
    system.state.fails.set('write', 'ENOSPC').set('close', 'EIO');
    const written = file.writeAsync([Buffer.alloc(10)], 0);
    file.close();
    await expect(written).rejects.toMatchObject({ code: 'VARVE_NO_SPACE' });
    system.state.fails.set('fsync', 'ENOSPC');
    expect(() => nodeFileSystem.syncDirectory(directory)).toThrow(expect.objectContaining({ code: 'VARVE_NO_SPACE' }));
    expect(system.state.open.size).toBe(0);
  });

  test('of closing is nobody else’s: what has to last was synced before', () => {
    const file = nodeFileSystem.open(join(directory, 'file'), 'create');
    file.write([Buffer.from('content')], 0);
    file.sync();
    system.state.fails.set('close', 'EIO');
    file.close();
    expect(readFileSync(join(directory, 'file'), 'latin1')).toBe('content');
    expect(system.state.open.size).toBe(0);
  });

  test('after a file was created leaves neither the file nor a descriptor: the next attempt can create it', () => {
    const path = join(directory, 'file');
    system.state.fails.set('fstat', 'EIO');
    expect(() => nodeFileSystem.open(path, 'create')).toThrow(expect.objectContaining({ code: 'VARVE_IO' }));
    expect(existsSync(path)).toBe(false);
    expect(system.state.open.size).toBe(0);
    system.state.fails.clear();
    nodeFileSystem.open(path, 'create').close();
  });

  test('of looking at a file that was there does not remove it', () => {
    const path = join(directory, 'file');
    writeFileSync(path, 'content');
    system.state.fails.set('fstat', 'EIO');
    expect(() => nodeFileSystem.open(path, 'modify')).toThrow(expect.objectContaining({ code: 'VARVE_IO' }));
    expect(existsSync(path)).toBe(true);
  });

  test('of a directory takes back the parents that were made for it: they would pass for old ones, whose names are durable', () => {
    system.state.fails.set('mkdir', 'ENOSPC');
    const path = join(directory, 'a', 'b', 'refused');
    expect(() => nodeFileSystem.makeDirectory(path)).toThrow(expect.objectContaining({ code: 'VARVE_NO_SPACE' }));
    expect(existsSync(join(directory, 'a'))).toBe(false);
    system.state.fails.clear();
    expect(nodeFileSystem.makeDirectory(path)).toEqual([join(directory, 'a'), join(directory, 'a', 'b'), path]);
  });
});

describe('the room on the disk', () => {
  test('is what the system gives to those who are not root', () => {
    expect(nodeFileSystem.availableBytes(directory)).toBe(3 * 512);
  });

  test.each(['statfs', 'no blocks'])('is unknown where the system cannot tell (%s), and nothing is thrown', (what) => {
    system.state.fails.set(what, 'ENOSYS');
    expect(nodeFileSystem.availableBytes(directory)).toBeUndefined();
  });

  test('is unknown where the directory is not there', () => {
    expect(systemErrorCode(system.error('ENOENT'))).toBe('ENOENT');
    system.state.fails.set('statfs', 'ENOENT');
    expect(nodeFileSystem.availableBytes(join(directory, 'missing'))).toBeUndefined();
  });
});
