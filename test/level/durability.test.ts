/**
 * What survives: with `sync` everything up to the call, when it has resolved; without it what was visible when `close` was called.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { verify } from 'varve';
import { expect, onTestFinished, test } from 'vitest';
import { freshPath, level } from './support.js';

const fixture = fileURLToPath(new URL('./fixtures/writer.mjs', import.meta.url));

/** Runs the writer, kills it when it has said a number, and gives the last that it said. */
async function lastBeforeKill(number: number, path: string): Promise<number> {
  const child = spawn(process.execPath, [fixture, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'close');
  let last = -1;
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = Number(line);
    if (last === number) child.kill('SIGKILL');
  });
  const [, signal] = await ended;
  expect(signal).toBe('SIGKILL');
  return last;
}

test('after SIGKILL everything is there up to the last write with sync that had resolved, by whichever call', async () => {
  const path = freshPath();
  const last = await lastBeforeKill(250, path);
  expect(last).toBeGreaterThanOrEqual(250);
  const db = level(path);
  await db.open();
  const missing: string[] = [];
  for (let number = 0; number <= last; number++) {
    const key = number % 5 === 3 ? `!s!${number}` : String(number);
    if (db.getSync(`before ${number}`) === undefined) missing.push(`before ${number}`);
    if ((db.getSync(key) === undefined) !== (number % 5 === 4)) missing.push(key);
  }
  expect(missing).toEqual([]);
  await db.close();
  expect((await verify(path)).problems).toEqual([]);
});

test('a write without sync is visible at once, makes no commit of its own, and is durable after close', async () => {
  const path = freshPath();
  const db = level(path, { batchIntervalMs: 3_600_000 });
  await db.put('a', '1', { sync: true });
  const { commits } = db.stats();
  await db.put('b', '2');
  await db.batch([{ type: 'put', key: 'c', value: '3' }]);
  await db.batch().put('d', '4').write();
  expect(await db.keys().all()).toEqual(['a', 'b', 'c', 'd']);
  expect(db.stats().commits).toBe(commits);
  await db.put('e', '5', { sync: true });
  expect(db.stats().commits).toBe(commits + 1);
  await db.put('f', '6');
  await db.close();
  await db.open();
  expect(await db.keys().all()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
});

test('a batch that is refused in its middle leaves nothing of itself', async () => {
  const db = level();
  await db.put('a', '1');
  const operations = ['b', 'k'.repeat(40_000), 'c'].map((key) => ({ type: 'put' as const, key, value: '2' }));
  await expect(db.batch(operations)).rejects.toThrow('at most 32768 bytes');
  expect(await db.keys().all()).toEqual(['a']);
  await db.put('b', '3', { sync: true });
  expect(await db.get('b')).toBe('3');
});
