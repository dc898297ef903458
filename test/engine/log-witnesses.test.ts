/**
 * Who tells damage from a torn tail when a whole database is opened: the next log, the manifest, and the names that are there.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../src/api.js';
import { verifyDirectory } from '../../src/engine/verify.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { openDatabase, path } from '../crash/workload.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

beforeAll(initializeChecksum);

let state = 1;

/** Bytes that do not compress. */
function noise(length: number): Buffer {
  const next = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 16;
  };
  return Buffer.from(Array.from({ length }, next));
}

/** A section of about `bytes` bytes; above 16 KiB it fills a memtable. */
function write(backend: Backend, name: string, bytes: number): void {
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    for (let at = 0; at < bytes; at += 200) tx.unsafePut('a', `${name} ${at}`, noise(200));
  });
}

async function openNew(): Promise<{ files: MemoryFileSystem; backend: Backend }> {
  const files = new MemoryFileSystem();
  return { files, backend: await openDatabase(files) };
}

const namesOf = (files: MemoryFileSystem, pattern: RegExp): string[] =>
  files
    .list(path)
    .filter((name) => pattern.test(name))
    .sort();

const newest = (files: MemoryFileSystem, pattern: RegExp): string => namesOf(files, pattern).at(-1) ?? 'none';

/** Flips a bit `fromEnd` bytes before the end of a file. */
function flip(files: MemoryFileSystem, name: string, fromEnd: number): void {
  const file = files.open(`${path}/${name}`, 'modify');
  const position = file.sizeBytes() - fromEnd;
  const byte = new Uint8Array(1);
  file.read(byte, position);
  file.write([byte.map((value) => value ^ 4)], position);
  file.close();
}

async function expectDamage(files: MemoryFileSystem, name: string): Promise<void> {
  const opened = openDatabase(files).then((backend) => backend.close());
  await expect(opened, `opening without a sound ${name}`).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', file: name });
  const { problems } = await verifyDirectory(files, path);
  expect(problems.map(({ file }) => file)).toContain(name);
}

describe('the manifest knows', () => {
  test('that the newest log must be there, from its first commit on', async () => {
    const { files, backend } = await openNew();
    write(backend, 'x', 400);
    await backend.batchTx().commit();
    const image = files.crash(1, 'dropUnsynced');
    await backend.close();
    const log = newest(image, /\.log$/);
    image.unlink(`${path}/${log}`);
    await expectDamage(image, log);
  });

  test('the same where that commit was made in place, for a writer that does not wait', async () => {
    const { files, backend } = await openNew();
    write(backend, 'x', 400);
    await backend.batchTx().commit();
    const before = namesOf(files, /\.log$/);
    for (const name of ['p', 'q', 'r']) write(backend, name, 17_000);
    const image = files.crash(1, 'dropUnsynced');
    await backend.close();
    const log = newest(image, /\.log$/);
    expect(before).not.toContain(log);
    image.unlink(`${path}/${log}`);
    await expectDamage(image, log);
  });

  test('how long the newest log was at a close, also after a crash that follows', async () => {
    const { files, backend } = await openNew();
    for (const name of ['x', 'y']) {
      write(backend, name, 400);
      await backend.batchTx().commit();
    }
    await backend.close();
    for (const image of [files.clone(), files.crash(1, 'dropUnsynced')]) {
      const log = newest(image, /\.log$/);
      flip(image, log, 100);
      await expectDamage(image, log);
    }
  });

  test('its own length when it was closed', async () => {
    const { files, backend } = await openNew();
    write(backend, 'x', 400);
    await backend.close();
    const manifest = newest(files, /^MANIFEST/);
    // The last edit takes 48 bytes, the closing frame behind it 40: with or without that one it is the last edit that is hit.
    flip(files, manifest, 43);
    await expectDamage(files, manifest);
  });
});

describe('a log knows the one before it', () => {
  /** A complete log, which is not flushed yet, and the next one. */
  async function twoLogs(): Promise<MemoryFileSystem> {
    const { files, backend } = await openNew();
    for (const [name, bytes] of [
      ['x', 17_000],
      ['y', 400],
    ] as const) {
      write(backend, name, bytes);
      await backend.batchTx().commit();
    }
    const image = files.clone();
    await backend.close();
    expect(namesOf(image, /\.log$/).length).toBe(2);
    return image;
  }

  test('and that all of it was durable', async () => {
    const image = await twoLogs();
    const [first = ''] = namesOf(image, /\.log$/);
    flip(image, first, 100);
    await expectDamage(image, first);
  });

  test('and that it must be there', async () => {
    const image = await twoLogs();
    const [first = ''] = namesOf(image, /\.log$/);
    image.unlink(`${path}/${first}`);
    await expectDamage(image, first);
  });
});

describe('what is missing is damage that names the file:', () => {
  /** Several tables, of which the first alone says which buckets there are. */
  async function withTables(): Promise<MemoryFileSystem> {
    const { files, backend } = await openNew();
    write(backend, 'x', 14_000);
    await backend.defrag();
    await backend.close();
    expect(namesOf(files, /\.sst$/).length).toBeGreaterThan(2);
    return files;
  }

  test.each([
    ['CURRENT', /^CURRENT$/],
    ['the manifest', /^MANIFEST/],
    ['a table', /\.sst$/],
  ])('%s', async (_what, pattern) => {
    const files = await withTables();
    const name = newest(files, pattern);
    files.unlink(`${path}/${name}`);
    await expectDamage(files, name);
  });

  test('a table that was cut off', async () => {
    const files = await withTables();
    const name = newest(files, /\.sst$/);
    const file = files.open(`${path}/${name}`, 'modify');
    file.truncate(file.sizeBytes() - 1);
    file.close();
    await expectDamage(files, name);
  });
});
