/**
 * defrag: what is left afterwards, what goes on meanwhile, and how it is joined, watched and stopped.
 */
import { describe, expect, test } from 'vitest';
import { deleteAll, everything, numbered, pairsOf, putAll, unlockedContent } from './support/content.js';
import { filesContaining } from './support/disk.js';
import { expectRejection, freshPath, open, rejectionOf, turns } from './support/harness.js';

describe('afterwards', () => {
  test('no overwritten or deleted key or value that nobody pins is left in any file', async () => {
    const path = freshPath();
    const backend = await open({ path, compression: 'none', memtableBytes: 16_384 });
    putAll(backend, 'b', numbered(1000, 50));
    putAll(backend, 'b', [
      ['deleted-key-marker', 'deleted-value-marker'],
      ['kept', 'overwritten-value-marker'],
    ]);
    putAll(backend, 'bucket', [['dropped-key-marker', 'dropped-value-marker']]);
    await backend.forceCommit();
    putAll(backend, 'b', [['short-lived-marker', 'in the memtable alone']]);
    backend.update((tx) => {
      tx.unsafeDelete('b', 'deleted-key-marker');
      tx.unsafeDelete('b', 'short-lived-marker');
      tx.unsafePut('b', 'kept', 'new-value-marker');
      tx.unsafeDeleteBucket('bucket');
    });
    await backend.defrag();
    const gone = [
      'deleted-key-marker',
      'deleted-value-marker',
      'overwritten-value-marker',
      'dropped-key-marker',
      'dropped-value-marker',
      'short-lived-marker',
    ];
    for (const marker of gone) expect(filesContaining(path, Buffer.from(marker)), marker).toEqual([]);
    expect(filesContaining(path, Buffer.from('new-value-marker'))).not.toEqual([]);
    expect(pairsOf(backend.readTx(), 'b')).toEqual([...numbered(1000, 50), ['kept', 'new-value-marker']].sort());
  });

  test('what a view pins is still read by it, and gone after the next defrag without it', async () => {
    const path = freshPath();
    const backend = await open({ path, compression: 'none' });
    putAll(backend, 'b', [['k', 'pinned-value-marker']]);
    const reader = backend.concurrentReadTx();
    putAll(backend, 'b', [['k', 'new']]);
    await backend.defrag();
    expect(pairsOf(reader, 'b')).toEqual([['k', 'pinned-value-marker']]);
    reader.runlock();
    await backend.defrag();
    expect(filesContaining(path, Buffer.from('pinned-value-marker'))).toEqual([]);
    expect(pairsOf(backend.readTx(), 'b')).toEqual([['k', 'new']]);
  });

  test('everything unlocked is committed', async () => {
    const path = freshPath();
    const backend = await open({ path });
    putAll(backend, 'b', [['k', 'v']]);
    await backend.defrag();
    expect(backend.commits()).toBe(1);
    expect(await backend.hash()).not.toBe(0);
  });

  test('size() is smaller where something was deleted, and all content is as before', async () => {
    const backend = await open({ memtableBytes: 16_384, compression: 'none' });
    const pairs = numbered(3000, 100);
    putAll(backend, 'b', pairs);
    deleteAll(
      backend,
      'b',
      pairs.slice(0, 2500).map(([key]) => key),
    );
    await backend.forceCommit();
    const [size, hash] = [backend.size(), await backend.hash()];
    await backend.defrag();
    expect(backend.size()).toBeLessThan(size);
    expect(await backend.hash()).toBe(hash);
    expect(unlockedContent(backend)).toEqual([['b', pairs.slice(2500)]]);
  });

  test('an empty backend, one emptied, and one defragmented before stay as they are', async () => {
    const backend = await open();
    await backend.defrag();
    putAll(backend, 'b', numbered(100));
    await backend.defrag();
    await backend.defrag();
    expect(unlockedContent(backend)).toEqual([['b', numbered(100)]]);
    backend.update((tx) => tx.unsafeDeleteBucket('b'));
    await backend.defrag();
    expect(unlockedContent(backend)).toEqual([]);
  });
});

