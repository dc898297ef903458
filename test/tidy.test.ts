/**
 * The rules of the house that can be executed, over every file of `src` and, where said, of `test`.
 *
 * Imports are read with a pattern: `import … from '…'`, `export … from '…'`, `import '…'`, `import('…')` and `require('…')`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

interface Source {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text without comments and without the contents of strings. */
  readonly code: string;
  readonly imports: readonly string[];
  /** Those that are there when the code runs: not `import type`. */
  readonly valueImports: readonly string[];
}

/** Comments become spaces; of strings the quotes stay. A pattern literal may be misread, so the rules below are about words. */
function stripped(text: string): string {
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g;
  return text.replace(token, (match) => (match.startsWith('/') ? ' ' : match[0] === "'" ? "''" : '""'));
}

function withoutComments(text: string): string {
  return text.replace(/'(?:[^'\\\n]|\\.)*'|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (match) => (match.startsWith('/') ? ' ' : match));
}

function importsOf(text: string): string[] {
  const code = withoutComments(text);
  const patterns = [
    /^\s*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'/gm,
    /^\s*import\s*'([^']+)'/gm,
    /\bimport\s*\(\s*'([^']+)'/g,
    /(?:\brequire|\bcreateRequire\([^)]*\))\s*\(\s*'([^']+)'/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''));
}

function load(directory: string): Source[] {
  if (!existsSync(join(root, directory))) return [];
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => posix.join(directory, name.replaceAll('\\', '/')))
    .sort()
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      const valueImports = importsOf(text.replace(/^(import|export) type\b[^;]*;/gm, ''));
      return { path, text, code: stripped(text), imports: importsOf(text), valueImports };
    });
}

const sources = load('src');
const tests = load('test');

/** What is wrong, one line each: an empty list passes, and a failure names all places at once. */
function problems(rule: (source: Source) => string[], of: readonly Source[] = sources): string[] {
  return of.flatMap((source) => rule(source).map((problem) => `${source.path}: ${problem}`));
}

/** The step of a folder on the ladder; imports go to the own folder or to a lower step. */
const steps: Readonly<Record<string, number>> = {
  root: 0,
  format: 1,
  env: 1,
  wal: 2,
  memtable: 2,
  sstable: 2,
  version: 3,
  compaction: 4,
  engine: 5,
  backend: 6,
  level: 7,
  etcd: 7,
  cli: 8,
};
const baseFiles = ['src/errors.ts', 'src/limits.ts', 'src/options.ts', 'src/api.ts'];
/** Folders of one step that may see each other, in one direction: the directory lock needs the names of files. */
const sameStepAllowed = ['env → format'];

const folderOf = (path: string): string => {
  const parts = path.split('/');
  return parts.length > 2 ? (parts[1] ?? '') : baseFiles.includes(path) ? 'root' : 'entry';
};

/** Path in `src` of a relative import, or undefined for one of a package. */
const targetOf = (source: Source, specifier: string): string | undefined =>
  specifier.startsWith('.') ? posix.join(posix.dirname(source.path), specifier).replace(/\.js$/, '.ts') : undefined;

describe('layers', () => {
  it('every folder of src has its step on the ladder', () => {
    expect(
      problems(({ path }) => (folderOf(path) === 'entry' || folderOf(path) in steps ? [] : ['a folder without a step'])),
    ).toEqual([]);
  });

  it('a file imports from its own folder and from below', () => {
    const found = problems((source) => {
      const folder = folderOf(source.path);
      // The entry of the package gives out names of any folder; nobody imports it.
      return source.imports.flatMap((specifier) => {
        const target = targetOf(source, specifier);
        if (target === undefined) return [];
        const targetFolder = folderOf(target);
        if (targetFolder === 'entry') return [`imports the entry ${target}`];
        if (folder === 'entry' || folder === targetFolder || sameStepAllowed.includes(`${folder} → ${targetFolder}`)) return [];
        return (steps[targetFolder] ?? 99) < (steps[folder] ?? -1) ? [] : [`imports ${target}, which is not below it`];
      });
    });
    expect(found).toEqual([]);
  });

  it('a relative import names a file that exists, and ends in .js', () => {
    const found = problems((source) =>
      source.imports.flatMap((specifier) => {
        const target = targetOf(source, specifier);
        if (target === undefined) return [];
        if (!specifier.endsWith('.js')) return [`${specifier} does not end in .js`];
        return sources.some(({ path }) => path === target) ? [] : [`${specifier} does not exist`];
      }),
    );
    expect(found).toEqual([]);
  });

  it('imports make no circle; types may refer to each other', () => {
    const state = new Map<string, 'open' | 'done'>();
    const circles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === 'done') return;
      if (state.get(path) === 'open') {
        circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
        return;
      }
      state.set(path, 'open');
      const source = sources.find((candidate) => candidate.path === path);
      for (const specifier of source?.valueImports ?? []) {
        const target = source === undefined ? undefined : targetOf(source, specifier);
        if (target !== undefined) visit(target, [...trail, path]);
      }
      state.set(path, 'done');
    };
    for (const { path } of sources) visit(path, []);
    expect(circles).toEqual([]);
  });
});

