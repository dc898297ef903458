/** Runs a program of test/etcd/fixtures in a process of its own, from within the package, so that it can name it. */
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What the program printed. */
export async function runFixture(name: string, args: readonly string[]): Promise<string> {
  const program = fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], { cwd: dirname(program) });
  return stdout;
}
