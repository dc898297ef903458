/**
 * The package as a user gets it: packed from what was built, and installed in an empty directory.
 *
 * Nothing is fetched. What the package depends on is linked from this repository's node_modules, each name by itself, so that what is not
 * named in package.json is not there.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The fields of package.json that are looked at. */
export interface PackageJson {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** What was packed, and where it lies. */
export interface PackedPackage {
  /** Where it was unpacked. */
  readonly directory: string;
  /** Paths of all its files, with slashes, in order. */
  readonly paths: readonly string[];
  readonly manifest: PackageJson;
  /** Makes a project in which it is installed, with its dependencies; with the optional and the peer ones where that is said. */
  install(options: { readonly optional: boolean; readonly peers: boolean }): string;
  remove(): void;
}

/** Packs what lies in dist, without running scripts: others use dist meanwhile. */
export function packPackage(): PackedPackage {
  const base = mkdtempSync(join(tmpdir(), 'varve-packed-'));
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', base], { cwd: root, stdio: 'pipe' });
  const tarball = readdirSync(base).find((name) => name.endsWith('.tgz')) ?? '';
  execFileSync('tar', ['-xzf', join(base, tarball), '-C', base]);
  const directory = join(base, 'package');
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as PackageJson;
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
  let projects = 0;
  const install: PackedPackage['install'] = ({ optional, peers }) => {
    const project = join(base, `project-${++projects}`);
    const modules = join(project, 'node_modules');
    mkdirSync(modules, { recursive: true });
    writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
    execFileSync('cp', ['-R', directory, join(modules, 'varve')]);
    const names = [
      ...Object.keys(manifest.dependencies),
      ...(optional ? Object.keys(manifest.optionalDependencies) : []),
      ...(peers ? Object.keys(manifest.peerDependencies) : []),
    ];
    for (const name of names) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(root, 'node_modules', name), join(modules, name));
    }
    return project;
  };
  return { directory, paths, manifest, install, remove: () => rmSync(base, { recursive: true, force: true }) };
}