describe('entries of the package', () => {
  const entries = Object.values(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).exports)
    .filter((entry): entry is { types: string; default: string } => typeof entry === 'object')
    .map(({ types, default: code }) => [types, code] as const);

  it.each(entries)('%s is built from a file of src that no file below cli imports', (types, code) => {
    const path = code.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts');
    expect(types).toBe(code.replace(/\.js$/, '.d.ts'));
    expect(sources.map((source) => source.path)).toContain(path);
    const importers = sources.filter((source) => source.imports.some((specifier) => targetOf(source, specifier) === path));
    expect(importers.filter((importer) => folderOf(importer.path) !== 'cli').map((importer) => importer.path)).toEqual([]);
  });
});

describe('what comes from outside', () => {
  const mayImportNode = (path: string, specifier: string): boolean =>
    /^src\/(env|backend|level|etcd|cli)\//.test(path) ||
    /^src\/compaction\/worker-[a-z-]+\.ts$/.test(path) ||
    (path === 'src/format/compression.ts' && ['node:module', 'node:zlib'].includes(specifier));

  /** Who may import a package: one file, or the files of one folder. */
  const owners: Readonly<Record<string, RegExp>> = {
    'xxhash-wasm': /^src\/format\/checksum\.ts$/,
    'zstd-napi': /^src\/format\/compression\.ts$/,
    'sorted-btree': /^src\/memtable\//,
    'fs-native-extensions': /^src\/env\/kernel-lock\.ts$/,
    'crc-32': /^src\//,
    'modern-tar': /^src\//,
    'abstract-level': /^src\/level\//,
    commander: /^src\/cli\/command-line\.ts$/,
  };

  it('modules of Node are imported where their effects belong, and as node:', () => {
    const found = problems(({ path, valueImports }) =>
      valueImports
        .filter((specifier) => specifier.startsWith('node:') && !mayImportNode(path, specifier))
        .map((specifier) => `imports ${specifier}`),
    );
    expect(found).toEqual([]);
  });

  it('a file system is touched below env alone', () => {
    const found = problems(({ path, imports }) =>
      /^src\/(env|cli)\//.test(path)
        ? []
        : imports.filter((specifier) => /^node:fs(\/|$)/.test(specifier)).map((name) => `imports ${name}`),
    );
    expect(found).toEqual([]);
  });

  it('each package is behind its own file, and no other package is used', () => {
    const packageOf = (specifier: string): string =>
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
    const found = problems(({ path, imports }) =>
      imports
        .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
        .filter((specifier) => owners[packageOf(specifier)]?.test(path) !== true)
        .map((specifier) => `imports ${specifier}`),
    );
    expect(found).toEqual([]);
  });

  it.each([
    ...[
      'xxhash-wasm',
      'zstd-napi',
      'sorted-btree',
      'fs-native-extensions',
      'crc-32',
      'modern-tar',
      'abstract-level',
      'commander',
    ],
    'node:diagnostics_channel',
  ])('%s is imported by one file at most', (name) => {
    const users = sources.filter(({ imports }) =>
      imports.some((specifier) => specifier === name || specifier.startsWith(`${name}/`)),
    );
    expect(users.map(({ path }) => path).slice(1)).toEqual([]);
  });
});

