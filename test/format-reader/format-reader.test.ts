/**
 * docs/format.md is enough to write a reader: the one beside this file was, and here it reads what the library wrote.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBackend, type Backend, type BackendConfig, type ReadTx } from 'varve';
import { Bytes, xxh32, xxh64 } from './bytes.js';
import { liveTables, readContent, unpack, type Content, type Files } from './dumper.js';
import { frames, logGroups } from './frames.js';
import { readManifest } from './manifest.js';
import { filterPasses, section, tableEntries } from './table.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/format.md'), 'utf8');

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-format-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The bytes of the examples that begin with this line: first column of each row, up to the double space. */
function example(fence: string): Buffer {
  const [, rows = ''] = page.split(`\`\`\`${fence}\n`)[1]?.match(/^([\s\S]*?)```/) ?? [];
  return Buffer.from(rows.replace(/ .*$/gm, '').replace(/\n/g, ''), 'hex');
}

function golden(name: string): Buffer {
  const text = readFileSync(join(root, 'test/golden', name), 'utf8');
  return Buffer.from((name.endsWith('.txt') ? text.replace(/^.{4} {2}/gm, '') : text).replace(/\s/g, ''), 'hex');
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function contentOf(tx: ReadTx): Content {
  return new Map(
    tx.unsafeBuckets().map((name) => {
      const entries = [...tx.unsafeIterate(name)].map(([key, value]): [string, string] => [latin1(key), latin1(value)]);
      return [latin1(name), new Map(entries)];
    }),
  );
}

/** By name and key, so that two contents compare without regard to the order in which they were found. */
function sorted(content: Content): unknown {
  const byName = (a: [string, unknown], b: [string, unknown]): number => (a[0] < b[0] ? -1 : 1);
  return [...content].sort(byName).map(([name, entries]) => [name, [...entries].sort(byName)]);
}

function filesOf(path: string): Files {
  return new Map(readdirSync(path).map((name) => [name, new Uint8Array(readFileSync(join(path, name)))]));
}

async function open(name: string, config: Partial<BackendConfig> = {}): Promise<{ backend: Backend; path: string }> {
  const path = join(directory, name);
  return { backend: await openBackend({ path, compression: 'none', memtableBytes: 16_384, ...config }), path };
}

/** Overwrites, deletes, deleted buckets, ids that take more than a byte, and a value that has a block of its own. */
async function fill(backend: Backend): Promise<void> {
  backend.update((tx) => {
    for (let bucket = 0; bucket < 300; bucket++) tx.unsafeCreateBucket(`bucket${bucket}`);
    tx.unsafeCreateBucket('gone');
    tx.unsafePut('gone', 'secret', 'x'.repeat(500));
    tx.unsafePut('bucket299', Buffer.from([0, 255, 128]), Buffer.alloc(5 * 1024 * 1024, 7));
    tx.unsafePut('bucket7', 'empty', '');
  });
  for (let round = 0; round < 6; round++) {
    for (let section = 0; section < 40; section++) {
      backend.update((tx) => {
        for (let i = 0; i < 10; i++) {
          const number = section * 10 + i;
          const bucket = `bucket${(number * 37) % 300}`;
          if ((number + round) % 5 === 0) tx.unsafeDelete(bucket, `key${number}`);
          else tx.unsafePut(bucket, `key${number}`, `${round}/${number}`.padEnd(40 + (number % 30), '.'));
        }
      });
    }
    await backend.forceCommit();
  }
  backend.update((tx) => {
    tx.unsafeDeleteBucket('gone');
    tx.unsafeDeleteBucket('bucket3');
    tx.unsafeCreateBucket('bucket3');
    tx.unsafePut('bucket3', 'again', 'new');
  });
  await backend.forceCommit();
}

describe('the worked examples', () => {
  test.each(['log.hex', 'manifest.hex', 'sstable/tiny-table.txt'])('of %s are the golden file, to the byte', (name) => {
    const bytes = example(`hex ${name}`);
    expect(bytes.length).toBeGreaterThan(100);
    expect(bytes.toString('hex')).toBe(golden(name).toString('hex'));
  });

  test('of a log frame holds the two records that the page says', () => {
    const header = Buffer.alloc(64);
    header.write('varvelog');
    header.writeUInt32LE(1, 8);
    header.write('23b2b0dd1217fbc67479e18ad92a49e6', 16, 'hex');
    header.writeDoubleLE(1, 32);
    header.writeDoubleLE(1, 56);
    const checked = Buffer.concat([header.subarray(0, 12), header.subarray(16)]);
    header.writeUInt32LE(Number(xxh64(checked) & 0xffff_ffffn), 12);
    const [group] = logGroups(new Bytes(Buffer.concat([header, example('hex')])));
    expect(group?.map(({ sequence, key, value }) => [sequence, key, latin1(value ?? Buffer.of())])).toEqual([
      [1, '\0fruit', '\0\0\0\u0001'],
      [2, '\u0001apple', 'red'],
    ]);
  });

  test('of CURRENT carries the checksum of its name', () => {
    expect(page).toContain(`MANIFEST-000007 ${xxh64(Buffer.from('MANIFEST-000007')).toString(16).padStart(16, '0')}`);
  });
});

describe('the reader, on the golden files', () => {
  test('finds the frames of the log', () => {
    const found = [...frames(new Bytes(golden('log.hex')), 64, 'FLV', false)];
    expect(found.map(({ offset, flags, entryCount, syncedBytes }) => [offset, flags, entryCount, syncedBytes])).toEqual([
      [64, 1, 2, 0],
      [120, 0, 1, 120],
      [168, 1, 1, 120],
      [216, 3, 0, 216],
    ]);
  });

  test('replays the manifest', () => {
    const { levels, counters } = readManifest(new Bytes(golden('manifest.hex')));
    expect(levels.map((runs) => runs.map(({ id, tables }) => [id, tables.map(({ fileNumber }) => fileNumber)]))).toEqual([
      [],
      [],
      [],
      [],
      [],
      [],
      [[24, [24, 25]]],
    ]);
    expect(counters).toEqual([23, 259, 26, 1, 0, 0]);
  });

  test('reads the table, and its filter knows its keys and not all others', () => {
    const table = new Bytes(golden('sstable/tiny-table.txt'));
    const entries = tableEntries(table).map(({ key, sequence, value }) => [key, sequence, value && latin1(value)]);
    expect(entries).toEqual([
      ['\u0001apple', 0, 'red'],
      ['\u0001pear', 12, 'green'],
      ['\u0001pear', 0, undefined],
      ['\u0002z', 0, ''],
    ]);
    const passes = (key: string): boolean => filterPasses(section(table, 0), xxh32(Buffer.from(key, 'latin1')));
    expect(entries.map(([key]) => passes(String(key)))).toEqual([true, true, true, true]);
    expect(Array.from({ length: 100 }, (_, i) => passes(`\u0001none${i}`)).filter(Boolean).length).toBeLessThan(10);
  });
});

describe('the reader, on databases that the library wrote', () => {
  test.each(['balanced', 'read', 'write', 'space'] as const)(
    'reads the same content: open, closed, defragmented (%s)',
    async (compaction) => {
      const { backend, path } = await open(`whole-${compaction}`, { compaction });
      const view = backend.concurrentReadTx();
      await fill(backend);
      const expected = sorted(contentOf(backend.readTx()));
      // Committed and in one turn: the files do not change while they are read.
      expect(sorted(readContent(filesOf(path)))).toEqual(expected);
      expect([...filesOf(path).keys()].filter((name) => name.endsWith('.sst')).length).toBeGreaterThan(0);
      view.runlock();
      await backend.defrag();
      expect(sorted(readContent(filesOf(path)))).toEqual(expected);
      expect([...filesOf(path).keys()].filter((name) => name.endsWith('.log'))).toEqual([]);
      await backend.close();
      expect(sorted(readContent(filesOf(path)))).toEqual(expected);
    },
  );

  test('reads what is in logs alone, with versions that a view pins in the tables', async () => {
    const { backend, path } = await open('pinned');
    backend.update((tx) => tx.unsafeCreateBucket('b'));
    const views: ReadTx[] = [];
    for (let i = 0; i < 600; i++) {
      backend.update((tx) => tx.unsafePut('b', `key${i % 20}`, `${i}`.padEnd(200, '.')));
      if (i % 50 === 0) views.push(backend.concurrentReadTx());
    }
    await backend.forceCommit();
    const expected = sorted(contentOf(backend.readTx()));
    const files = filesOf(path);
    expect(sorted(readContent(files))).toEqual(expected);
    // Not every table of the directory: the worker may be writing one.
    const tables = liveTables(files).map(tableEntries);
    expect(tables.flat().some(({ sequence }) => sequence > 0)).toBe(true);
    for (const view of views) view.runlock();
    await backend.close();
    expect(sorted(readContent(filesOf(path)))).toEqual(expected);
  });

  test('reads a snapshot out of its tar', async () => {
    const { backend } = await open('snapshot');
    await fill(backend);
    const snapshot = await backend.snapshot();
    const expected = sorted(contentOf(backend.readTx()));
    backend.update((tx) => tx.unsafePut('bucket1', 'later', 'not in it'));
    const pieces: Buffer[] = [];
    const target = new Writable({
      write(piece: Buffer, _encoding, done) {
        pieces.push(Buffer.from(piece));
        done();
      },
    });
    await snapshot.writeTo(target);
    await backend.close();
    const files = unpack(Buffer.concat(pieces));
    expect([...files.keys()].slice(-2)).toEqual(['LOCK', 'CURRENT']);
    expect(sorted(readContent(files))).toEqual(expected);
  });
});
