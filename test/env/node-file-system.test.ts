import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeFileHandle } from '../../src/env/node-file-handle.js';
import { nodeFileSystem } from '../../src/env/node-file-system.js';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-env-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);

describe('files', () => {
  it('a created file is private and must not exist before', () => {
    nodeFileSystem.open(at('a'), 'create').close();
    expect(statSync(at('a')).mode & 0o777).toBe(0o600);
    expect(() => nodeFileSystem.open(at('a'), 'create')).toThrow(expect.objectContaining({ code: 'VARVE_IO', file: at('a') }));
  });

  it('a missing file is VARVE_IO with the error of the system beneath', () => {
    expect(() => nodeFileSystem.open(at('none'), 'read')).toThrow(
      expect.objectContaining({ code: 'VARVE_IO', cause: expect.objectContaining({ code: 'ENOENT' }) }),
    );
  });

  it('a link, a directory, a FIFO and a device are refused, and none of them hangs', () => {
    writeFileSync(at('real'), 'x');
    symlinkSync(at('real'), at('link'));
    execFileSync('mkfifo', [at('fifo')]);
    for (const path of [at('link'), directory, at('fifo'), '/dev/null']) {
      for (const mode of ['read', 'modify'] as const) {
        expect(() => nodeFileSystem.open(path, mode), `${path} ${mode}`).toThrow(expect.objectContaining({ code: 'VARVE_IO' }));
      }
    }
  });

  it('more pieces than one system call takes, some of them empty, land one after the other', async () => {
    const pieces = Array.from({ length: 2500 }, (_, i) => new Uint8Array(i % 4).fill(i));
    const expected = Buffer.concat(pieces);
    const file = nodeFileSystem.open(at('a'), 'create');
    file.write(pieces, 3);
    expect(readFileSync(at('a')).subarray(3)).toEqual(expected);
    await file.writeAsync(pieces, 3 + expected.length);
    expect(readFileSync(at('a')).subarray(3 + expected.length)).toEqual(expected);
    file.close();
  });

  it('reads back what was written at any position, as far as the file reaches', () => {
    const file = nodeFileSystem.open(at('p'), 'create');
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
        fc.nat(100),
        fc.nat(200),
        (pieces, position, readAt) => {
          const expected = Buffer.concat([Buffer.alloc(position), ...pieces]);
          file.truncate(0);
          file.write(pieces, position);
          const sizeBytes = pieces.some((piece) => piece.length > 0) ? expected.length : 0;
          expect(file.sizeBytes()).toBe(sizeBytes);
          const target = new Uint8Array(64);
          const count = file.read(target, readAt);
          expect(count).toBe(Math.max(0, Math.min(64, sizeBytes - readAt)));
          expect(Buffer.from(target.subarray(0, count))).toEqual(expected.subarray(readAt, readAt + count));
        },
      ),
      { numRuns: 100 },
    );
    file.close();
  });

  it('views of shared memory can be written and read, alone and in lists', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(16));
    shared.set([1, 2, 3, 4, 5, 6, 7, 8]);
    const file = nodeFileSystem.open(at('s'), 'create');
    file.write([shared.subarray(0, 4)], 0);
    file.write([shared.subarray(4, 6), shared.subarray(6, 8)], 4);
    await file.writeAsync([shared.subarray(0, 2), shared.subarray(2, 4)], 8);
    expect(file.read(shared.subarray(8), 2)).toBe(8);
    expect([...shared.subarray(8)]).toEqual([3, 4, 5, 6, 7, 8, 1, 2]);
    file.close();
  });

  it('sync, syncAsync and truncate work on an open file, and close may be called twice', async () => {
    const file = nodeFileSystem.open(at('a'), 'create');
    file.write([new Uint8Array(10)], 0);
    file.sync();
    await file.syncAsync();
    file.truncate(4);
    expect(file.sizeBytes()).toBe(4);
    file.close();
    file.close();
    expect(() => file.sizeBytes()).toThrow(expect.objectContaining({ code: 'VARVE_ASSERTION' }));
  });

  it('a close during an asynchronous write waits for it, so that no other file gets its bytes', async () => {
    const file = nodeFileSystem.open(at('a'), 'create');
    const written = file.writeAsync(
      Array.from({ length: 4000 }, () => new Uint8Array(1024).fill(7)),
      0,
    );
    file.close();
    const other = nodeFileSystem.open(at('b'), 'create');
    await written;
    expect(statSync(at('a')).size).toBe(4000 * 1024);
    expect(other.sizeBytes()).toBe(0);
    other.close();
  });

  it('a write to a file opened for reading is VARVE_IO', async () => {
    writeFileSync(at('a'), 'abc');
    const file = nodeFileSystem.open(at('a'), 'read');
    expect(() => file.write([new Uint8Array(1)], 0)).toThrow(expect.objectContaining({ code: 'VARVE_IO' }));
    await expect(file.writeAsync([new Uint8Array(1)], 0)).rejects.toThrow(expect.objectContaining({ code: 'VARVE_IO' }));
    file.close();
  });

  it('a write that the system refuses is told by its reason: a full disk, where one is there to be asked, is VARVE_NO_SPACE', async () => {
    const hasFullDisk = existsSync('/dev/full');
    writeFileSync(at('unwritable'), '');
    const file = new NodeFileHandle('full', hasFullDisk ? openSync('/dev/full', 'w') : openSync(at('unwritable'), 'r'));
    const refused = expect.objectContaining({ code: hasFullDisk ? 'VARVE_NO_SPACE' : 'VARVE_IO', file: 'full' });
    expect(() => file.write([new Uint8Array(1)], 0)).toThrow(refused);
    await expect(file.writeAsync([new Uint8Array(1)], 0)).rejects.toThrow(refused);
    file.close();
  });
});

