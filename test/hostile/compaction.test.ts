/**
 * Compaction that meets damage: it ends with an error that names the table, its inputs stay as they are, what else there is can be
 * read and written, and nothing of the damage is written anew under a checksum that is right.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EngineBackend } from '../../src/backend/backend.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { VarveError } from '../../src/errors.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import type { MemoryFileSystem } from '../support/memory-file-system.js';
import { byTier, report } from '../support/tier.js';
import { layoutOf } from './support/forge.js';
import { directory, diskOf, fileOf, imageOf, namesOf, withFile } from './support/image.js';
import { shapeNames, shapeOf } from './support/shapes.js';

const tabled = shapeNames.filter((name) => name.startsWith('two levels'));
let cases = 0;

beforeAll(() => initializeChecksum());
afterAll(() => report('compaction of damage', `${cases} cases`));

/** Key and value of all that can be read, one by one; undefined where reading failed. */
function readOneByOne(get: (key: string) => Buffer | undefined, keys: readonly string[]): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  for (const key of keys) {
    try {
      found.set(key, get(key)?.toString('latin1'));
    } catch (error) {
      if (!(error instanceof VarveError) || error.code !== 'VARVE_CORRUPTION') throw error;
    }
  }
  return found;
}

/** The database, or undefined where the damage keeps it from opening, and says so. */
async function openUnlessDamaged(disk: MemoryFileSystem, file: string): Promise<EngineBackend | undefined> {
  try {
    return await openOn(disk, { path: directory, memtableBytes: 16_384 }, smallSizes);
  } catch (error) {
    expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', file });
    return undefined;
  }
}

test.each(tabled)('%s: every block, damaged', { timeout: 600_000 }, async (shapeName) => {
  const shape = await shapeOf(shapeName);
  const newest = JSON.parse(shape.states.at(-1) ?? '') as [string, [string, string][]][];
  const fruit = new Map(newest.find(([name]) => name === 'fruit')?.[1]);
  let opened = 0;
  const keys = [...fruit.keys()].filter((key) => !key.includes('\0'));
  for (const name of namesOf(shape.image, 'sst')) {
    const table = fileOf(shape.image, name);
    for (const { at, bytes } of layoutOf(table).blocks) {
      for (const place of byTier([at + (bytes >> 1)], [at, at + 1, at + (bytes >> 1), at + bytes - 1])) {
        const hurt = table.slice();
        hurt[place] = (hurt[place] as number) ^ 1;
        const disk = diskOf(withFile(shape.image, name, hurt));
        const where = `${name} at ${place}`;
        const backend = await openUnlessDamaged(disk, name);
        // The names of the buckets stand there: without them nothing can be opened.
        if (backend === undefined) continue;
        opened++;
        const before = readOneByOne((key) => backend.readTx().unsafeGet('fruit', key), keys);
        for (const [key, value] of before) expect(value, `${where}: ${key}`).toBe(fruit.get(key));
        const compaction = backend.defrag().catch((error: unknown) => error);
        backend.update((tx) => tx.unsafePut('fruit', 'new', 'value'));
        await backend.forceCommit();
        expect(await compaction, where).toMatchObject({ code: 'VARVE_CORRUPTION', file: name });
        const after = readOneByOne((key) => backend.readTx().unsafeGet('fruit', key), keys);
        expect(after, where).toEqual(before);
        backend.update((tx) => tx.unsafePut('fruit', 'newer', 'value'));
        await backend.forceCommit();
        await backend.close();
        expect(imageOf(disk).get(name), `${where}: the input`).toEqual(hurt);
        const again = await openOn(disk, { path: directory, memtableBytes: 16_384 }, smallSizes);
        expect(
          readOneByOne((key) => again.readTx().unsafeGet('fruit', key), keys),
          where,
        ).toEqual(before);
        expect(again.readTx().unsafeGet('fruit', 'newer')?.toString(), where).toBe('value');
        await again.close();
        expect(disk.openHandles, where).toBe(0);
        cases++;
      }
    }
  }
  expect(opened).toBeGreaterThan(0);
});
