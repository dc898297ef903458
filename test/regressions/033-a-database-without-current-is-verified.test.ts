/**
 * Where CURRENT was missing or damaged, verify reported that and read nothing else.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { verifyDirectory } from '../../src/engine/verify.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { openDatabase, path } from '../crash/workload.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

beforeAll(initializeChecksum);

async function database(): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  const backend = await openDatabase(files);
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    for (let i = 0; i < 100; i++) tx.unsafePut('a', `key${i}`, 'x'.repeat(100));
  });
  await backend.defrag();
  backend.update((tx) => tx.unsafePut('a', 'newest', 'y'));
  await backend.close();
  return files;
}

function nameOf(files: MemoryFileSystem, pattern: RegExp): string {
  return files.list(path).find((name) => pattern.test(name)) ?? expect.fail(`no file ${String(pattern)}`);
}

function flip(files: MemoryFileSystem, name: string, offset: number): void {
  const file = files.open(`${path}/${name}`, 'modify');
  const byte = new Uint8Array(1);
  file.read(byte, offset);
  file.write([Uint8Array.of((byte[0] as number) ^ 1)], offset);
  file.close();
}

describe.each([
  ['missing', (files: MemoryFileSystem) => files.unlink(`${path}/CURRENT`)],
  ['damaged', (files: MemoryFileSystem) => flip(files, 'CURRENT', 20)],
])('CURRENT %s', (_what, spoil) => {
  test('is a problem, and all else is read', async () => {
    const files = await database();
    const sound = await verifyDirectory(files, path);
    expect(sound.problems).toEqual([]);
    spoil(files);
    const report = await verifyDirectory(files, path);
    expect(report.problems.map(({ file }) => file)).toEqual(['CURRENT']);
    expect(report.entries).toBe(sound.entries);
    expect(report.files).toBe(sound.files - 1);
  });

  test('does not hide damage in a table', async () => {
    const files = await database();
    spoil(files);
    const table = nameOf(files, /\.sst$/);
    flip(files, table, 10);
    const { problems } = await verifyDirectory(files, path);
    expect(problems.map(({ file }) => file)).toEqual(['CURRENT', table]);
  });

  test('leads from a damaged manifest to one that is sound, both reported', async () => {
    const files = await database();
    spoil(files);
    const sound = nameOf(files, /^MANIFEST/);
    files.open(`${path}/MANIFEST-999999`, 'create').write([new Uint8Array(100)], 0);
    const table = nameOf(files, /\.sst$/);
    flip(files, table, 10);
    const { problems } = await verifyDirectory(files, path);
    expect(problems.map(({ file }) => file)).toEqual(['CURRENT', 'MANIFEST-999999', table]);
    flip(files, sound, 0);
    const without = await verifyDirectory(files, path);
    expect(without.problems.map(({ file }) => file)).toEqual(['CURRENT', 'MANIFEST-999999', sound]);
  });
});
