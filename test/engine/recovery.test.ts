/**
 * Recovery of logs: whole groups, each once; and a log that fills several memtables, through a loss of power at any operation.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../src/api.js';
import { BucketCatalog } from '../../src/engine/bucket-catalog.js';
import { recoverLogs } from '../../src/engine/recovery.js';
import { VarveError } from '../../src/errors.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import type { LogFrame } from '../../src/wal/log-format.js';
import { LogWriter } from '../../src/wal/log-writer.js';
import { fingerprint, shownBy } from '../crash/journal.js';
import { openDatabase } from '../crash/workload.js';
import { get, internalKey, put } from '../memtable/memtable-fixture.js';
import { EagerClock } from '../support/eager-clock.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem, PowerLoss } from '../support/memory-file-system.js';

beforeAll(initializeChecksum);

const directory = '/db';
const databaseId = new Uint8Array(16).fill(7);

/** Logs written by hand: records of one bucket, numbered by their sequence. */
class Logs {
  readonly files = new MemoryFileSystem();
  private readonly records = new Memtable(1, 1 << 16);
  private before = { number: 0, bytes: 0 };

  constructor(count: number) {
    this.files.makeDirectory(directory);
    for (let sequence = 1; sequence <= count; sequence++) put(this.records, internalKey(1, `k${sequence}`), `${sequence}`);
  }

  /** The frame with the records from `from` to `to`, exclusive. */
  frame(from: number, to: number): LogFrame {
    return this.records.pieces(from, to)[0] as LogFrame;
  }

  /** Writes a log of these groups; `cutBytes` of its end are lost. */
  write(logNumber: number, groups: readonly LogFrame[][], cutBytes = 0, validBytes?: number): void {
    const firstSequence = groups[0]?.[0]?.firstSequence ?? 1;
    const previous = { previousLogNumber: this.before.number, previousLogBytes: this.before.bytes };
    const log = LogWriter.create(this.files, directory, { databaseId, logNumber, firstSequence, ...previous });
    let complete = log.writtenBytes;
    for (const group of groups) {
      if (cutBytes > 0) complete = log.writtenBytes;
      log.appendGroup(group);
      if (cutBytes === 0) complete = log.writtenBytes;
    }
    const file = this.files.open(`${directory}/${log.fileName}`, 'modify');
    file.truncate(log.writtenBytes - cutBytes);
    file.close();
    log.close();
    this.before = { number: logNumber, bytes: validBytes ?? complete };
  }

  /** Keys that recovery finds, and the next sequence. */
  async recovered(nextSequence = 1): Promise<{ keys: string[]; nextSequence: number }> {
    const memtables: Memtable[] = [];
    const source = {
      fileSystem: this.files,
      directory,
      databaseId,
      manifestNumber: undefined,
      nextFileNumber: 0,
      oldestLogNumber: 0,
      newestLogNumber: 0,
      newestLogBytes: 0,
      logNumbers: this.files.list(directory).map((name) => Number.parseInt(name, 10)),
      memtableBytes: 1 << 16,
      nextSequence,
      catalog: new BucketCatalog(2),
      clock: new EagerClock(),
    };
    const result = await recoverLogs(source, ({ memtable }) => {
      memtables.push(memtable);
      return Promise.resolve();
    });
    const keys = Array.from({ length: 20 }, (_, i) => `k${i + 1}`);
    const isThere = (key: string): boolean => memtables.some((memtable) => get(memtable, internalKey(1, key)) !== 'absent');
    return { keys: keys.filter(isThere), nextSequence: result.nextSequence };
  }
}

describe('recovery', () => {
  test('takes nothing of a group whose last frame is torn', async () => {
    const logs = new Logs(6);
    logs.write(1, [[logs.frame(1, 3)], [logs.frame(3, 5), logs.frame(5, 7)]], 8);
    expect(await logs.recovered()).toEqual({ keys: ['k1', 'k2'], nextSequence: 3 });
  });

  test('takes nothing of a torn group with the first group of the next log either', async () => {
    const logs = new Logs(8);
    logs.write(1, [[logs.frame(1, 3)], [logs.frame(3, 4), logs.frame(4, 5)]], 8);
    logs.write(2, [[logs.frame(5, 7)]]);
    expect(await logs.recovered()).toEqual({ keys: ['k1', 'k2', 'k5', 'k6'], nextSequence: 7 });
  });

  test('nor where the next log knows nothing of the one before it', async () => {
    const logs = new Logs(8);
    logs.write(1, [[logs.frame(1, 3)], [logs.frame(3, 4), logs.frame(4, 5)]], 8, 0);
    logs.write(2, [[logs.frame(5, 7)]]);
    expect(await logs.recovered()).toEqual({ keys: ['k1', 'k2', 'k5', 'k6'], nextSequence: 7 });
  });

  test('passes over groups that are in tables', async () => {
    const logs = new Logs(6);
    logs.write(1, [[logs.frame(1, 3)], [logs.frame(3, 5)], [logs.frame(5, 7)]]);
    expect(await logs.recovered(5)).toEqual({ keys: ['k5', 'k6'], nextSequence: 7 });
  });

  test.each([1, 3])('refuses a frame of two records whose header says %i', async (entryCount) => {
    const logs = new Logs(2);
    logs.write(1, [[{ ...logs.frame(1, 3), entryCount }]]);
    await expect(logs.recovered()).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', file: '000001.log' });
  });
});

