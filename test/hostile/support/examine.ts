/**
 * What a database shows, hurt or not: everything that can be read, by every way of reading, or the error.
 */
import { verifyDirectory } from '../../../src/engine/verify.js';
import { VarveError } from '../../../src/errors.js';
import type { EngineBackend } from '../../../src/backend/backend.js';
import { openOn, smallSizes } from '../../support/memory-database.js';
import { directory, diskOf, type Image } from './image.js';
import { contentOf } from './shapes.js';

/** Content as text, or what was thrown. Anything but a VarveError is a defect, and so are ways of reading that differ. */
export type Outcome = { readonly content: string } | { readonly error: VarveError };

/** What is done with a database that opens. */
export interface Examination {
  readonly readOnly: boolean;
  /** Compacts everything, and reads again. */
  readonly defrag: boolean;
}

/** Reads everything in every way; ways that differ are a defect. */
export async function readEverything(backend: EngineBackend): Promise<string> {
  const tx = backend.readTx();
  const content = contentOf(tx);
  const number = await backend.hash();
  for (const bucket of tx.unsafeBuckets()) {
    const forward = [...tx.unsafeIterate(bucket)];
    const text = (pairs: (readonly (Buffer | undefined)[])[]): string =>
      pairs.map((pair) => pair.map((bytes) => bytes?.toString('latin1')).join('=')).join();
    const ranged = tx.unsafeRange(bucket, '', Buffer.alloc(40, 255));
    const backward = [...tx.unsafeIterate(bucket, { reverse: true })].reverse();
    const gets = forward.map(([key]) => [key, tx.unsafeGet(bucket, key)]);
    const pairs = text(forward);
    const others = [ranged.keys.map((key, i) => [key, ranged.vals[i]]), backward, gets];
    for (const other of others) if (text(other) !== pairs) throw new Error(`ways of reading differ in ${String(bucket)}`);
  }
  if (number !== (await backend.hash())) throw new Error('two hashes of one state differ');
  return content;
}

async function attempt(run: () => Promise<string>): Promise<Outcome> {
  try {
    return { content: await run() };
  } catch (error) {
    if (error instanceof VarveError && error.code !== 'VARVE_ASSERTION') return { error };
    throw error;
  }
}

/** Opens the image on a disk of its own and reads everything. Nothing is left open, and a second look shows the same. */
export async function examine(image: Image, { readOnly, defrag }: Examination): Promise<Outcome> {
  const disk = diskOf(image);
  const outcome = await attempt(async () => {
    const backend = await openOn(disk, { path: directory, memtableBytes: 16_384, readOnly }, smallSizes);
    try {
      const content = await readEverything(backend);
      if (!defrag || readOnly) return content;
      await backend.defrag();
      if ((await readEverything(backend)) !== content) throw new Error('a compaction changed the content');
      return content;
    } finally {
      await backend.close();
    }
  });
  if (disk.openHandles !== 0) throw new Error(`${disk.openHandles} files were left open`);
  return outcome;
}

/** The files that `verify` complains of. */
export async function complaints(image: Image): Promise<string[]> {
  const disk = diskOf(image);
  const { problems } = await verifyDirectory(disk, directory);
  if (disk.openHandles !== 0) throw new Error(`verify left ${disk.openHandles} files open`);
  return problems.map(({ file }) => file);
}
