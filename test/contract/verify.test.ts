/**
 * verify: every byte read, every problem told, nothing written.
 */
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBackend, verify } from 'varve';
import { describe, expect, test } from 'vitest';
import { start } from './support/child.js';
import { deleteAll, numbered, putAll } from './support/content.js';
import { bytesOnDisk, copyOf, filesOf, flip, image, largestFile, rewrite } from './support/disk.js';
import { expectRejection, freshPath, open, temporaryDirectory } from './support/harness.js';

/** A database of several tables, closed. */
async function database(): Promise<string> {
  const path = freshPath();
  const backend = await open({ path, memtableBytes: 16_384 });
  putAll(backend, 'b', numbered(1000, 100));
  deleteAll(backend, 'b', ['key00001', 'key00002']);
  await backend.close();
  return path;
}

describe('a sound database', () => {
  test('is ok: no problem, and the files, bytes and entries that were read', async () => {
    const path = await database();
    const report = await verify(path);
    expect(report.problems).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.files).toBeGreaterThan(0);
    expect(report.files).toBeLessThanOrEqual(filesOf(path).length);
    expect(report.bytes).toBeGreaterThanOrEqual(statSync(join(path, largestFile(path))).size);
    expect(report.bytes).toBeLessThanOrEqual(bytesOnDisk(path));
    expect(report.entries).toBeGreaterThanOrEqual(998);
  });

  test('counts the records that are stored: no fewer than there are keys, no more than were ever written', async () => {
    const path = freshPath();
    const backend = await open({ path });
    putAll(backend, 'b', numbered(100));
    await backend.defrag();
    await backend.close();
    const { entries } = await verify(path);
    expect(entries).toBeGreaterThanOrEqual(100);
    expect(entries).toBeLessThanOrEqual(110);
    const again = await open({ path });
    deleteAll(
      again,
      'b',
      numbered(60).map(([key]) => key),
    );
    await again.close();
    const afterDeletes = (await verify(path)).entries;
    expect(afterDeletes).toBeGreaterThanOrEqual(40);
    expect(afterDeletes).toBeLessThanOrEqual(entries + 60 + 10);
  });

  test('empty, it is ok as well', async () => {
    const path = freshPath();
    await (await open({ path })).close();
    expect(await verify(path)).toMatchObject({ ok: true, problems: [] });
  });

  test('nothing is written', async () => {
    const path = await database();
    const before = image(path);
    await verify(path);
    expect(image(path)).toEqual(before);
    await open({ path });
  });

  test('the unsynced tail of the last log, as a kill leaves it, is no problem', async () => {
    const path = freshPath();
    const child = start('crash.mjs', ['sections', path]);
    await child.said(100);
    child.process.kill('SIGKILL');
    await child.ended;
    const before = image(path);
    expect(await verify(path)).toMatchObject({ ok: true, problems: [] });
    expect(image(path)).toEqual(before);
  });
});

describe('a database that is not to be had', () => {
  test('open, here or in another process, it is VARVE_LOCKED', async () => {
    const path = await database();
    const backend = await open({ path });
    await expectRejection(() => verify(path), 'VARVE_LOCKED');
    await backend.close();
    expect((await verify(path)).ok).toBe(true);
    const child = start('crash.mjs', ['hold', path]);
    await child.said(1);
    await expectRejection(() => verify(path), 'VARVE_LOCKED');
    child.process.stdin?.end();
    expect((await child.ended).lines).toEqual(['open', 'closed']);
    expect((await verify(path)).ok).toBe(true);
  });

  test('none there is VARVE_NOT_FOUND', async () => {
    const other = temporaryDirectory();
    writeFileSync(join(other, 'letter.txt'), 'dear');
    for (const path of [freshPath(), temporaryDirectory(), other]) await expectRejection(() => verify(path), 'VARVE_NOT_FOUND');
  });

  test('verified already, here, it is VARVE_LOCKED for the second; the first goes on', async () => {
    const path = await database();
    const first = verify(path);
    await expectRejection(() => verify(path), 'VARVE_LOCKED');
    expect((await first).ok).toBe(true);
    expect((await verify(path)).ok).toBe(true);
  });

  test('is released afterwards', async () => {
    const path = await database();
    await Promise.all([verify(path)]);
    await (await openBackend({ path })).close();
  });
});

describe('damage', () => {
  test('a flipped byte in the largest file is reported with its file, wherever it is', async () => {
    const path = await database();
    const backend = await open({ path });
    await backend.defrag();
    await backend.close();
    const file = largestFile(path);
    const size = statSync(join(path, file)).size;
    for (let step = 0; step < 16; step++) {
      const spoilt = copyOf(path);
      const offset = Math.floor((step * (size - 1)) / 15);
      flip(spoilt, file, offset, 0x04);
      const report = await verify(spoilt);
      expect(report.ok, `${file} at ${offset}`).toBe(false);
      expect(report.problems.map((problem) => problem.file).join(), `${file} at ${offset}`).toContain(file);
      for (const problem of report.problems) expect(problem.message).not.toBe('');
    }
  });

  test('every problem is reported, not the first alone', async () => {
    const path = freshPath();
    const backend = await open({ path, compression: 'none' });
    putAll(backend, 'b', numbered(400, 1000));
    await backend.defrag();
    await backend.close();
    const file = largestFile(path);
    const size = statSync(join(path, file)).size;
    for (const part of [0.2, 0.5, 0.8]) flip(path, file, Math.floor(size * part));
    const report = await verify(path);
    expect(report.ok).toBe(false);
    expect(report.problems.length).toBeGreaterThanOrEqual(3);
  });

  test('the largest file cut short, made longer, empty or missing is reported', async () => {
    const path = await database();
    const file = largestFile(path);
    const spoils: [what: string, spoil: (directory: string) => void][] = [
      ['short', (directory) => rewrite(directory, file, (bytes) => bytes.subarray(0, bytes.length - 1))],
      ['half', (directory) => rewrite(directory, file, (bytes) => bytes.subarray(0, bytes.length / 2))],
      ['empty', (directory) => rewrite(directory, file, () => Buffer.alloc(0))],
      ['zeros', (directory) => rewrite(directory, file, (bytes) => Buffer.alloc(bytes.length))],
      ['missing', (directory) => rmSync(join(directory, file))],
    ];
    for (const [what, spoil] of spoils) {
      const spoilt = copyOf(path);
      spoil(spoilt);
      const before = image(spoilt);
      const report = await verify(spoilt);
      expect(report.ok, what).toBe(false);
      expect(report.problems.length, what).toBeGreaterThan(0);
      expect(image(spoilt), what).toEqual(before);
    }
  });
});
