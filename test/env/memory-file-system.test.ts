import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acquireDirectoryLock } from '../../src/env/directory-lock.js';
import { systemErrorCode } from '../../src/errors.js';
import {
  type CrashMode,
  MemoryFileSystem,
  type MemoryOperation,
  PowerLoss,
  seededRandom,
  systemFailure,
} from '../support/memory-file-system.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

function contentOf(files: MemoryFileSystem, path: string): string | undefined {
  if (files.status(path) === undefined) return undefined;
  const file = files.open(path, 'read');
  const target = new Uint8Array(file.sizeBytes());
  file.read(target, 0);
  file.close();
  return Buffer.from(target).toString('latin1');
}

/** Every outcome of `read` over crashes with many seeds. */
function outcomes(files: MemoryFileSystem, read: (after: MemoryFileSystem) => string | undefined): Set<string | undefined> {
  const seen = new Set<string | undefined>();
  for (let seed = 0; seed < 400; seed++) seen.add(read(files.crash(seed, 'keepRandom')));
  return seen;
}

describe('a loss of power', () => {
  it('takes what was not synced, names and bytes each for itself', () => {
    const files = new MemoryFileSystem();
    files.makeDirectory('/db');
    const file = files.open('/db/a', 'create');
    file.write([bytes('one'), bytes('two')], 0);
    file.sync();
    expect(files.crash(1, 'dropUnsynced').status('/db')).toBeUndefined();
    files.syncDirectory('/');
    expect(files.crash(1, 'dropUnsynced').list('/db')).toEqual([]);
    files.syncDirectory('/db');
    file.write([bytes('three')], 6);
    expect(contentOf(files.crash(1, 'dropUnsynced'), '/db/a')).toBe('onetwo');
    file.sync();
    expect(contentOf(files.crash(1, 'dropUnsynced'), '/db/a')).toBe('onetwothree');
  });

  it('keeps or undoes a rename as a whole: the target is the old file or the new one', () => {
    const files = new MemoryFileSystem();
    for (const [name, text] of [
      ['CURRENT', 'old'],
      ['1.tmp', 'new'],
    ] as const) {
      const file = files.open(`/${name}`, 'create');
      file.write([bytes(text)], 0);
      file.sync();
      file.close();
    }
    files.syncDirectory('/');
    files.rename('/1.tmp', '/CURRENT');
    const seen = outcomes(files, (after) => `${contentOf(after, '/CURRENT')} ${after.list('/').sort()}`);
    expect(seen).toEqual(new Set(['old 1.tmp,CURRENT', 'new CURRENT']));
    files.syncDirectory('/');
    expect(outcomes(files, (after) => contentOf(after, '/CURRENT'))).toEqual(new Set(['new']));
  });

  it('never leaves one file under two names, whichever renames were lost', () => {
    const files = new MemoryFileSystem();
    files.open('/a', 'create').close();
    files.rename('/a', '/b');
    files.rename('/b', '/c');
    expect(outcomes(files, (after) => after.list('/').join())).toEqual(new Set(['', 'a', 'b', 'c']));
  });

  it('a rename that was kept without its synced content shows an empty or a torn file', () => {
    const files = new MemoryFileSystem();
    const file = files.open('/a.tmp', 'create');
    file.write([bytes('content')], 0);
    files.rename('/a.tmp', '/a');
    files.syncDirectory('/');
    expect(outcomes(files, (after) => contentOf(after, '/a'))).toEqual(new Set(['', 'content', '\0'.repeat(7)]));
  });

  it('an unlinked name comes back unless the directory was synced', () => {
    const files = new MemoryFileSystem();
    files.open('/a', 'create').close();
    files.syncDirectory('/');
    files.unlink('/a');
    expect(outcomes(files, (after) => after.list('/').join())).toEqual(new Set(['', 'a']));
    files.syncDirectory('/');
    expect(outcomes(files, (after) => after.list('/').join())).toEqual(new Set(['']));
  });

  it('keeps or drops pages each for itself, tears them at sectors, and may grow a file over zeros', () => {
    const files = new MemoryFileSystem();
    const file = files.open('/a', 'create');
    files.syncDirectory('/');
    file.write([new Uint8Array(8192).fill(0x31)], 0);
    const seen = outcomes(files, (after) => {
      const text = contentOf(after, '/a') ?? '';
      return (text.match(/.{512}/gs) ?? [])
        .map((sector) => (sector === '1'.repeat(512) ? '1' : sector === '\0'.repeat(512) ? '0' : '?'))
        .join('');
    });
    for (const outcome of seen) expect(outcome).toMatch(/^([01]{16})?$/);
    for (const outcome of [
      '',
      '1'.repeat(16),
      '0'.repeat(16),
      `${'1'.repeat(8)}${'0'.repeat(8)}`,
      `${'0'.repeat(8)}${'1'.repeat(8)}`,
    ]) {
      expect(seen).toContain(outcome);
    }
    expect([...seen].some((outcome) => outcome?.slice(0, 8).includes('10'))).toBe(true);
  });

  it('keeps what was written, whatever becomes of the memory that it was written from', () => {
    const files = new MemoryFileSystem();
    const file = files.open('/a', 'create');
    files.syncDirectory('/');
    const memory = Buffer.from('written');
    file.write([memory], 0);
    memory.fill('x');
    file.sync();
    expect(contentOf(files.crash(1, 'dropUnsynced'), '/a')).toBe('written');
  });

  it('does with names and bytes what the persona of the disk says', () => {
    const files = new MemoryFileSystem();
    const file = files.open('/a', 'create');
    files.syncDirectory('/');
    file.write([bytes('old')], 0);
    file.sync();
    file.write([bytes('new!')], 3);
    files.open('/b', 'create').close();
    files.unlink('/a');
    const left = (mode: CrashMode, seed = 1): string => {
      const after = files.crash(seed, mode);
      return `${contentOf(after, '/a')} ${after.list('/').sort().join()}`;
    };
    expect(left('dropUnsynced')).toBe('old a');
    expect(left('keepAll')).toBe('undefined b');
    expect(left('keepNames')).toBe('undefined b');
    expect(left('keepData')).toBe('oldnew! a');
    const prefixes = new Set(Array.from({ length: 100 }, (_, seed) => left('keepPrefix', seed)));
    expect(prefixes).toEqual(new Set(['old a', 'oldnew! a', 'old a,b', 'oldnew! a,b', 'undefined b']));
  });

  it('shows garbage where a size was kept and its bytes were not: also blocks of files that are gone', () => {
    const files = new MemoryFileSystem();
    const gone = files.open('/gone', 'create');
    gone.write([bytes('of a file that is gone')], 0);
    files.unlink('/gone');
    const file = files.open('/a', 'create');
    file.write([new Uint8Array(22).fill(0x31)], 0);
    const seen = new Set(Array.from({ length: 60 }, (_, seed) => contentOf(files.crash(seed, 'keepNamesOverGarbage'), '/a')));
    expect(seen).toContain('of a file that is gone');
    expect(seen.size).toBeGreaterThan(5);
    expect(contentOf(files.crash(1, 'keepNames'), '/a')).toBe('\0'.repeat(22));
  });

  it('a sync covers the writes that returned before it was called, and no other', async () => {
    const files = new MemoryFileSystem();
    const file = files.open('/a', 'create');
    files.syncDirectory('/');
    file.write([bytes('before')], 0);
    const synced = file.syncAsync();
    file.write([bytes('after')], 6);
    await synced;
    expect(contentOf(files.crash(1, 'dropUnsynced'), '/a')).toBe('before');
    const written = file.writeAsync([bytes('late')], 11);
    file.sync();
    await written;
    expect(contentOf(files.crash(1, 'dropUnsynced'), '/a')).toBe('beforeafter');
    expect(contentOf(files, '/a')).toBe('beforeafterlate');
  });

  it('an asynchronous sync of a directory covers the names of its call alone', async () => {
    const files = new MemoryFileSystem();
    files.open('/a', 'create').close();
    const synced = files.syncDirectoryAsync('/');
    files.open('/b', 'create').close();
    await synced;
    expect(files.crash(1, 'dropUnsynced').list('/')).toEqual(['a']);
  });

  it('a cut that was not synced is kept or not, and what is written after a cut stands over zeros', () => {
    const files = new MemoryFileSystem();
    const file = files.open('/a', 'create');
    file.write([bytes('abcdef')], 0);
    file.sync();
    files.syncDirectory('/');
    file.truncate(2);
    file.write([bytes('x')], 4);
    expect(contentOf(files, '/a')).toBe('ab\0\0x');
    expect(outcomes(files, (after) => contentOf(after, '/a'))).toContain('abcdef');
    file.sync();
    expect(contentOf(files.crash(1, 'keepRandom'), '/a')).toBe('ab\0\0x');
  });

  it.each(['dropUnsynced', 'keepRandom'] as const)(
    'changes nothing of what was synced (%s), and is the same for the same seed',
    (mode: CrashMode) => {
      const step = fc.record({
        position: fc.nat(9000),
        length: fc.nat(5000),
        byte: fc.integer({ min: 1, max: 255 }),
        sync: fc.boolean(),
        cut: fc.boolean(),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 8 }), fc.integer(), (steps, seed) => {
          const files = new MemoryFileSystem();
          const file = files.open('/a', 'create');
          files.syncDirectory('/');
          let synced = '';
          let isSynced = true;
          for (const { position, length, byte, sync, cut } of steps) {
            if (cut) file.truncate(position);
            else file.write([new Uint8Array(length).fill(byte)], position);
            isSynced = sync;
            if (!sync) continue;
            file.sync();
            synced = contentOf(files, '/a') ?? '';
          }
          const after = contentOf(files.crash(seed, mode), '/a');
          if (isSynced || mode === 'dropUnsynced') expect(after).toBe(synced);
          expect(contentOf(files.crash(seededRandom(seed), mode), '/a')).toBe(after);
          expect(contentOf(files.clone().crash(seed, mode), '/a')).toBe(after);
          expect(contentOf(files.crash(seed, mode).crash(seed + 1, 'dropUnsynced'), '/a')).toBe(after);
        }),
        { numRuns: 100 },
      );
    },
  );
});

