/**
 * What the papers say can be executed: the code of the README runs, links lead to files, and tests that are named exist.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { defaultBackendConfig } from 'varve';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md'],
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

describe('the code of the README', () => {
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(read('README.md')) ?? [];

  test('has twelve lines', () => {
    expect(code.trimEnd().split('\n')).toHaveLength(12);
  });

  test('runs, and prints what its comment says', () => {
    const directory = mkdtempSync(join(tmpdir(), 'varve-readme-'));
    try {
      const built = pathToFileURL(join(root, 'dist/index.js')).href;
      writeFileSync(join(directory, 'snippet.mjs'), code.replace("'varve'", `'${built}'`));
      const printed = execFileSync(process.execPath, ['snippet.mjs'], { cwd: directory, encoding: 'utf8' });
      expect(printed.trim()).toBe(/console\.log\(.*\/\/ (.*)/.exec(code)?.[1]);
      expect(existsSync(join(directory, 'fruit.db', 'CURRENT'))).toBe(true);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('the options of the README', () => {
  test('are all that there are', () => {
    const [, table = ''] = /## Options\n([\s\S]*?)\n## /.exec(read('README.md')) ?? [];
    const named = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(['path', 'onPreCommit', ...Object.keys(defaultBackendConfig())].sort());
  });
});

describe.each(documents)('%s', (path) => {
  const text = read(path);

  test('has links that lead to files', () => {
    const targets = [...text.matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)].map(([, target = '']) => target);
    expect(targets.filter((target) => !existsSync(join(root, dirname(path), target)))).toEqual([]);
  });

  test('names tests and source files that exist', () => {
    const named = [...text.matchAll(/`((?:test|src|demo|bench)\/[a-z0-9/.-]+)`/g)].map(([, name = '']) => name);
    const ofSource = [...text.matchAll(/`((?:[a-z]+\/)[a-z-]+\.ts)`/g)].map(([, name = '']) => `src/${name}`);
    const isTop = (name: string): boolean => /^src\/(test|src|demo|bench)\//.test(name);
    expect([...named, ...ofSource.filter((name) => !isTop(name))].filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });
});
