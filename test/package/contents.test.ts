/**
 * What is published: what a user needs, and nothing else. And it works where it is installed, in whatever way it is loaded.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PackedPackage, packPackage } from './packed-package.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const entries = ['varve', 'varve/level', 'varve/etcd'];
let packed: PackedPackage;

beforeAll(() => {
  packed = packPackage();
});

afterAll(() => {
  packed.remove();
});

/** Runs a program in a project; gives its output, all of it where it failed. */
function run(project: string, file: string, code: string): string {
  writeFileSync(join(project, file), code);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { cwd: project, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : `ended with ${status}: ${stderr}`;
}

/** Files that an entry of the map of exports, or of `bin`, leads to. */
function targets(condition: 'types' | 'default'): string[] {
  const { exports, bin } = packed.manifest;
  const exported = Object.values(exports).map((entry) => (typeof entry === 'string' ? entry : entry[condition]));
  const commands = condition === 'types' ? [] : typeof bin === 'string' ? [bin] : Object.values(bin ?? {});
  return [...exported, ...commands].filter((path) => path !== undefined).map((path) => posix.normalize(path));
}

describe('what is packed', () => {
  test('modules, declarations, documentation, and nothing else', () => {
    const allowed = [
      /^dist\/(?:[a-z0-9-]+\/)*[a-z0-9-]+(?:\.js|\.d\.ts)$/,
      /^docs\/[a-z0-9-]+\.md$/,
      /^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
    ];
    expect(packed.paths.filter((path) => !allowed.some((rule) => rule.test(path)))).toEqual([]);
    for (const path of ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE']) expect(packed.paths).toContain(path);
  });

  test('every module comes of a source that is there, and every source is there as a module', () => {
    const ofModule = (path: string): string => path.replace(/^dist\//, 'src/').replace(/(?:\.d\.ts|\.js)$/, '.ts');
    const modules = packed.paths.filter((path) => path.startsWith('dist/'));
    expect(modules.filter((path) => !existsSync(join(root, ofModule(path))))).toEqual([]);
    expect(packed.paths).toContain('dist/compaction/worker-entry.js');
  });

  test('every entry of the map of exports is there, with its types, and so is every command', () => {
    const wanted = [...targets('types'), ...targets('default')];
    expect(wanted.length).toBeGreaterThanOrEqual(7);
    expect(wanted.filter((path) => !packed.paths.includes(path))).toEqual([]);
    for (const entry of Object.values(packed.manifest.exports)) {
      if (typeof entry !== 'string') expect(Object.keys(entry)).toEqual(['types', 'default']);
    }
  });

  /** Files that a set of files leads to by relative imports, themselves included. */
  function closure(start: readonly string[], target: (path: string) => string): string[] {
    const found = new Set<string>();
    const open = [...start];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      if (found.has(path)) continue;
      found.add(path);
      const text = packed.paths.includes(path) ? readFileSync(join(packed.directory, path), 'utf8') : '';
      for (const [, specifier] of text.matchAll(/(?:\bfrom |^import |\bimport\(|new URL\()'(\.[^']+)'/gm)) {
        open.push(target(posix.join(posix.dirname(path), specifier ?? '')));
      }
    }
    return [...found].sort();
  }

  test('the declarations are those that the entries lead to, no more and no less', () => {
    const start = targets('types').filter((path) => path.endsWith('.d.ts'));
    const declarations = packed.paths.filter((path) => path.endsWith('.d.ts'));
    expect(declarations).toEqual(closure(start, (path) => path.replace(/\.js$/, '.d.ts')));
  });

  test('every module that the entries, the commands and the worker lead to is there, and no other that does something', () => {
    const start = targets('default').filter((path) => path.endsWith('.js'));
    const reached = closure(start, (path) => path);
    expect(reached).toContain('dist/compaction/worker-entry.js');
    expect(reached.filter((path) => !packed.paths.includes(path))).toEqual([]);
    // What nothing leads to is the module of a file of types, which a compiler leaves empty.
    const unreached = packed.paths.filter((path) => path.endsWith('.js') && !reached.includes(path));
    const code = (path: string): string => readFileSync(join(packed.directory, path), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    expect(unreached.filter((path) => code(path).trim() !== 'export {};')).toEqual([]);
  });

  test('no file names a map that is not there', () => {
    const modules = packed.paths.filter((path) => path.startsWith('dist/'));
    const withMap = modules.filter((path) => readFileSync(join(packed.directory, path), 'utf8').includes('sourceMappingURL='));
    expect(withMap).toEqual([]);
  });

  test('declarations keep their comments', () => {
    expect(readFileSync(join(packed.directory, 'dist/api.d.ts'), 'utf8')).toContain('/** The value of one key, or undefined. */');
  });
});

describe('what is installed', () => {
  const program = (open: string): string => `
    import { rmSync } from 'node:fs';
    ${open}
    const db = await openBackend({ path: 'data', createIfMissing: true });
    db.update((tx) => { tx.unsafeCreateBucket('b'); tx.unsafePut('b', 'k', 'v'); });
    await db.defrag();
    const locked = await openBackend({ path: 'data' }).then(() => 'opened twice', (error) => error.code);
    const value = String(db.readTx().unsafeGet('b', 'k'));
    await db.close();
    rmSync('data', { recursive: true });
    console.log(value, locked);
  `;

  test('every entry is loaded by import and by require, with the same exports', () => {
    const project = packed.install({ optional: true, peers: true });
    const code = `
      const names = ${JSON.stringify(entries)};
      (async () => {
        for (const name of names) {
          const required = require(name);
          const imported = await import(name);
          const own = (module) => Object.keys(module).filter((key) => key !== '__esModule' && key !== 'module.exports').sort().join();
          if (own(required) !== own(imported)) throw new Error(name + ': ' + own(required) + ' / ' + own(imported));
          if (own(required) === '') throw new Error(name + ' is empty');
        }
        console.log('all', require('varve/package.json').name);
      })();
    `;
    expect(run(project, 'all.cjs', code)).toBe('all varve');
    expect(run(project, 'main.mjs', program("const { openBackend } = await import('varve');"))).toBe('v VARVE_LOCKED');
  });

  test('without optional packages it opens, locks, writes and compacts; only varve/level needs abstract-level', () => {
    const project = packed.install({ optional: false, peers: false });
    expect(run(project, 'main.mjs', program("import { openBackend } from 'varve';"))).toBe('v VARVE_LOCKED');
    expect(run(project, 'etcd.mjs', "import { importEtcd } from 'varve/etcd'; console.log(typeof importEtcd);")).toBe('function');
    expect(run(project, 'level.mjs', "import 'varve/level';")).toContain("Cannot find package 'abstract-level'");
  });
});