describe('the hook', () => {
  it('is called before each change, which does not happen where it throws', () => {
    const files = new MemoryFileSystem();
    const seen: string[] = [];
    files.onOperation = ({ kind, path, target }: MemoryOperation) => {
      seen.push([kind, path, target].filter((part) => part !== undefined).join(' '));
      if (kind === 'write') throw systemFailure('ENOSPC', path);
    };
    files.makeDirectory('/db/x');
    const file = files.open('/db/a', 'create');
    expect(() => file.write([bytes('abc')], 0)).toThrow(expect.objectContaining({ code: 'VARVE_NO_SPACE', file: '/db/a' }));
    expect(file.sizeBytes()).toBe(0);
    file.sync();
    file.truncate(0);
    file.close();
    files.rename('/db/a', '/db/b');
    files.unlink('/db/b');
    files.removeDirectory('/db/x');
    files.syncDirectory('/db');
    expect(seen).toEqual([
      'makeDirectory /db',
      'makeDirectory /db/x',
      'create /db/a',
      'write /db/a',
      'sync /db/a',
      'truncate /db/a',
      'rename /db/a /db/b',
      'unlink /db/b',
      'removeDirectory /db/x',
      'syncDirectory /db',
    ]);
    expect(files.operationCount).toBe(10);
    expect(files.counts).toMatchObject({ makeDirectory: 2, write: 1, sync: 1 });
  });

  it('after a loss of power every call throws, also one that was under way, and the crash can be looked at', async () => {
    const files = new MemoryFileSystem();
    const file = files.open('/a', 'create');
    files.syncDirectory('/');
    file.write([bytes('abc')], 0);
    file.sync();
    const written = file.writeAsync([bytes('def')], 3);
    files.onOperation = () => {
      throw new PowerLoss();
    };
    expect(() => file.truncate(0)).toThrow(PowerLoss);
    await expect(written).rejects.toThrow(PowerLoss);
    files.onOperation = undefined;
    for (const call of [() => file.sizeBytes(), () => files.list('/'), () => files.open('/a', 'read'), () => file.sync()])
      expect(call).toThrow(PowerLoss);
    file.close();
    expect(files.openHandles).toBe(0);
    expect(contentOf(files.crash(1, 'keepRandom'), '/a')).toBe('abc');
  });
});

