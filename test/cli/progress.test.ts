/** How far something is: on a terminal, on every command that lasts, and never between the lines of its output. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openBackend } from 'varve';
import { filesOf, varve, workplace } from './support.js';

const place = workplace();
const large = join(place, 'large');
const at = (name: string): string => join(place, name);
const etcdSnapshot = new URL('../fixtures/etcd/server/snapshot.db', import.meta.url).pathname;

beforeAll(async () => {
  const database = await openBackend({ path: large, unsafeNoFsync: true });
  database.update((tx) => {
    tx.unsafeCreateBucket('b');
    for (let i = 0; i < 10_000; i++) tx.unsafePut('b', `key ${i}`, Buffer.alloc(100, String(i)));
  });
  await database.close();
  await varve(['snapshot', large, at('large.tar')]);
});

/** What was drawn, line by line; the last one is empty where it was wiped. */
function drawn(stderr: string): string[] {
  return stderr.split('\r\u001b[K');
}

describe('on a terminal', () => {
  test.each([
    [['verify', large], ['verifying']],
    [['hash', large], ['hashing']],
    [['scan', large, 'b'], ['reading']],
    [['scan', large, 'b', '--count'], ['reading']],
    [['buckets', large, '--count'], ['counting']],
    [['dump', large], ['dumping']],
    [['snapshot', large, at('again.tar')], ['writing']],
    [
      ['restore', at('large.tar'), at('restored')],
      ['restoring', 'verifying'],
    ],
    [
      ['repair', large, at('repaired')],
      ['looking', 'saving', 'counting', 'verifying'],
    ],
    [
      ['import-etcd', etcdSnapshot, at('imported')],
      ['importing', 'checking'],
    ],
    [['status-etcd', etcdSnapshot], ['reading']],
    [
      ['bench', '--entries', '2000'],
      ['put, ascending keys', 'put, random keys', 'get, random keys', 'scan', 'put, each with its own commit'],
    ],
    [['demo'], ['writing']],
  ])('%j says what it does and how far it is, and wipes that', async (words, steps) => {
    const { code, stderr } = await varve(words, '', { columns: 100 });
    expect(code).toBe(0);
    const lines = drawn(stderr);
    expect([...new Set(lines.flatMap((line) => (line === '' ? [] : [line.split('  ')[0]])))]).toEqual(steps);
    expect(lines.at(-1)).toBe('');
  });

  test('load, defrag and inspect do so too', async () => {
    const lines = (await varve(['dump', large])).stdout;
    expect((await varve(['load', at('loaded')], lines, { columns: 100 })).stderr).toMatch(/loading {2}[\d,]+ entries {2}\d/);
    const { stderr } = await varve(['defrag', at('loaded')], '', { columns: 100 });
    expect(drawn(stderr).at(-1)).toBe('');
    const [log = ''] = filesOf(large, /\.log$/);
    const inspected = await varve(['inspect', log, '--entries'], '', { columns: 100 });
    expect(inspected.stderr).toMatch(/reading {2}[\d,]+ parts {2}\d/);
  });

  test('a line is narrower than the terminal, however narrow that is', async () => {
    for (const columns of [1, 20, 40]) {
      const { stderr } = await varve(['verify', large], '', { columns });
      for (const line of drawn(stderr)) expect(line.length).toBeLessThan(columns);
    }
  });

  test('that shows the output too, the line is wiped before anything is printed', async () => {
    const pieces: string[] = [];
    const { code } = await varve(['scan', large, 'b'], '', { columns: 80, isOutput: true, seen: (piece) => pieces.push(piece) });
    expect(code).toBe(0);
    let line = '';
    for (const piece of pieces) {
      if (piece.startsWith('key ')) expect(line).toBe('');
      const isDrawing = piece.startsWith('\r\u001b[K');
      if (isDrawing) line = piece.slice(4);
    }
    expect(pieces.filter((piece) => piece.includes('reading')).length).toBeGreaterThan(0);
  });
});

test('nothing is drawn with --json, or where no terminal is', async () => {
  for (const words of [
    ['verify', large],
    ['hash', large],
    ['scan', large, 'b'],
    ['buckets', large, '--count'],
  ]) {
    expect((await varve([...words, '--json'], '', { columns: 80 })).stderr).toBe('');
    expect((await varve(words)).stderr).toBe('');
  }
});

test('a snapshot is not printed on a terminal', async () => {
  const { code, stdout, stderr } = await varve(['snapshot', large, '-'], '', { columns: 80, isOutput: true });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('redirect it');
  expect(readFileSync(at('large.tar')).length).toBeGreaterThan(0);
});
