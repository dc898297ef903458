/**
 * What reaches the system: every sync with its descriptor, and the rest of what it moved only in part.
 */
import type * as Fs from 'node:fs';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeFileSystem } from '../../src/env/node-file-system.js';

/** What the system does, and what it was asked for. */
const system = vi.hoisted(() => ({
  calls: [] as string[],
  /** Bytes that one call moves at most. */
  bytesPerCall: Number.POSITIVE_INFINITY,
  syncError: null as Error | null,
  moves: 0,
}));

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>();
  const share = (bytes: number): number => {
    if (++system.moves > 10_000) throw new Error('the system is asked for ever');
    return Math.min(bytes, system.bytesPerCall);
  };
  const writeBatch = (descriptor: number, batch: readonly Uint8Array[], position: number): number => {
    system.calls.push(`writev of ${batch.length}`);
    const bytes = Buffer.concat(batch);
    return fs.writeSync(descriptor, bytes, 0, share(bytes.length), position);
  };
  return {
    ...fs,
    fdatasyncSync: (descriptor: number) => {
      system.calls.push(`fdatasync ${descriptor}`);
      if (system.syncError !== null) throw system.syncError;
      fs.fdatasyncSync(descriptor);
    },
    fdatasync: (descriptor: number, done: (error: Error | null) => void) => {
      system.calls.push(`fdatasync ${descriptor}`);
      fs.fdatasync(descriptor, (error) => done(error ?? system.syncError));
    },
    fsyncSync: (descriptor: number) => {
      system.calls.push(fs.fstatSync(descriptor).isDirectory() ? 'fsync of a directory' : 'fsync');
      if (system.syncError !== null) throw system.syncError;
      fs.fsyncSync(descriptor);
    },
    fsync: (descriptor: number, done: (error: Error | null) => void) => {
      system.calls.push(fs.fstatSync(descriptor).isDirectory() ? 'fsync of a directory' : 'fsync');
      fs.fsync(descriptor, (error) => done(error ?? system.syncError));
    },
    writeSync: (descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number) =>
      fs.writeSync(descriptor, bytes, offset, share(length), position),
    writevSync: writeBatch,
    writev: (descriptor: number, batch: Uint8Array[], position: number, done: (error: Error | null, bytes: number) => void) =>
      setImmediate(() => done(null, writeBatch(descriptor, batch, position))),
    readSync: (descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number) =>
      fs.readSync(descriptor, bytes, offset, share(length), position),
  };
});

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-calls-'));
  Object.assign(system, { calls: [], bytesPerCall: Number.POSITIVE_INFINITY, syncError: null, moves: 0 });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const pieces = Array.from({ length: 9 }, (_, i) => new Uint8Array(i * 5).fill(i + 1));
const whole = Buffer.concat(pieces);

describe('a sync', () => {
  it('of a file is an fdatasync of its descriptor, in place and off the event loop', async () => {
    const file = nodeFileSystem.open(join(directory, 'a'), 'create');
    file.sync();
    await file.syncAsync();
    expect(system.calls).toEqual([`fdatasync ${file.descriptor}`, `fdatasync ${file.descriptor}`]);
    file.close();
  });

  it('of a directory is an fsync of the directory, in place and off the event loop', async () => {
    nodeFileSystem.syncDirectory(directory);
    await nodeFileSystem.syncDirectoryAsync(directory);
    expect(system.calls).toEqual(['fsync of a directory', 'fsync of a directory']);
  });

  it('that fails is VARVE_IO, whichever it is', async () => {
    system.syncError = Object.assign(new Error('EIO'), { errno: -5, code: 'EIO' });
    const failure = expect.objectContaining({ code: 'VARVE_IO', cause: system.syncError });
    const file = nodeFileSystem.open(join(directory, 'a'), 'create');
    expect(() => file.sync()).toThrow(failure);
    await expect(file.syncAsync()).rejects.toEqual(failure);
    expect(() => nodeFileSystem.syncDirectory(directory)).toThrow(failure);
    await expect(nodeFileSystem.syncDirectoryAsync(directory)).rejects.toEqual(failure);
    file.close();
  });
});

describe('a system that moves less than it was asked to', () => {
  it.each([1, 3, 7, 16])('%i bytes at a time: writes and reads are whole', async (bytesPerCall) => {
    system.bytesPerCall = bytesPerCall;
    const path = join(directory, 'a');
    const file = nodeFileSystem.open(path, 'create');
    file.write(pieces, 0);
    file.write([whole], whole.length);
    await file.writeAsync(pieces, 2 * whole.length);
    const target = new Uint8Array(3 * whole.length);
    expect(file.read(target, 0)).toBe(target.length);
    file.close();
    expect(Buffer.from(target)).toEqual(Buffer.concat([whole, whole, whole]));
    expect(readFileSync(path)).toEqual(Buffer.concat([whole, whole, whole]));
  });

  it('nothing at all: a write is an error and ends', async () => {
    system.bytesPerCall = 0;
    const file = nodeFileSystem.open(join(directory, 'a'), 'create');
    const failure = expect.objectContaining({
      code: 'VARVE_IO',
      cause: expect.objectContaining({ message: 'the system wrote 0 bytes' }),
    });
    expect(() => file.write([whole], 0)).toThrow(failure);
    await expect(file.writeAsync(pieces, 0)).rejects.toEqual(failure);
    file.close();
  });

  it('is never given more than 1024 pieces', async () => {
    const many = Array.from({ length: 3000 }, () => new Uint8Array(1));
    const file = nodeFileSystem.open(join(directory, 'a'), 'create');
    file.write(many, 0);
    await file.writeAsync(many, 0);
    file.close();
    expect(system.calls).toEqual([
      'writev of 1024',
      'writev of 1024',
      'writev of 952',
      'writev of 1024',
      'writev of 1024',
      'writev of 952',
    ]);
  });
});
