/**
 * What a database must do whose files were forged, checksums and all: nobody can say what it holds, but every call must end, with a
 * result or with an error that says what is damaged.
 */
import { Writable } from 'node:stream';
import type { EngineBackend } from '../../../src/backend/backend.js';
import { verifyDirectory } from '../../../src/engine/verify.js';
import { VarveError } from '../../../src/errors.js';
import { openOn, smallSizes } from '../../support/memory-database.js';
import { directory, diskOf, type Image } from './image.js';

const allowedCodes = ['VARVE_CORRUPTION', 'VARVE_UNSUPPORTED_VERSION'];

/** What came of a forged database. */
export interface Survival {
  /** The first error, from opening on; undefined where there was none. */
  readonly error: VarveError | undefined;
  readonly problems: readonly string[];
}

class Calls {
  first: VarveError | undefined;

  async run<Result>(what: string, call: () => Result | Promise<Result>): Promise<Result | undefined> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof VarveError) || !allowedCodes.includes(error.code))
        throw new Error(`${what}: ${String(error)}`, { cause: error });
      if (error.code === 'VARVE_CORRUPTION' && error.file === undefined)
        throw new Error(`${what}: names no file: ${error.message}`);
      this.first ??= error;
      return undefined;
    }
  }
}

async function useEverything(backend: EngineBackend, calls: Calls, isWritable: boolean): Promise<void> {
  const tx = backend.readTx();
  const names = (await calls.run('buckets', () => tx.unsafeBuckets())) ?? [];
  for (const bucket of names) {
    const keys = (await calls.run('iterate', () => [...tx.unsafeIterate(bucket)].map(([key]) => key))) ?? [];
    await calls.run('reverse', () => [...tx.unsafeIterate(bucket, { reverse: true })].length);
    await calls.run('range', () => tx.unsafeRange(bucket, '', Buffer.alloc(40, 255)));
    for (const key of [...keys, Buffer.from('pear'), Buffer.from('no such key')])
      await calls.run('get', () => tx.unsafeGet(bucket, key));
  }
  await calls.run('hash', () => backend.hash());
  await calls.run('size', () => backend.sizeInUse());
  await calls.run('snapshot', async () => {
    const snapshot = await backend.snapshot();
    await snapshot.writeTo(new Writable({ write: (_chunk, _encoding, done) => done() }));
    await snapshot.close();
  });
  if (!isWritable) return;
  await calls.run('put', async () => {
    backend.update((section) => {
      section.unsafeCreateBucket('another');
      section.unsafePut('another', 'key', 'value');
    });
    await backend.forceCommit();
    if (String(backend.readTx().unsafeGet('another', 'key')) !== 'value') throw new Error('a new value is not there');
  });
  await calls.run('defrag', () => backend.defrag());
}

/** Opens, uses, closes and verifies a forged database; anything but an error about damage is thrown. */
export async function survive(image: Image, readOnly: boolean): Promise<Survival> {
  const disk = diskOf(image);
  const calls = new Calls();
  const config = { path: directory, memtableBytes: 16_384, createIfMissing: false, readOnly };
  const report = await calls.run('verify', () => verifyDirectory(disk, directory));
  const backend = await calls.run('open', () => openOn(disk, config, smallSizes));
  if (backend !== undefined) {
    try {
      await useEverything(backend, calls, !readOnly);
    } finally {
      await calls.run('close', () => backend.close());
    }
  }
  if (disk.openHandles !== 0) throw new Error(`${disk.openHandles} files were left open`);
  return { error: calls.first, problems: (report?.problems ?? []).map(({ file }) => file) };
}
