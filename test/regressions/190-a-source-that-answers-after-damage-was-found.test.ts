import { expect, test } from 'vitest';
import { restoreInto } from '../../src/backend/restore.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

/** What is no tar in two pieces, the second of which takes so many turns to come. */
async function* pieces(turns: number): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1024).fill(0x41);
  for (let turn = 0; turn < turns; turn++) await undefined;
  yield new Uint8Array(512);
}

// A piece that came when the stream was cancelled could not be put into it, and that was told as a failure of the source (found on Node 24).
test('damage is told as damage, whenever the source gives its next piece', async () => {
  const codes = new Map<number, unknown>();
  for (let turns = 0; turns < 100; turns++) {
    const files = new MemoryFileSystem();
    codes.set(turns, await restoreInto(pieces(turns), '/db', files).catch((error: unknown) => (error as { code: unknown }).code));
    expect(files.list('/')).toEqual([]);
  }
  expect([...codes].filter(([, code]) => code !== 'VARVE_CORRUPTION')).toEqual([]);
});