test('a section that was rolled back between two others is in no log', async () => {
  const files = new MemoryFileSystem();
  const backend = await openDatabase(files);
  const tx = backend.batchTx();
  backend.update(() => {
    tx.unsafeCreateBucket('a');
    tx.unsafePut('a', 'before', '1');
  });
  tx.lock();
  tx.unsafePut('a', 'undone', '2');
  tx.rollback();
  backend.update(() => tx.unsafePut('a', 'after', '3'));
  await backend.forceCommit();
  const survivor = await openDatabase(files.crash(1, 'dropUnsynced'));
  expect(survivor.readTx().unsafeRange('a', 'a', 'z').keys.map(String)).toEqual(['after', 'before']);
  await survivor.close();
  await backend.close();
});

describe('logs that fill several memtables each', () => {
  const path = '/srv/db';
  const open = (files: MemoryFileSystem, memtableBytes: number, readOnly = false): Promise<Backend> =>
    openOn(files, { path, memtableBytes, readOnly, cacheBytes: 4096 }, smallSizes);

  function fill(backend: Backend, bucket: string, name: string, count: number): void {
    backend.update((tx) => {
      tx.unsafeCreateBucket(bucket);
      for (let i = 0; i < count; i++) tx.unsafePut(bucket, `${name}${i % 60}`, Buffer.alloc(200, `${name}${i}`));
    });
  }

  /** Two logs, nothing in tables; and what they hold. */
  async function twoLogs(
    parts = 9,
    lastSection?: (backend: Backend) => void,
  ): Promise<{ image: MemoryFileSystem; content: string }> {
    const files = new MemoryFileSystem();
    const backend = await open(files, 64 * 1024);
    for (let part = 0; part < parts; part++) {
      fill(backend, 'a', `${part % 4}`, 50);
      // Sequences of what was rolled back are left out, and a bucket that is made twice would be damage.
      const tx = backend.batchTx();
      tx.lock();
      for (let i = 0; i < 20; i++) tx.unsafePut('a', 'undone', `${i}`);
      tx.rollback();
      backend.update(() => tx.unsafeCreateBucket(`made by part ${part}`));
      await backend.batchTx().commit();
    }
    const content = fingerprint(shownBy(backend.readTx()));
    lastSection?.(backend);
    // Written, and not synced: the process ends before that.
    files.onOperation = ({ kind }) => {
      if (kind === 'sync') throw new PowerLoss();
    };
    const image = await backend
      .batchTx()
      .commit()
      .catch(() => {})
      .then(() => files.clone());
    await backend.close().catch(() => {});
    expect(image.list(path).filter((name) => /\.(log|sst)$/.test(name))).toEqual([
      expect.stringMatching(/log$/),
      expect.stringMatching(/log$/),
    ]);
    return { image, content };
  }

  async function contentOf(files: MemoryFileSystem): Promise<string> {
    const backend = await open(files, 16 * 1024);
    const content = fingerprint(shownBy(backend.readTx()));
    await backend.close();
    return content;
  }

  /** Opens with power lost at operation `lossAt`; gives what survives, and whether it came that far. */
  async function lossWhileOpening(
    image: MemoryFileSystem,
    lossAt: number,
  ): Promise<{ survivor: MemoryFileSystem; lost: boolean }> {
    const files = image.clone();
    let operations = 0;
    let lost = false;
    files.onOperation = () => {
      if (operations++ < lossAt) return;
      lost = true;
      throw new PowerLoss();
    };
    const backend = await open(files, 16 * 1024).catch((error: unknown) => {
      if (!(error instanceof VarveError)) throw error;
      return undefined;
    });
    const survivor = files.crash(lossAt, lossAt % 3 === 0 ? 'keepRandom' : 'dropUnsynced');
    await backend?.close().catch(() => {});
    return { survivor, lost };
  }

  test('are whole after a loss of power at any operation of the opening that flushes them', async () => {
    const { image, content } = await twoLogs();
    let at = 0;
    for (; ; at += 3) {
      const { survivor, lost } = await lossWhileOpening(image, at);
      expect(await contentOf(survivor), `power lost at operation ${at}`).toBe(content);
      if (!lost) break;
    }
    expect(at).toBeGreaterThan(40);
  });

  // With seven parts the last memtable is flushed with the others, before the logs are synced.
  test('keep a bucket whose deletion was written and not synced, with all of it or not at all', async () => {
    const { image, content } = await twoLogs(7, (backend) => {
      fill(backend, 'b', 'w', 3);
      backend.update((tx) => tx.unsafeDeleteBucket('a'));
    });
    const without = await contentOf(image.clone());
    expect(without).not.toContain('bucket "a"');
    let at = 0;
    for (; ; at += 2) {
      const { survivor, lost } = await lossWhileOpening(image, at);
      expect([content, without], `power lost at operation ${at}`).toContain(await contentOf(survivor));
      if (!lost) break;
    }
    expect(at).toBeGreaterThan(20);
  });

  test('are read into memory by an opening for reading, which changes nothing', async () => {
    const { image, content } = await twoLogs();
    const before = image.operationCount;
    const backend = await open(image, 16 * 1024, true);
    expect(fingerprint(shownBy(backend.readTx()))).toBe(content);
    await backend.close();
    expect(image.operationCount).toBe(before);
  });
});
