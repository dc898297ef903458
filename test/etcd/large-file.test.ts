/**
 * A file much larger than the memory that reading it may take: it is read and imported in bounded memory, with values that are larger than a
 * memtable, and no descriptor stays.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { verify } from 'varve';
import type { EtcdStatus } from 'varve/etcd';
import { expect, test } from 'vitest';
import { open, temporaryDirectory } from '../contract/support/harness.js';
import { byTier, report } from '../support/tier.js';
import { type BoltBucket, type BoltEntry, BoltWriter } from './bolt-writer.js';
import { runFixture } from './run-fixture.js';

const MiB = 1024 * 1024;
const memtableBytes = 2 * MiB;
const largestValue = 12 * MiB;

/** Values that no codec makes small, so that the database is as large as the file. */
function* noise(count: number, bytes: number): Generator<BoltEntry> {
  const pool = Buffer.alloc(bytes + 64 * 1024);
  for (let at = 0; at < pool.length; at += 32) createHash('sha256').update(String(at)).digest().copy(pool, at);
  for (let i = 0; i < count; i++) {
    const from = (i * 4099) % (64 * 1024);
    yield [Buffer.from(`key${String(i).padStart(9, '0')}`), Buffer.from(pool.subarray(from, from + bytes))];
  }
}

function writeFile(path: string, mebibytes: number): void {
  const descriptor = openSync(path, 'w+');
  const buckets: BoltBucket[] = [
    [Buffer.from('key'), noise(Math.ceil(mebibytes * 0.8 * 1024), 1000)],
    [Buffer.from('large'), noise(byTier(1, 4), largestValue)],
  ];
  try {
    const bytes = new BoltWriter((piece, position) => writeSync(descriptor, piece, 0, piece.length, position)).write(buckets);
    const hash = createHash('sha256');
    const piece = Buffer.alloc(MiB);
    for (let at = 0; at < bytes;) {
      const read = readSync(descriptor, piece, 0, piece.length, at);
      hash.update(piece.subarray(0, read));
      at += read;
    }
    writeSync(descriptor, hash.digest(), 0, 32, bytes);
  } finally {
    closeSync(descriptor);
  }
}

interface Outcome {
  status: EtcdStatus;
  imported: EtcdStatus;
  statusGrownBytes: number;
  grownBytes: number;
  leaked: number;
}

test('a large file is read and imported in bounded memory', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'snapshot.db');
  const path = join(directory, 'imported');
  writeFile(file, byTier(8, 400));
  const outcome: Outcome = JSON.parse(await runFixture('import-large.mjs', [file, path, String(memtableBytes)]));
  expect(outcome.imported).toEqual(outcome.status);
  expect(outcome.leaked).toBe(0);
  // One value in the file, one in a memtable, and what V8 has not given back yet.
  expect(outcome.statusGrownBytes).toBeLessThan(2 * largestValue + 96 * MiB);
  expect(outcome.grownBytes).toBeLessThan(4 * memtableBytes + 4 * MiB + 128 * MiB + 4 * largestValue);
  expect((await verify(path)).problems).toEqual([]);
  const backend = await open({ path, createIfMissing: false });
  expect(await backend.hash()).toBe(outcome.status.hash);
  report(
    'a large file',
    `${statSync(file).size} bytes, ${outcome.status.totalKey} keys; grew by ${outcome.statusGrownBytes} reading, by ${outcome.grownBytes} importing`,
  );
}, 900_000);
