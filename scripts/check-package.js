/**
 * Packs what was built, as `npm publish` would, and lets two judges look at the tarball: publint (do the fields of package.json fit the
 * files?) and attw (does every entry resolve to the right types?).
 *
 * attw judges by the profile for packages of modules only: Node 20.19 loads those through `require` too (test/package shows it), and
 * older ways of resolving know no map of exports.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const directory = mkdtempSync(join(tmpdir(), 'varve-package-'));
let failed = false;

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  if (status !== 0) failed = true;
}

try {
  // What is packed is what lies in dist: without the scripts, which would build it again.
  run('npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', directory);
  const tarballs = readdirSync(directory).map((name) => join(directory, name));
  if (tarballs.length !== 1) throw new Error(`npm pack made ${tarballs.length} files`);
  run('npx', '--no-install', 'publint', 'run', tarballs[0], '--strict');
  run('npx', '--no-install', 'attw', tarballs[0], '--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii');
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
