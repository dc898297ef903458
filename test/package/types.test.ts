/**
 * The types of the packed package, as compilers of programs that use it see them: strictly, its own declarations included, by each way of
 * resolving modules that knows maps of exports.
 */
import { symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PackedPackage, packPackage } from './packed-package.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
let packed: PackedPackage;
let project: string;

const program = `
import { openBackend, prometheusText, VarveError, type Backend, type BackendConfig } from 'varve';
import { etcdEntries, etcdSnapshotStatus, importEtcd, type EtcdStatus } from 'varve/etcd';
import { VarveLevel, type DatabaseOptions } from 'varve/level';

export async function use(config: BackendConfig): Promise<string> {
  const backend: Backend = await openBackend(config);
  const found: Buffer | undefined = backend.readTx().unsafeGet('b', new Uint8Array(1));
  const status: EtcdStatus = await importEtcd('a.db', { path: 'b', signal: AbortSignal.timeout(1), onCheck: (done, total) => done / total });
  const { hash }: { hash: number } = await etcdSnapshotStatus('a.db');
  for await (const [bucket, key] of etcdEntries('a.db')) bucket.equals(key);
  const options: DatabaseOptions<string, { n: number }> = { valueEncoding: 'json' };
  const level = new VarveLevel<string, { n: number }>('c', options);
  const value: { n: number } | undefined = await level.get('k');
  for await (const [key, { n }] of level.iterator({ gte: 'a', limit: 1 })) key.padStart(n);
  const sub = level.sublevel<string, string>('s', {});
  await sub.batch([{ type: 'put', key: 'k', value: 'v' }]);
  return String([found, status.revision, hash, value?.n, prometheusText(backend)]);
}

export function explain(error: unknown): string {
  return error instanceof VarveError ? \`\${error.code} \${error.file ?? ''}\` : '';
}

// @ts-expect-error a path is needed
void openBackend({});
// @ts-expect-error there is no such option
void openBackend({ path: 'a', cacheMegabytes: 1 });
`;

beforeAll(() => {
  packed = packPackage();
  project = packed.install({ optional: false, peers: true });
  for (const name of ['@types', 'undici-types'])
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
  for (const name of ['app.mts', 'app.cts', 'app.ts']) writeFileSync(join(project, name), program);
});

afterAll(() => {
  packed.remove();
});

/** Declarations of the language and of Node, which are the same for every program: parsed once. */
const shared = new Map<string, ts.SourceFile | undefined>();

function hostFor(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) => {
    if (!/\/(?:typescript\/lib|@types\/node|undici-types)\//.test(name)) return read(name, ...rest);
    if (!shared.has(name)) shared.set(name, read(name, ...rest));
    return shared.get(name);
  };
  return host;
}

/** What the compiler has to say, of the program and of the declarations that it leads to. */
function complaints(file: string, options: ts.CompilerOptions): string[] {
  const all: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(project, 'node_modules/@types')],
    ...options,
  };
  const compiled = ts.createProgram([join(project, file)], all, hostFor(all));
  const own = compiled
    .getSourceFiles()
    .filter(({ fileName }) => !/node_modules\/(?!varve\/)/.test(fileName) && !fileName.includes('/typescript/lib/'));
  expect(own.length).toBeGreaterThan(8);
  const found = [
    ...compiled.getOptionsDiagnostics(),
    ...own.flatMap((source) => [...compiled.getSyntacticDiagnostics(source), ...compiled.getSemanticDiagnostics(source)]),
  ];
  return found.map(
    ({ file: where, messageText }) => `${where?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
  );
}

const { ModuleKind, ModuleResolutionKind } = ts;

test.each([
  ['node16, a module', 'app.mts', { module: ModuleKind.Node16, moduleResolution: ModuleResolutionKind.Node16 }],
  ['nodenext, CommonJS', 'app.cts', { module: ModuleKind.NodeNext, moduleResolution: ModuleResolutionKind.NodeNext }],
  ['a bundler', 'app.ts', { module: ModuleKind.ESNext, moduleResolution: ModuleResolutionKind.Bundler }],
] as const)('a program compiles that is resolved as by %s', (_how, file, options) => {
  expect(complaints(file, options)).toEqual([]);
});
