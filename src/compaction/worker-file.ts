/**
 * The file of the worker's program: beside this module, and in a bundle beside the bundle, into which a bundler does not put it by itself.
 *
 * A program that was delivered without it hears of it when it opens a database. Flushes that fail again and again would tell it later, and
 * only to who waits for them.
 */
import { fileURLToPath } from 'node:url';
import { nodeFileSystem } from '../env/node-file-system.js';
import { VarveError } from '../errors.js';

const advice = 'a bundle is made as docs/bundling.md of varve says';

/** The same place as in worker-runner.ts, written out in both: bundlers know such lines by their form. */
function locate(): URL {
  try {
    return new URL('./worker-entry.js', import.meta.url);
  } catch (cause) {
    const reason = 'a bundle that is no ES module does not know where it lies';
    throw new VarveError('VARVE_IO', `the worker's file worker-entry.js cannot be found: ${reason}; ${advice}`, { cause });
  }
}

/**
 * Throws VARVE_IO where no worker could ever be started, with the file that is missing. Where this module was not loaded from JavaScript in
 * a file, as by a test runner from these sources, a loader decides what is where, and nothing is said.
 */
export function checkWorkerFile(url = locate(), module = import.meta.url): void {
  if (url.protocol !== 'file:' || !/js$/.test(module)) return;
  const file = fileURLToPath(url);
  if (nodeFileSystem.status(file)?.kind === 'file') return;
  throw new VarveError('VARVE_IO', `the worker's file ${file} is missing: it belongs beside the modules; ${advice}`, { file });
}
