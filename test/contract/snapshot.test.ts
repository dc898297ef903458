/**
 * Snapshots: what is in one, what it writes and where to, and what may go wrong on the way.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { deleteAll, numbered, pairsOf, putAll, unlockedContent } from './support/content.js';
import { expectCode, expectRejection, freshPath, open, temporaryDirectory } from './support/harness.js';
import { bytesOfSnapshot, Collector, openRestored, takeSnapshot } from './support/snapshots.js';

describe('a snapshot', () => {
  test('commits what is unlocked and contains it, but no open section', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    backend.batchTx().lock();
    backend.batchTx().unsafePut('b', 'open', 'section');
    const snapshot = await backend.snapshot();
    expect(backend.commits()).toBe(1);
    expect(await backend.hash()).not.toBe(0);
    backend.batchTx().unlock();
    expect(unlockedContent(await openRestored(await bytesOfSnapshot(snapshot)))).toEqual([['b', [['k', 'v']]]]);
  });

  test('does not show later writes, deletes, deleted buckets, compaction and defrag', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    const pairs = numbered(1000, 100);
    putAll(backend, 'b', pairs);
    putAll(backend, 'c', [['k', 'v']]);
    const snapshot = await backend.snapshot();
    const size = snapshot.size();
    deleteAll(
      backend,
      'b',
      pairs.map(([key]) => key),
    );
    backend.update((tx) => tx.unsafeDeleteBucket('c'));
    putAll(backend, 'd', numbered(2000, 100));
    await backend.forceCommit();
    await backend.defrag();
    expect(snapshot.size()).toBe(size);
    const restored = await openRestored(await bytesOfSnapshot(snapshot));
    expect(unlockedContent(restored)).toEqual([
      ['b', pairs],
      ['c', [['k', 'v']]],
    ]);
    await snapshot.close();
  });

  test('ends where it was asked for: a commit of later sections that is asked for in the same turn does not reach into it', async () => {
    const backend = await open();
    const asked = [];
    for (let moment = 0; moment < 3; moment++) {
      putAll(backend, 'b', [['k', `${moment}`]]);
      asked.push({ moment, snapshot: backend.snapshot() });
      putAll(backend, 'b', [['k', 'later']]);
      asked.push({ moment: 'later', snapshot: backend.snapshot() });
    }
    putAll(backend, 'b', [['k', 'last']]);
    await backend.forceCommit();
    for (const { moment, snapshot } of asked) {
      const restored = await openRestored(await bytesOfSnapshot(await snapshot));
      expect(unlockedContent(restored)).toEqual([['b', [['k', `${moment}`]]]]);
    }
  });

  test('of an empty backend restores to an empty one', async () => {
    const backend = await open();
    expect(unlockedContent(await openRestored(await takeSnapshot(backend)))).toEqual([]);
  });

  test('several at once keep each its own moment', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    const snapshots = [];
    for (let moment = 0; moment < 4; moment++) {
      putAll(
        backend,
        'b',
        numbered(300).map(([key]) => [key, `${moment}`.repeat(60)] as const),
      );
      snapshots.push(await backend.snapshot());
    }
    await backend.defrag();
    for (const [moment, snapshot] of snapshots.entries()) {
      const restored = await openRestored(await bytesOfSnapshot(snapshot));
      expect(pairsOf(restored.readTx(), 'b')).toEqual(numbered(300).map(([key]) => [key, `${moment}`.repeat(60)]));
    }
  });

  test('has the hash of the committed content it was taken of', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(500));
    const bytes = await takeSnapshot(backend);
    expect(await (await openRestored(bytes)).hash()).toBe(await backend.hash());
  });

  test('close is idempotent; afterwards size and writeTo throw VARVE_CLOSED', async () => {
    const backend = await open();
    const snapshot = await backend.snapshot();
    await snapshot.close();
    await snapshot.close();
    await snapshot[Symbol.asyncDispose]();
    expect(backend.openReadTxN()).toBe(0);
    expectCode(() => snapshot.size(), 'VARVE_CLOSED');
    await expectRejection(() => snapshot.writeTo(new Collector()), 'VARVE_CLOSED');
  });

  test('disposal closes it', async () => {
    const backend = await open();
    const snapshot = await backend.snapshot();
    expect(backend.openReadTxN()).toBe(1);
    await snapshot[Symbol.asyncDispose]();
    expect(backend.openReadTxN()).toBe(0);
  });
});

describe('writeTo', () => {
  test('writes exactly size() bytes, resolves with their number and ends neither target nor snapshot', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    putAll(backend, 'b', numbered(2000, 100));
    const snapshot = await backend.snapshot();
    const size = snapshot.size();
    const target = new Collector();
    expect(await snapshot.writeTo(target)).toBe(size);
    expect(target.bytes().length).toBe(size);
    expect([target.writableEnded, target.destroyed]).toEqual([false, false]);
    target.write('more');
    expect(await snapshot.writeTo(target)).toBe(size);
    expect(target.bytes().length).toBe(2 * size + 4);
    expect(target.listenerCount('error') + target.listenerCount('drain') + target.listenerCount('close')).toBe(0);
    expect(unlockedContent(await openRestored(target.bytes().subarray(size + 4)))).toEqual([['b', numbered(2000, 100)]]);
  });

  test('takes a WritableStream, and neither closes it nor keeps its lock', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(500, 100));
    const snapshot = await backend.snapshot();
    const chunks: Uint8Array[] = [];
    let closed = false;
    const target = new WritableStream<Uint8Array>({
      write: (chunk) => {
        chunks.push(Uint8Array.from(chunk));
      },
      close: () => {
        closed = true;
      },
    });
    expect(await snapshot.writeTo(target)).toBe(snapshot.size());
    expect([closed, target.locked]).toEqual([false, false]);
    expect(Buffer.concat(chunks).length).toBe(snapshot.size());
    expect(unlockedContent(await openRestored(Buffer.concat(chunks)))).toEqual([['b', numbered(500, 100)]]);
  });

  test('minds back-pressure: a slow target never holds more than its mark and one chunk', async () => {
    const backend = await open({ compression: 'none' });
    putAll(backend, 'b', numbered(80, 20_000));
    const snapshot = await backend.snapshot();
    let waiting = 0;
    let largest = 0;
    const target = new Writable({
      highWaterMark: 1024,
      write: (chunk: Buffer, _encoding, done) => {
        largest = Math.max(largest, chunk.length);
        waiting = Math.max(waiting, target.writableLength);
        setImmediate(done);
      },
    });
    await snapshot.writeTo(target);
    expect(waiting).toBeLessThanOrEqual(1024 + 2 * largest);
    expect(largest).toBeLessThan(snapshot.size() / 2);
  });

  test('is a plain tar: tar -xf into an empty directory gives a database that opens', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    const pairs = numbered(2000, 100);
    putAll(backend, 'b', pairs);
    const directory = temporaryDirectory();
    const archive = join(directory, 'snapshot.tar');
    writeFileSync(archive, await takeSnapshot(backend));
    mkdirSync(join(directory, 'db'));
    execFileSync('tar', ['-xf', archive, '-C', join(directory, 'db')]);
    const extracted = await open({ path: join(directory, 'db'), createIfMissing: false });
    expect(unlockedContent(extracted)).toEqual([['b', pairs]]);
    putAll(extracted, 'b', [['more', 'writes']]);
    await extracted.forceCommit();
  });
});

describe('writeTo that fails', () => {
  test('aborted: before it begins, or on its way, it is VARVE_ABORTED, and can be called again', async () => {
    const backend = await open({ compression: 'none' });
    putAll(backend, 'b', numbered(80, 20_000));
    const snapshot = await backend.snapshot();
    await expectRejection(() => snapshot.writeTo(new Collector(), { signal: AbortSignal.abort() }), 'VARVE_ABORTED');
    const controller = new AbortController();
    const target = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => {
        controller.abort();
        setImmediate(done);
      },
    });
    await expectRejection(() => snapshot.writeTo(target, { signal: controller.signal }), 'VARVE_ABORTED');
    expect(target.destroyed).toBe(false);
    expect(unlockedContent(await openRestored(await bytesOfSnapshot(snapshot)))).toEqual([['b', numbered(80, 20_000)]]);
  });

  test('aborted while the target takes nothing, it does not wait for it', async () => {
    const backend = await open({ compression: 'none' });
    putAll(backend, 'b', numbered(80, 20_000));
    const snapshot = await backend.snapshot();
    const controller = new AbortController();
    const stuck = new Writable({ highWaterMark: 1, write: () => setImmediate(() => controller.abort()) });
    await expectRejection(() => snapshot.writeTo(stuck, { signal: controller.signal }), 'VARVE_ABORTED');
  });

  test('a target that fails is VARVE_IO with its error as the cause; the snapshot can be written elsewhere', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(200, 100));
    const snapshot = await backend.snapshot();
    const mine = new Error('the target is full');
    const failing = new Writable({ write: (_chunk, _encoding, done) => done(mine) });
    failing.on('error', () => {});
    expect((await expectRejection(() => snapshot.writeTo(failing), 'VARVE_IO')).cause).toBe(mine);
    const failingStream = new WritableStream<Uint8Array>({
      write: () => {
        throw mine;
      },
    });
    expect((await expectRejection(() => snapshot.writeTo(failingStream), 'VARVE_IO')).cause).toBe(mine);
    expect((await bytesOfSnapshot(snapshot)).length).toBe(snapshot.size());
  });

  test('a target whose write throws is VARVE_IO with what it threw as the cause', async () => {
    const backend = await open();
    const snapshot = await backend.snapshot();
    const mine = new Error('thrown');
    const target = new Collector();
    target.write = () => {
      throw mine;
    };
    expect((await expectRejection(() => snapshot.writeTo(target), 'VARVE_IO')).cause).toBe(mine);
  });

  test('a target that closes early, or was closed before, is VARVE_IO', async () => {
    const backend = await open({ compression: 'none' });
    putAll(backend, 'b', numbered(80, 20_000));
    const snapshot = await backend.snapshot();
    const closing = new Writable({
      highWaterMark: 1,
      write: () => {
        closing.destroy();
      },
    });
    await expectRejection(() => snapshot.writeTo(closing), 'VARVE_IO');
    await expectRejection(() => snapshot.writeTo(closing), 'VARVE_IO');
    const ended = new Collector();
    ended.on('error', () => {});
    ended.end();
    await expectRejection(() => snapshot.writeTo(ended), 'VARVE_IO');
  });

  test('a snapshot that its backend closes under it ends with VARVE_CLOSED', async () => {
    const path = freshPath();
    const backend = await open({ path, compression: 'none' });
    putAll(backend, 'b', numbered(80, 20_000));
    const snapshot = await backend.snapshot();
    let begun: () => void = () => {};
    const first = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const stuck = new Writable({ highWaterMark: 1, write: () => begun() });
    const rejected = expectRejection(() => snapshot.writeTo(stuck), 'VARVE_CLOSED');
    await first;
    await backend.close();
    await rejected;
    await open({ path });
  });

  test('what is no target is VARVE_INVALID_ARGUMENT', async () => {
    const backend = await open();
    const snapshot = await backend.snapshot();
    for (const target of [undefined, null, 7, 'file.tar', {}]) {
      await expectRejection(() => snapshot.writeTo(target as unknown as Writable), 'VARVE_INVALID_ARGUMENT');
    }
  });
});
