/**
 * Damaged files: never a wrong value, never a crash, never a loss in silence; opening ends, with an error where it must.
 */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openBackend, VarveError, verify } from 'varve';
import { describe, expect, test } from 'vitest';
import { numbered, type Pair, pairsOf, putAll } from './support/content.js';
import { copyOf, filesOf, rewrite } from './support/disk.js';
import { freshPath, open } from './support/harness.js';

const pairs = numbered(60, 200);
const codes = ['VARVE_CORRUPTION', 'VARVE_UNSUPPORTED_VERSION', 'VARVE_NOT_FOUND', 'VARVE_INVALID_ARGUMENT', 'VARVE_IO'];

/** A database with tables and a log, each pair committed by itself, closed. */
async function database(): Promise<string> {
  const path = freshPath();
  const backend = await open({ path, memtableBytes: 16_384, compression: 'none' });
  for (const [index, pair] of pairs.entries()) {
    putAll(backend, 'b', [pair]);
    await backend.forceCommit();
    if (index === 30) await backend.defrag();
  }
  await backend.close();
  return path;
}

/** What a damaged database shows: its pairs, or the error. */
async function shown(path: string): Promise<Pair[] | VarveError> {
  try {
    const backend = await openBackend({ path, batchIntervalMs: 0 });
    try {
      return pairsOf(backend.readTx(), 'b');
    } finally {
      await backend.close();
    }
  } catch (error) {
    if (error instanceof VarveError) return error;
    throw error;
  }
}

describe('a flipped byte', () => {
  test('anywhere in any file gives the right pairs, all but the last, or an error: never a wrong pair', async () => {
    const path = await database();
    for (const file of filesOf(path)) {
      const size = statSync(join(path, file)).size;
      const steps = Math.min(size, 40);
      for (let step = 0; step < steps; step++) {
        const offset = Math.floor((step * (size - 1)) / Math.max(1, steps - 1));
        const spoilt = copyOf(path);
        rewrite(spoilt, file, (bytes) => {
          bytes[offset] = (bytes[offset] as number) ^ (1 << (step % 8));
          return bytes;
        });
        const found = await shown(spoilt);
        const where = `${file} at ${offset}`;
        if (found instanceof VarveError) {
          expect(codes, `${where}: ${found.message}`).toContain(found.code);
        } else {
          expect(found, where).toEqual(pairs.slice(0, found.length));
          expect(found.length, where).toBeGreaterThanOrEqual(pairs.length - 1);
        }
        rmSync(spoilt, { recursive: true });
      }
    }
  });

  test('in a table is VARVE_CORRUPTION that names the file', async () => {
    const path = freshPath();
    const backend = await open({ path, compression: 'none' });
    putAll(backend, 'b', [['k', 'a value that can be found'.repeat(100)]]);
    await backend.defrag();
    await backend.close();
    for (const file of filesOf(path)) {
      const spoilt = copyOf(path);
      let met = false;
      rewrite(spoilt, file, (bytes) => {
        const at = bytes.indexOf('a value that can be found');
        met = at >= 0;
        if (met) bytes[at] = 0;
        return bytes;
      });
      if (!met) continue;
      const found = await shown(spoilt);
      expect(found, file).toBeInstanceOf(VarveError);
      expect(found).toMatchObject({ code: 'VARVE_CORRUPTION', file: expect.stringContaining(file) });
    }
  });
});

describe('whole files', () => {
  test('emptied, zeroed, cut, doubled, filled with noise or missing: opening and verifying end', async () => {
    const path = await database();
    let state = 7;
    const noise = (length: number): Buffer =>
      Buffer.from(
        Array.from({ length }, () => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
          return state >>> 16;
        }),
      );
    const spoils: ((bytes: Buffer) => Uint8Array | undefined)[] = [
      () => Buffer.alloc(0),
      (bytes) => Buffer.alloc(bytes.length),
      (bytes) => bytes.subarray(0, Math.floor(bytes.length / 2)),
      (bytes) => bytes.subarray(0, Math.max(0, bytes.length - 1)),
      (bytes) => Buffer.concat([bytes, bytes]),
      (bytes) => noise(bytes.length),
      (bytes) => Buffer.concat([bytes.subarray(0, 16), noise(Math.max(0, bytes.length - 16))]),
      (bytes) => Buffer.alloc(bytes.length, 0xff),
      () => undefined,
    ];
    for (const file of filesOf(path)) {
      for (const [kind, spoil] of spoils.entries()) {
        const spoilt = copyOf(path);
        let missing = false;
        rewrite(spoilt, file, (bytes) => {
          const changed = spoil(bytes);
          missing = changed === undefined;
          return changed ?? bytes;
        });
        if (missing) rmSync(join(spoilt, file));
        const where = `${file}, spoilt in way ${kind}`;
        const report = await verify(spoilt).catch((error: unknown) => error);
        if (report instanceof Error) expect(report, where).toBeInstanceOf(VarveError);
        const found = await shown(spoilt);
        if (found instanceof VarveError) expect(codes, `${where}: ${found.message}`).toContain(found.code);
        else expect(found, where).toEqual(pairs.slice(0, found.length));
        rmSync(spoilt, { recursive: true });
      }
    }
  });
});
