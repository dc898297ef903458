/** CURRENT is replaced in one step; a file goes exactly when nobody holds it. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { VarveError } from '../../src/errors.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { publishCurrent, readCurrent } from '../../src/version/current-file.js';
import { LiveFiles } from '../../src/version/live-files.js';
import { ArrayFileSystem } from '../wal/array-file-system.js';

beforeAll(initializeChecksum);

const path = 'db/CURRENT';

describe('CURRENT', () => {
  it('is written, synced, renamed, and its directory synced, in this order', () => {
    const fileSystem = new ArrayFileSystem();
    publishCurrent(fileSystem, 'db', 7, 8);
    const text = Buffer.from(fileSystem.content(path)).toString('latin1');
    expect(text).toMatch(/^MANIFEST-000007 [0-9a-f]{16}\n$/);
    expect(fileSystem.operations).toEqual([
      'create db/000008.tmp',
      'write db/000008.tmp at 0, 33 bytes',
      'sync db/000008.tmp',
      'rename db/000008.tmp db/CURRENT',
      'sync directory db',
    ]);
    expect(readCurrent(fileSystem, 'db')).toBe(7);
    expect(fileSystem.openCount).toBe(0);
  });

  it('that is missing is no manifest', () => {
    expect(readCurrent(new ArrayFileSystem(), 'db')).toBeUndefined();
  });

  it('is damaged at any flipped bit, any cut, and any addition', () => {
    const fileSystem = new ArrayFileSystem();
    publishCurrent(fileSystem, 'db', 1234567, 8);
    const bytes = fileSystem.content(path);
    const variants = [Uint8Array.from([...bytes, 10]), new Uint8Array(0), new Uint8Array(1_000_000)];
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      variants.push(flipped);
    }
    for (let length = 0; length < bytes.length; length++) variants.push(bytes.slice(0, length));
    for (const variant of variants) {
      fileSystem.files.set(path, variant);
      expect(() => readCurrent(fileSystem, 'db')).toThrow(expect.objectContaining({ code: 'VARVE_CORRUPTION', file: 'CURRENT' }));
    }
  });

  it('stays what it was where publishing fails before the rename, and nothing temporary is left', () => {
    for (const operation of ['create', 'write', 'sync db', 'rename']) {
      const fileSystem = new ArrayFileSystem();
      publishCurrent(fileSystem, 'db', 7, 8);
      fileSystem.beforeOperation = (each) => {
        if (each.startsWith(operation)) throw new VarveError('VARVE_NO_SPACE', 'full');
      };
      expect(() => publishCurrent(fileSystem, 'db', 9, 10)).toThrow(expect.objectContaining({ code: 'VARVE_NO_SPACE' }));
      expect(readCurrent(fileSystem, 'db')).toBe(7);
      expect([...fileSystem.files.keys()]).toEqual([path]);
      expect(fileSystem.openCount).toBe(0);
    }
  });
});

describe('live files', () => {
  it('are unlinked exactly when they are obsolete and nobody holds them', () => {
    const names = ['000001.sst', '000002.sst', '000003.log'];
    const step = fc.record({
      kind: fc.constantFrom('retain', 'release', 'obsolete'),
      files: fc.subarray(names, { minLength: 1 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const fileSystem = new ArrayFileSystem();
        for (const name of names) fileSystem.files.set(`db/${name}`, new Uint8Array(1));
        const unlinked: string[] = [];
        const live = new LiveFiles(fileSystem, 'db', (name) => unlinked.push(name));
        const model = new Map(names.map((name) => [name, { holds: 0, isObsolete: false }]));
        for (const { kind, files } of steps) {
          const usable = files.filter((name) => {
            const each = model.get(name) ?? { holds: 0, isObsolete: false };
            const isGone = each.isObsolete && each.holds === 0;
            return !isGone && (kind !== 'release' || each.holds > 0);
          });
          for (const name of usable) {
            const each = model.get(name) ?? { holds: 0, isObsolete: false };
            if (kind === 'retain') each.holds++;
            else if (kind === 'release') each.holds--;
            else each.isObsolete = true;
          }
          if (kind === 'retain') live.retain(usable);
          else if (kind === 'release') live.release(usable);
          else for (const name of usable) live.markObsolete(name, 5);
          const alive = names.filter((name) => model.get(name)?.isObsolete === false || (model.get(name)?.holds ?? 0) > 0);
          expect(fileSystem.list('db').sort()).toEqual(alive);
          expect(unlinked.sort()).toEqual(names.filter((name) => !alive.includes(name)));
          expect(live.obsoleteBytes).toBe(5 * alive.filter((name) => model.get(name)?.isObsolete).length);
        }
      }),
    );
  });

  it('whose unlink fails are kept and tried again, and whoever released them hears nothing of it', () => {
    const fileSystem = new ArrayFileSystem();
    fileSystem.files.set('db/000001.sst', new Uint8Array(9));
    const live = new LiveFiles(fileSystem, 'db');
    live.retain(['000001.sst']);
    live.markObsolete('000001.sst', 9);
    fileSystem.beforeOperation = () => {
      throw new VarveError('VARVE_IO', 'busy');
    };
    live.release(['000001.sst']);
    expect([live.failureCount, live.obsoleteCount, live.obsoleteBytes, live.retryDeletions()]).toEqual([1, 1, 9, 1]);
    expect(live.lastFailure).toMatchObject({ code: 'VARVE_IO' });
    fileSystem.beforeOperation = undefined;
    expect([live.retryDeletions(), live.obsoleteCount, fileSystem.files.size]).toEqual([0, 0, 0]);
  });

  it('that are gone already count as unlinked', () => {
    const live = new LiveFiles(new ArrayFileSystem(), 'db');
    live.markObsolete('000001.sst');
    expect([live.failureCount, live.obsoleteCount]).toEqual([0, 0]);
  });

  it('released more often than retained are a defect of ours', () => {
    const live = new LiveFiles(new ArrayFileSystem(), 'db');
    expect(() => live.release(['000001.sst'])).toThrow(expect.objectContaining({ code: 'VARVE_ASSERTION' }));
  });
});
