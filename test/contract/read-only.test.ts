/**
 * Opening without the right to write.
 */
import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchTx } from 'varve';
import { openBackend } from 'varve';
import { describe, expect, onTestFinished, test } from 'vitest';
import { run, start } from './support/child.js';
import { everything, numbered, pairsOf, putAll, unlockedContent } from './support/content.js';
import { filesOf, image } from './support/disk.js';
import { expectCode, expectRejection, freshPath, open, temporaryDirectory } from './support/harness.js';
import { openRestored, takeSnapshot } from './support/snapshots.js';

const pairs = numbered(500, 100);

/** A database with tables, closed. */
async function closedDatabase(): Promise<string> {
  const path = freshPath();
  const backend = await open({ path, memtableBytes: 16_384 });
  putAll(backend, 'b', pairs);
  await backend.close();
  return path;
}

/** A database whose process was killed after a commit: a log is left. */
async function killedDatabase(): Promise<string> {
  const path = freshPath();
  const child = start('crash.mjs', ['sections', path]);
  await child.said(30);
  child.process.kill('SIGKILL');
  await child.ended;
  return path;
}

describe('reading', () => {
  test('everything that reads works', async () => {
    const path = await closedDatabase();
    const writable = await open({ path });
    const hash = await writable.hash();
    await writable.close();
    const backend = await open({ path, readOnly: true });
    expect(unlockedContent(backend)).toEqual([['b', pairs]]);
    expect(everything(backend.concurrentReadTx())).toEqual([['b', pairs]]);
    expect(backend.readTx().unsafeGet('b', 'key00007')?.toString()).toBe(pairs[7]?.[1]);
    expect(await backend.hash()).toBe(hash);
    await backend.forceCommit();
    await backend.batchTx().commit();
    expect(backend.commits()).toBe(0);
    expect(unlockedContent(await openRestored(await takeSnapshot(backend)))).toEqual([['b', pairs]]);
    expect(backend.size()).toBeGreaterThan(0);
  });

  test('nothing on disk changes, not even a time of a file', async () => {
    const path = await closedDatabase();
    const before = image(path);
    const times = filesOf(path).map((file) => statSync(join(path, file)).mtimeMs);
    const backend = await open({ path, readOnly: true, batchIntervalMs: 1 });
    expect(unlockedContent(backend)).toHaveLength(1);
    await (await backend.snapshot()).close();
    await backend.close();
    expect(image(path)).toEqual(before);
    expect(filesOf(path).map((file) => statSync(join(path, file)).mtimeMs)).toEqual(times);
  });

  test('a log that was left is read into memory, and left as it is', async () => {
    const path = await killedDatabase();
    const before = image(path);
    const reader = await open({ path, readOnly: true });
    const content = unlockedContent(reader);
    const hash = await reader.hash();
    expect(content.length).toBeGreaterThan(0);
    const restored = await openRestored(await takeSnapshot(reader));
    expect(unlockedContent(restored)).toEqual(content);
    await reader.close();
    expect(image(path)).toEqual(before);
    const writer = await open({ path });
    expect(unlockedContent(writer)).toEqual(content);
    expect(await writer.hash()).toBe(hash);
  });
});

describe('writing', () => {
  const writes: [name: string, write: (tx: BatchTx) => void][] = [
    ['unsafeCreateBucket', (tx) => tx.unsafeCreateBucket('c')],
    ['unsafeDeleteBucket', (tx) => tx.unsafeDeleteBucket('b')],
    ['unsafePut', (tx) => tx.unsafePut('b', 'k', 'v')],
    ['unsafeSeqPut', (tx) => tx.unsafeSeqPut('b', 'k', 'v')],
    ['unsafeDelete', (tx) => tx.unsafeDelete('b', 'key00001')],
  ];
  test.each(writes)('%s throws VARVE_READ_ONLY in a section, which can be held and ended', async (_name, write) => {
    const backend = await open({ path: await closedDatabase(), readOnly: true });
    backend.batchTx().lock();
    expectCode(() => write(backend.batchTx()), 'VARVE_READ_ONLY');
    expect(pairsOf(backend.batchTx(), 'b')).toEqual(pairs);
    backend.batchTx().unlock();
    expectCode(() => backend.update(write), 'VARVE_READ_ONLY');
    expect(unlockedContent(backend)).toEqual([['b', pairs]]);
  });

  test('defrag is VARVE_READ_ONLY', async () => {
    const backend = await open({ path: await closedDatabase(), readOnly: true });
    await expectRejection(() => backend.defrag(), 'VARVE_READ_ONLY');
  });
});

describe('opening', () => {
  test('no database there is VARVE_NOT_FOUND, and nothing is made', async () => {
    const missing = freshPath();
    const empty = temporaryDirectory();
    const other = temporaryDirectory();
    writeFileSync(join(other, 'letter.txt'), 'dear');
    for (const path of [missing, empty, other])
      await expectRejection(() => openBackend({ path, readOnly: true }), 'VARVE_NOT_FOUND');
    expect(existsSync(missing)).toBe(false);
    expect(readdirSync(empty)).toEqual([]);
    expect(readdirSync(other)).toEqual(['letter.txt']);
  });

  test('needs the directory as a writer does: beside a writer, and a writer beside it, is VARVE_LOCKED', async () => {
    const path = await closedDatabase();
    const writer = await open({ path });
    await expectRejection(() => openBackend({ path, readOnly: true }), 'VARVE_LOCKED');
    await writer.close();
    const reader = await open({ path, readOnly: true });
    await expectRejection(() => openBackend({ path }), 'VARVE_LOCKED');
    await reader.close();
    await open({ path });
  });

  test('works on a read-only medium', async () => {
    const path = await closedDatabase();
    for (const file of filesOf(path)) chmodSync(join(path, file), 0o400);
    chmodSync(path, 0o500);
    onTestFinished(() => chmodSync(path, 0o700));
    // To root, permissions are nothing: a bind mount that is read-only is, in a namespace of its own where one can be had.
    const enter = `unshare -m sh -c 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"' "${path}"`;
    const shell = `if ${enter} true 2>/dev/null; then ${enter} "$@"; else exec "$@"; fi`;
    expect(await run('read-only.mjs', [path], { shell })).toEqual(['500 keys', 'put VARVE_READ_ONLY', 'closed']);
  });
});
