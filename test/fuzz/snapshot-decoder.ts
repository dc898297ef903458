/**
 * Restoring a snapshot: the tar and all that is in it. Whatever comes, the target is the database that was, or nothing.
 */
import { Writable } from 'node:stream';
import { restoreInto } from '../../src/backend/restore.js';
import { fingerprint, shownBy } from '../crash/journal.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { sealTar, tarHeadersIn } from './seals.js';
import { must, type Target } from './target.js';

const config = { path: '/db', memtableBytes: 16 * 1024, cacheBytes: 4096 };

async function shownAt(files: MemoryFileSystem): Promise<string> {
  const backend = await openOn(files, config, smallSizes);
  const shown = fingerprint(shownBy(backend.readTx()));
  await backend.close();
  return shown;
}

/** A snapshot with two tables and a log, and what it holds. */
async function makeSnapshot(): Promise<{ archive: Uint8Array; shown: string }> {
  const backend = await openOn(new MemoryFileSystem(), config, smallSizes);
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    for (let i = 0; i < 12; i++) tx.unsafePut('a', `key${i}`, `value ${i}`);
  });
  await backend.defrag();
  backend.update((tx) => tx.unsafeDelete('a', 'key7'));
  const pieces: Buffer[] = [];
  const snapshot = await backend.snapshot();
  const write = (piece: Buffer, _encoding: string, done: () => void): void => {
    pieces.push(Buffer.from(piece));
    done();
  };
  await snapshot.writeTo(new Writable({ write }));
  const shown = fingerprint(shownBy(backend.readTx()));
  await backend.close();
  return { archive: new Uint8Array(Buffer.concat(pieces)), shown };
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700) yield await Promise.resolve(bytes.subarray(at, at + 700));
}

/** The target; its one snapshot is made beforehand. */
export async function snapshotTarget(): Promise<Target> {
  const { archive, shown } = await makeSnapshot();
  const target: Target<MemoryFileSystem> = {
    name: 'snapshot',
    // An entry is named as the archive names it.
    file: /./s,
    sample: () => archive,
    fields: (bytes) =>
      tarHeadersIn(bytes).flatMap((at) =>
        [0, 1, 3, 6, 10, 99, 100, 124, 128, 134, 135, 148, 156, 157, 257, 263, 345].map(
          (offset) => ({ at: at + offset, kind: 'u8' }) as const,
        ),
      ),
    seal: sealTar,
    async decode(bytes) {
      const files = new MemoryFileSystem();
      try {
        await restoreInto(inPieces(bytes), '/db', files);
        return files;
      } catch (error) {
        must(files.list('/').length === 0, 'a restore that fails leaves nothing');
        throw error;
      } finally {
        must(files.openHandles === 0, 'no file is left open');
      }
    },
    largestAllocation: (sizeBytes) => 8 * sizeBytes + 4 * 1024 * 1024,
  };
  const decode = target.decode.bind(target);
  const compare = async (bytes: Uint8Array): Promise<MemoryFileSystem> => {
    const files = await decode(bytes);
    must((await shownAt(files)) === shown, 'what is restored is what was');
    return files;
  };
  return { ...target, decode: compare } as Target;
}