describe('meanwhile', () => {
  test('reads, sections, commits and views go on', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384 });
    const pairs = numbered(5000, 100);
    putAll(backend, 'b', pairs);
    const reader = backend.concurrentReadTx();
    let over = false;
    const defrag = backend.defrag().finally(() => {
      over = true;
    });
    let rounds = 0;
    for (; !over || rounds < 3; rounds++) {
      backend.update((tx) => {
        tx.unsafePut('b', `new${rounds}`, 'v');
        tx.unsafeDelete('b', `key${String(rounds).padStart(5, '0')}`);
      });
      expect(backend.readTx().unsafeGet('b', `new${rounds}`)?.toString()).toBe('v');
      await backend.forceCommit();
    }
    await defrag;
    expect(everything(reader)).toEqual([['b', pairs]]);
    const expected = [...pairs.slice(rounds), ...Array.from({ length: rounds }, (_, index) => [`new${index}`, 'v'])].sort();
    expect(pairsOf(backend.readTx(), 'b').sort()).toEqual(expected);
    await backend.close();
    expect(pairsOf((await open({ path })).readTx(), 'b').sort()).toEqual(expected);
  });

  test('calls join the one that is under way', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    putAll(backend, 'b', numbered(3000, 100));
    await Promise.all([backend.defrag(), backend.defrag(), turns(1).then(() => backend.defrag())]);
    expect(unlockedContent(backend)).toEqual([['b', numbered(3000, 100)]]);
  });

  test('close ends it: it settles, and the directory is free', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384 });
    putAll(backend, 'b', numbered(5000, 100));
    const defrag = backend.defrag().catch((error: unknown) => error);
    await backend.close();
    const error = await defrag;
    if (error !== undefined) expect(error).toMatchObject({ code: 'VARVE_CLOSED' });
    expect(pairsOf((await open({ path })).readTx(), 'b')).toEqual(numbered(5000, 100));
  });
});

describe('options', () => {
  test('onProgress is told how much is done of how much, never more, never less than before', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    putAll(backend, 'b', numbered(5000, 100));
    putAll(backend, 'b', numbered(5000, 90));
    const seen: [number, number][] = [];
    await backend.defrag({ onProgress: (done, total) => seen.push([done, total]) });
    expect(seen.length).toBeGreaterThan(0);
    for (const [index, [done, total]] of seen.entries()) {
      expect(done).toBeGreaterThanOrEqual(index === 0 ? 0 : (seen[index - 1]?.[0] as number));
      expect(done).toBeLessThanOrEqual(total);
    }
  });

  test('what onProgress throws is passed on as it is, and the backend goes on', async () => {
    const backend = await open({ memtableBytes: 16_384 });
    putAll(backend, 'b', numbered(5000, 100));
    const mine = new Error('mine');
    const defrag = backend.defrag({
      onProgress: () => {
        throw mine;
      },
    });
    expect(await rejectionOf(defrag)).toBe(mine);
    putAll(backend, 'b', [['k', 'v']]);
    await backend.defrag();
    expect(pairsOf(backend.readTx(), 'b')).toHaveLength(5001);
  });

  test('a signal that is aborted, before or during, is VARVE_ABORTED, and the backend goes on as before', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384 });
    putAll(backend, 'b', numbered(5000, 100));
    await expectRejection(() => backend.defrag({ signal: AbortSignal.abort() }), 'VARVE_ABORTED');
    const controller = new AbortController();
    const defrag = expectRejection(() => backend.defrag({ signal: controller.signal }), 'VARVE_ABORTED');
    controller.abort();
    await defrag;
    expect(unlockedContent(backend)).toEqual([['b', numbered(5000, 100)]]);
    await backend.defrag();
    await backend.close();
    expect(unlockedContent(await open({ path }))).toEqual([['b', numbered(5000, 100)]]);
  });

  test('a signal that is never aborted changes nothing and keeps no listener of ours alive', async () => {
    const backend = await open();
    putAll(backend, 'b', numbered(10));
    const controller = new AbortController();
    await backend.defrag({ signal: controller.signal });
    controller.abort();
    await backend.forceCommit();
    expect(unlockedContent(backend)).toEqual([['b', numbered(10)]]);
  });
});
