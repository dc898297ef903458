/**
 * Durability as far as a process can be killed: acknowledged sections survive, no section is split, none is skipped.
 */
import { describe, expect, test } from 'vitest';
import { type Backend, restoreSnapshot, verify } from 'varve';
import { byTier } from '../support/tier.js';
import { type Child, start } from './support/child.js';
import { latin1, pairsOf } from './support/content.js';
import { expectRejection, freshPath, open } from './support/harness.js';
import { inChunks, openRestored, takeSnapshot } from './support/snapshots.js';
import { openBackend } from 'varve';

const nameOf = (number: number): string => `n${String(number).padStart(6, '0')}`;

/** The greatest number that a child said after a word; 0 where it said none. */
function greatest(child: Child, word: string): number {
  return Math.max(0, ...child.lines.filter((line) => line.startsWith(word)).map((line) => Number(line.slice(word.length + 1))));
}

/** Checks that the content is exactly that after some section, and gives its number. */
function sectionOf(backend: Backend): number {
  const buckets = backend.readTx().unsafeBuckets().map(latin1);
  if (buckets.length === 0) return 0;
  expect(buckets).toEqual(['b', 'c']);
  const number = Number(backend.readTx().unsafeGet('c', 'number')?.toString());
  const expected: [string, string][] = [['a', String(number)]];
  for (let each = Math.max(1, number - 9); each <= number; each++)
    expected.push([nameOf(each), `${each}:`.padEnd(300, `${each}.`)]);
  expected.push(['z', String(number)]);
  expect(pairsOf(backend.readTx(), 'b')).toEqual(expected);
  return number;
}

/** Starts a child, kills it when it has said so many lines, and gives what it had said. */
async function killedAfter(lines: number, what: string, path: string, first: number): Promise<Child> {
  const child = start('crash.mjs', [what, path, String(first)]);
  await child.said(lines);
  child.process.kill('SIGKILL');
  const end = await child.ended;
  expect(end.signal, end.errorText).toBe('SIGKILL');
  return child;
}

describe('after SIGKILL', () => {
  test.each(byTier([1, 57, 500], [1, 4, 5, 57, 200, 1000]))(
    'when %d lines were said, the state is that after a section not below the last acknowledged one',
    async (lines) => {
      const path = freshPath();
      const child = await killedAfter(lines, 'sections', path, 1);
      const backend = await open({ path });
      const number = sectionOf(backend);
      expect(number).toBeGreaterThanOrEqual(greatest(child, 'committed'));
      expect(number).toBeLessThanOrEqual(greatest(child, 'unlocked') + 1);
      await backend.close();
      expect((await verify(path)).problems).toEqual([]);
    },
  );

  test('again and again over one database, nothing acknowledged is lost and nothing deleted comes back', async () => {
    const path = freshPath();
    let first = 1;
    for (let round = 0; round < byTier(3, 8); round++) {
      const child = await killedAfter(20 + 45 * (round % 4), 'sections', path, first);
      const backend = await open({ path });
      const number = sectionOf(backend);
      expect(number).toBeGreaterThanOrEqual(Math.max(greatest(child, 'committed'), first - 1));
      first = number + 1;
      await backend.close();
    }
  });

  test('during defrag the same holds', async () => {
    const path = freshPath();
    let first = 1;
    for (let round = 0; round < byTier(2, 4); round++) {
      const child = await killedAfter(41 + byTier(42, 21) * round, 'defrag', path, first);
      const backend = await open({ path });
      const number = sectionOf(backend);
      expect(number).toBeGreaterThanOrEqual(Math.max(greatest(child, 'committed'), first - 1));
      first = number + 1;
      await backend.close();
      expect((await verify(path)).problems).toEqual([]);
    }
  });

  test('what an open after it has shown survives another kill at once', async () => {
    const path = freshPath();
    await killedAfter(100, 'sections', path, 1);
    const looks: string[] = [];
    for (let round = 0; round < 3; round++) looks.push(...(await start('crash.mjs', ['look', path]).ended).lines);
    expect(looks).toHaveLength(3);
    expect(new Set(looks).size).toBe(1);
    expect(String(sectionOf(await open({ path })))).toBe(looks[0]);
  });

  test('the lock of the dead process holds nobody up', async () => {
    const path = freshPath();
    const child = start('crash.mjs', ['hold', path]);
    await child.said(1);
    await expectRejection(() => openBackend({ path }), 'VARVE_LOCKED');
    await expectRejection(() => openBackend({ path, readOnly: true }), 'VARVE_LOCKED');
    child.process.kill('SIGKILL');
    await child.ended;
    await open({ path });
  });
});

test('what was deleted stays deleted through a kill, a snapshot, a restore, defrag and a reopening', async () => {
  const path = freshPath();
  const end = await start('crash.mjs', ['deletes', path]).ended;
  expect(end.lines).toEqual(['committed']);
  const expected = Array.from({ length: 250 }, (_, index) => nameOf(2 * index + 1));
  const check = (backend: Backend): void => {
    expect(backend.readTx().unsafeBuckets().map(latin1)).toEqual(['b']);
    expect(pairsOf(backend.readTx(), 'b').map(([key]) => key)).toEqual(expected);
    for (let number = 0; number < 500; number += 2) expect(backend.readTx().unsafeGet('b', nameOf(number))).toBeUndefined();
  };
  const backend = await open({ path });
  check(backend);
  const snapshot = await takeSnapshot(backend);
  check(await openRestored(snapshot));
  await backend.defrag();
  check(backend);
  await backend.close();
  check(await open({ path }));
  const restoredPath = freshPath();
  await restoreSnapshot(inChunks(snapshot), restoredPath);
  const restored = await open({ path: restoredPath });
  await restored.defrag();
  check(restored);
});

test('a commit that the disk refuses is not acknowledged, none after it is until the reopening, and reads go on', async () => {
  const path = freshPath();
  // No file may grow beyond 64 KiB (in units of 512 bytes or of 1 KiB, by the shell): the log fails, and nothing else does.
  const end = await start('file-limit.mjs', [path], { shell: 'ulimit -f 100; exec "$@"' }).ended;
  expect(end.code, end.errorText).toBe(0);
  const acknowledged = Number(
    end.lines
      .filter((line) => line.startsWith('committed'))
      .at(-1)
      ?.split(' ')[1] ?? 0,
  );
  const refused = end.lines.find((line) => line.startsWith('refused'))?.split(' ')[1];
  expect(['VARVE_IO', 'VARVE_NO_SPACE', 'VARVE_POISONED']).toContain(refused);
  expect(end.lines.filter((line) => line.startsWith('again'))).toEqual([
    'again VARVE_POISONED',
    'again VARVE_POISONED',
    'again VARVE_POISONED',
  ]);
  expect(end.lines).toContain('reads go on');
  expect(acknowledged).toBeGreaterThan(0);
  const backend = await open({ path });
  const keys = pairsOf(backend.readTx(), 'b').map(([key]) => key);
  expect(keys.length).toBeGreaterThanOrEqual(acknowledged);
  expect(keys).toEqual(Array.from({ length: keys.length }, (_, index) => nameOf(index + 1)));
  backend.update((tx) => tx.unsafePut('b', 'after', 'v'));
  await backend.forceCommit();
});
