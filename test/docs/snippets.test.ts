/**
 * Every program in the guide and in the page on etcd runs as it stands, in an empty directory, and prints what its comments say. Those of
 * the latter find a snapshot of etcd there.
 *
 * What a line prints stands behind it: `console.log(x); // what it prints`. Where it prints several lines, ` // ` stands between them.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const built: Readonly<Record<string, string>> = {
  varve: 'dist/index.js',
  'varve/level': 'dist/level/index.js',
  'varve/etcd': 'dist/etcd/index.js',
};

function programsOf(path: string): string[] {
  return [...readFileSync(join(root, path), 'utf8').matchAll(/```js\n(import[\s\S]*?)```/g)].map(([, program = '']) => program);
}

/** What the comments say, a line each. */
function promisedBy(program: string): string[] {
  return program
    .split('\n')
    .flatMap((line) => (/console\.log\(.*\); \/\/ (.*)/.exec(line)?.[1] ?? '').split(' // '))
    .filter((line) => line !== '');
}

function run(program: string): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'varve-snippet-'));
  try {
    const importable = program.replace(/from '(varve[^']*)'/g, (whole, name: string) => {
      const file = built[name];
      return file === undefined ? whole : `from '${pathToFileURL(join(root, file)).href}'`;
    });
    writeFileSync(join(directory, 'program.mjs'), importable);
    if (program.includes("'varve/etcd'"))
      copyFileSync(join(root, 'test/fixtures/etcd/server/snapshot.db'), join(directory, 'snapshot.db'));
    return execFileSync(process.execPath, ['program.mjs'], { cwd: directory, encoding: 'utf8' }).trimEnd().split('\n');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe.each([
  ['docs/guide.md', 9],
  ['docs/etcd.md', 4],
])('the programs of %s', (path, atLeast) => {
  const programs = programsOf(path);

  test('are all that it shows', () => {
    expect(programs.length).toBeGreaterThanOrEqual(atLeast);
    expect(readFileSync(join(root, path), 'utf8').match(/```js\n/g)).toHaveLength(programs.length);
  });

  test.each(programs.map((program, index) => [index + 1, program] as const))('number %i', (_number, program) => {
    const promised = promisedBy(program);
    expect(promised.length).toBeGreaterThan(0);
    expect(run(program)).toEqual(promised);
  });
});
