/**
 * docs/level.md: every snippet runs as it stands, against the package as its exports name it, and prints what its comments say.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { toBackendConfig } from '../../src/level/options.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const text = readFileSync(join(root, 'docs/level.md'), 'utf8');
const snippets = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code = '']) => code);

/** What the comments behind calls of console.log say is printed. */
function promised(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].flatMap(([, said = '']) => said.split(', '));
}

test('every snippet of docs/level.md is one of these', () => {
  expect(snippets).toHaveLength(5);
  expect([...text.matchAll(/```/g)]).toHaveLength(2 * snippets.length);
});

describe('the snippets', () => {
  let printed: string[][] = [];

  beforeAll(() => {
    const directory = mkdtempSync(join(tmpdir(), 'varve-level-'));
    try {
      mkdirSync(join(directory, 'node_modules'));
      symlinkSync(root, join(directory, 'node_modules/varve'));
      snippets.forEach((code, place) => writeFileSync(join(directory, `${place}.mjs`), code));
      const runs = snippets.map((_code, place) => `await import('./${place}.mjs');\nconsole.log('----');\n`);
      writeFileSync(join(directory, 'all.mjs'), runs.join(''));
      const output = execFileSync(process.execPath, ['all.mjs'], { cwd: directory, encoding: 'utf8' });
      printed = output.split('----\n').map((text) => text.trim().split('\n'));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test.each(snippets.map((code, place) => [place + 1, code] as const))(
    'number %d runs, and prints what it says',
    (number, code) => {
      expect(promised(code).length).toBeGreaterThan(0);
      expect(printed[number - 1]).toEqual(promised(code));
    },
  );
});

describe('the table of options', () => {
  const [, table = ''] = /## Options\n([\s\S]*?)\n## /.exec(text) ?? [];
  const rows = [...table.matchAll(/^\| (`.*?) \|/gm)].map(([, names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  );

  test('names every option that there is', () => {
    const source = readFileSync(join(root, 'src/level/options.ts'), 'utf8');
    const [, body = ''] = /interface OpenOptions[^{]*\{([\s\S]*?)\n\}/.exec(source) ?? [];
    const declared = [...body.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name = '']) => name);
    expect(rows.flat().sort()).toEqual(['createIfMissing', 'errorIfExists', ...declared].sort());
  });

  test('tells the first of two names, which holds', () => {
    const pairs = rows.filter((names) => names.length === 2);
    expect(pairs).toHaveLength(2);
    for (const [name = '', other = ''] of pairs) {
      expect(toBackendConfig('db', { [name]: 70_000, [other]: 80_000 })).toEqual({ path: 'db', [name]: 70_000 });
    }
  });
});