describe('the rules of a file system', () => {
  const files = new MemoryFileSystem();
  files.makeDirectory('/db/sub');
  files.open('/db/a', 'create').close();
  const cases: [string, () => unknown][] = [
    ['ENOENT', () => files.open('/db/none', 'read')],
    ['ENOENT', () => files.open('/none/a', 'create')],
    ['EEXIST', () => files.open('/db/a', 'create')],
    ['EISDIR', () => files.open('/db/sub', 'modify')],
    ['ENOTDIR', () => files.open('/db/a/b', 'read')],
    ['EEXIST', () => files.makeDirectory('/db/a')],
    ['ENOTDIR', () => files.makeDirectory('/db/a/b')],
    ['ENOENT', () => files.rename('/db/none', '/db/b')],
    ['EISDIR', () => files.rename('/db/a', '/db/sub')],
    ['ENOENT', () => files.unlink('/db/none')],
    ['EISDIR', () => files.unlink('/db/sub')],
    ['ENOTEMPTY', () => files.removeDirectory('/db')],
    ['ENOENT', () => files.list('/none')],
    ['ENOENT', () => files.syncDirectory('/none')],
    ['EBADF', () => files.open('/db/a', 'read').write([new Uint8Array(1)], 0)],
  ];
  it.each(cases)('refuses with %s (case %#)', (code, call) => {
    let caught: unknown;
    try {
      call();
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ code: 'VARVE_IO' });
    expect(systemErrorCode(caught)).toBe(code);
  });

  it('an unlinked file lives as long as it is open, and another may take its name', () => {
    const memory = new MemoryFileSystem();
    const file = memory.open('/a', 'create');
    file.write([bytes('first')], 0);
    memory.unlink('/a');
    memory.open('/a', 'create').close();
    const target = new Uint8Array(5);
    expect(file.read(target, 0)).toBe(5);
    expect(Buffer.from(target).toString()).toBe('first');
    expect(contentOf(memory, '/a')).toBe('');
  });

  it('its directories are locked apart from those of every other file system', () => {
    const [one, two] = [new MemoryFileSystem(), new MemoryFileSystem()];
    for (const memory of [one, two]) memory.makeDirectory('/db');
    const lock = acquireDirectoryLock(one, '/db', { readOnly: false });
    expect(() => acquireDirectoryLock(one, '/db/../db', { readOnly: true })).toThrow(
      expect.objectContaining({ code: 'VARVE_LOCKED' }),
    );
    acquireDirectoryLock(two, '/db', { readOnly: false }).release();
    acquireDirectoryLock(one.crash(1, 'keepRandom').status('/db') === undefined ? two : one.clone(), '/db', {
      readOnly: true,
    }).release();
    lock.release();
    acquireDirectoryLock(one, '/db', { readOnly: false }).release();
    expect(one.openHandles).toBe(0);
  });
});