describe('files', () => {
  it('src is not empty, and its names are kebab-case', () => {
    expect(sources.length).toBeGreaterThan(10);
    expect(
      problems(({ path }) => (/^src(\/[a-z0-9]+(-[a-z0-9]+)*)+(\.d)?\.ts$/.test(path) ? [] : ['is not kebab-case'])),
    ).toEqual([]);
  });

  it('a file begins with a comment that says what it is', () => {
    expect(problems(({ text }) => (/^(#![^\n]*\n)?\/\*\*\s+(\* )?\S/.test(text) ? [] : ['has no header']))).toEqual([]);
  });

  it('a file has at most 400 lines, and a line at most 150 columns', () => {
    const found = problems(({ text }) => {
      const lines = text.split('\n');
      const long = lines.flatMap((line, i) => (line.length > 150 ? [`line ${i + 1} has ${line.length} columns`] : []));
      return lines.length > 401 ? [...long, `has ${lines.length} lines`] : long;
    });
    expect(found).toEqual([]);
  });

  it('exports have names', () => {
    expect(problems(({ code }) => (/^export default\b/m.test(code) ? ['has a default export'] : []))).toEqual([]);
  });

  it('an exported function or class has a doc comment; the only class of a file has the header', () => {
    const found = problems(({ text }) => {
      const lines = text.split('\n');
      const classes = lines.filter((line) => /^export (abstract )?class\b/.test(line));
      return lines.flatMap((line, i) => {
        if (!/^export (async )?(abstract )?(function|class)\b/.test(line)) return [];
        if (classes.length === 1 && line === classes[0]) return [];
        return /\*\/\s*$/.test(lines[i - 1] ?? '') ? [] : [`line ${i + 1} exports without a doc comment`];
      });
    });
    expect(found).toEqual([]);
  });
});

describe('banned words', () => {
  /** Each: what it looks like in code, why not, and who may. */
  const bans: readonly [pattern: RegExp, reason: string, exempt: RegExp][] = [
    [/\bDate\.now\b/, 'durations come from the clock', /^$/],
    [/\bnew Date\(\s*\)/, 'durations come from the clock', /^$/],
    [/\bMath\.random\b/, 'nothing is left to chance', /^$/],
    [/\bconsole\./, 'a library does not print', /^src\/cli\//],
    [/\bJSON\.parse\b/, 'bytes are decoded by codecs', /^src\/(env\/lock-owner\.ts$|cli\/)/],
    [/\bset(Timeout|Interval)\b/, 'timers come from the clock', /^src\/(env\/clock\.ts$|cli\/)/],
    [/\bperformance\.now\b/, 'durations come from the clock', /^src\/(env\/clock\.ts$|compaction\/worker-|cli\/)/],
    [/\bprocess\.exit\b/, 'the process belongs to the caller', /^src\/cli\//],
    [/\bas any\b|:\s*any\b|<any>/, 'any is no type', /^$/],
    [/@ts-(ignore|nocheck|expect-error)/, 'the compiler is right', /^$/],
    [/\b(const )?enum\s+[A-Z]/, 'unions take the place of enums', /^$/],
    [/\bthrow new (Error|TypeError|RangeError)\b/, 'errors are VarveError', /^src\/env\/node-file-handle\.ts$/],
  ];

  it.each(bans)('%s: %s', (pattern, _reason, exempt) => {
    const found = problems(({ path, code }) =>
      exempt.test(path) ? [] : code.split('\n').flatMap((line) => (pattern.test(line) ? [line.trim()] : [])),
    );
    expect(found).toEqual([]);
  });

  it('nothing is left to do', () => {
    const words = new RegExp(['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].map((word) => `\\b${word}\\b`).join('|'));
    const found = problems(({ text }) => text.split('\n').filter((line) => words.test(line)), [...sources, ...tests]);
    expect(found).toEqual([]);
  });

  it('no test is left out, here or elsewhere, and none runs alone', () => {
    const found = problems(
      ({ code }) => code.match(/\b(it|test|describe|suite)(\.\w+)*\.(skip|skipIf|runIf|only|todo|fails)\b|\bskip\(/g) ?? [],
      tests.filter(({ path }) => path !== 'test/tidy.test.ts'),
    );
    expect(found).toEqual([]);
  });
});

describe('the pattern that reads imports', () => {
  it('sees every form, and none in comments', () => {
    const text = [
      "import { a } from './a.js';",
      "import type { b } from './b.js';",
      "import c, {\n  type d,\n  e,\n} from './c.js';",
      "import './d.js';",
      "export * from './e.js';",
      "export type { f } from './f.js';",
      "const g = await import('./g.js');",
      "createRequire(import.meta.url)('h');",
      "require('i');",
      "// import { z } from './z.js';",
      "/* import './y.js'; */",
    ].join('\n');
    expect(importsOf(text).sort()).toEqual(
      ['./a.js', './b.js', './c.js', './d.js', './e.js', './f.js', './g.js', 'h', 'i'].sort(),
    );
  });
});
