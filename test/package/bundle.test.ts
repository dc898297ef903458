/**
 * The recipe of docs/bundling.md, as it stands there: a program and the worker are bundled with esbuild, laid beside each other, and run in
 * a directory without varve.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PackedPackage, packPackage } from './packed-package.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
let packed: PackedPackage;
let project: string;

beforeAll(() => {
  packed = packPackage();
  project = packed.install({ optional: false, peers: false });
  cpSync(join(here, 'fixtures/app.mjs'), join(project, 'app.js'));
  symlinkSync(join(root, 'node_modules/esbuild'), join(project, 'node_modules/esbuild'));
  const recipe = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/bundling.md'), 'utf8'))?.[1] ?? '';
  writeFileSync(join(project, 'build.js'), recipe);
  const { status, stderr } = spawnSync(process.execPath, ['build.js'], { cwd: project, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
});

afterAll(() => {
  packed.remove();
});

/** Copies the bundle to an empty place, with the packages that are named, and runs it there. */
function deploy(name: string, files: readonly string[], packages: readonly string[], ...args: string[]): unknown {
  const place = join(project, '..', name);
  mkdirSync(join(place, 'node_modules'), { recursive: true });
  writeFileSync(join(place, 'package.json'), '{ "private": true, "type": "module" }');
  for (const file of files) cpSync(join(project, 'out', file), join(place, file));
  for (const each of packages) symlinkSync(join(root, 'node_modules', each), join(place, 'node_modules', each));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['app.js', join(place, 'data'), ...args], {
    cwd: place,
    encoding: 'utf8',
  });
  return status === 0 ? JSON.parse(stdout) : `ended with ${status}: ${stderr}`;
}

test('the recipe makes two files, which need nothing else to work', () => {
  expect(readdirSync(join(project, 'out')).sort()).toEqual(['app.js', 'worker-entry.js']);
  expect(deploy('alone', ['app.js', 'worker-entry.js'], [])).toEqual({ isSame: true, hasWorked: true, backgroundFailures: 0 });
});

test('without the worker the opening says which file is missing and what to do, and makes nothing', () => {
  const ended = String(deploy('no-worker', ['app.js'], []));
  const place = join(project, '..', 'no-worker');
  expect(ended).toMatch(/^ended with 1: /);
  expect(ended).toContain(`the worker's file ${join(place, 'worker-entry.js')} is missing`);
  expect(ended).toMatch(/docs\/bundling\.md[\s\S]*VARVE_IO/);
  expect(existsSync(join(place, 'data'))).toBe(false);
});

test('a bundle of CommonJS says that it cannot be one', async () => {
  const { build } = await import('esbuild');
  const outfile = join(project, 'out/app.cjs');
  const stdin = {
    contents: "require('varve').openBackend({ path: process.argv[2] }).catch((error) => console.log(error.code, error.message));",
    resolveDir: project,
  };
  await build({ stdin, bundle: true, platform: 'node', format: 'cjs', outfile, logLevel: 'silent' });
  const { stdout, stderr } = spawnSync(process.execPath, [outfile, join(project, 'data')], { encoding: 'utf8' });
  expect(stdout, stderr).toMatch(/^VARVE_IO .*worker-entry\.js cannot be found.*no ES module.*docs\/bundling\.md/);
  expect(existsSync(join(project, 'data'))).toBe(false);
});

test('native packages that are copied beside the bundle are found', () => {
  const found = deploy('native', ['app.js', 'worker-entry.js'], ['zstd-napi', 'fs-native-extensions'], 'zstd');
  expect(found).toEqual({ isSame: true, hasWorked: true, backgroundFailures: 0 });
});