describe('directories', () => {
  it('what was made is returned, outermost first, private, and a second time nothing is made', () => {
    const made = nodeFileSystem.makeDirectory(at('x/y/z'));
    expect(made).toEqual([at('x'), at('x/y'), at('x/y/z')]);
    for (const path of made) expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(nodeFileSystem.makeDirectory(at('x/y/z'))).toEqual([]);
  });

  it('a file in the way of a directory is VARVE_IO', () => {
    writeFileSync(at('file'), '');
    for (const path of [at('file'), at('file/below')]) {
      expect(() => nodeFileSystem.makeDirectory(path)).toThrow(expect.objectContaining({ code: 'VARVE_IO' }));
    }
  });

  it('status tells files, directories, links and nothing apart', () => {
    writeFileSync(at('file'), 'abc');
    symlinkSync(at('file'), at('link'));
    expect(nodeFileSystem.status(at('file'))).toEqual({ kind: 'file', sizeBytes: 3 });
    expect(nodeFileSystem.status(directory)?.kind).toBe('directory');
    expect(nodeFileSystem.status(at('link'))?.kind).toBe('other');
    expect(nodeFileSystem.status(at('none'))).toBeUndefined();
  });

  it('rename replaces, unlink and removeDirectory remove, and both kinds of sync work', async () => {
    writeFileSync(at('a'), 'new');
    writeFileSync(at('b'), 'old');
    nodeFileSystem.rename(at('a'), at('b'));
    nodeFileSystem.syncDirectory(directory);
    await nodeFileSystem.syncDirectoryAsync(directory);
    expect(readFileSync(at('b'), 'utf8')).toBe('new');
    expect(nodeFileSystem.list(directory)).toEqual(['b']);
    nodeFileSystem.unlink(at('b'));
    nodeFileSystem.makeDirectory(at('d'));
    nodeFileSystem.removeDirectory(at('d'));
    expect(nodeFileSystem.list(directory)).toEqual([]);
    for (const run of [
      () => nodeFileSystem.unlink(at('b')),
      () => nodeFileSystem.syncDirectory(at('d')),
      () => nodeFileSystem.list(at('d')),
    ]) {
      expect(run).toThrow(expect.objectContaining({ code: 'VARVE_IO' }));
    }
    await expect(nodeFileSystem.syncDirectoryAsync(at('d'))).rejects.toThrow(expect.objectContaining({ code: 'VARVE_IO' }));
  });
});
