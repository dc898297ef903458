/**
 * One cell of the table: a workload on a store, once. What it starts from is made once for all cells that start alike, and copied for those that
 * change it.
 *
 *   empty    nothing
 *   filled   below `prepared`: filled in random order by another process, drained, closed
 *   killed   likewise, but the process died while it wrote
 */
import { fork } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const childPath = fileURLToPath(new URL('./child.js', import.meta.url));

/**
 * @typedef {object} Cell
 * @property {string} store
 * @property {import('./workloads/write.js').Workload} workload
 * @property {number} entries
 * @property {number} valueBytes
 * @property {number} run counted from 1
 */

/**
 * All cells of a run of the benchmarks: for each workload the stores take turns, and begin anew in the other direction.
 * @param {import('./options.js').BenchOptions} options
 * @returns {Cell[]}
 */
export function plan({ chosen, stores, runs, entries, valueBytes }) {
  return chosen.flatMap((workload) => {
    const able = stores.filter((store) => workload.only?.includes(store) ?? store !== 'bare-loop');
    const size = { entries: workload.scale?.(entries) ?? entries, valueBytes: workload.valueBytes ?? valueBytes };
    return Array.from({ length: runs }, (_, index) =>
      (index % 2 === 0 ? able : able.toReversed()).map((store) => ({ store, workload, ...size, run: index + 1 })),
    ).flat();
  });
}

/**
 * @param {import('./child.js').ChildTask} task
 * @param {string[]} nodeOptions
 * @returns {Promise<import('./measure.js').Measurement | undefined>} what the child sent
 */
function runChild(task, nodeOptions) {
  return new Promise((resolve, reject) => {
    let measurement;
    const child = fork(childPath, [JSON.stringify(task)], { execArgv: nodeOptions, serialization: 'advanced' });
    child.on('message', (message) => {
      measurement = message;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0 || (task.step === 'kill' && signal === 'SIGKILL')) resolve(measurement);
      else
        reject(new Error(`${task.workload} on ${task.store}: the process that should ${task.step} ended with ${signal ?? code}`));
    });
  });
}

/** Forgets what the system has of files in memory, where it lets us: a cold read comes from the disk then. */
function dropPageCache() {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
  } catch {
    // Not allowed here: then cold means cold for the store alone, and the page says so.
  }
}

/** Makes and keeps what cells start from. */
export class Workshop {
  /**
   * @param {string} directory
   * @param {{ config: object, profile: string | undefined }} settings
   */
  constructor(directory, { config, profile }) {
    this.root = mkdtempSync(join(directory, 'varve-bench-'));
    this.config = config;
    this.profile = profile;
  }

  /**
   * @param {Cell} cell
   * @returns {Promise<import('./measure.js').Measurement>}
   */
  async measure({ store, workload, entries, valueBytes }) {
    const task = { store, workload: workload.name, entries, valueBytes, config: this.config };
    const isFresh = workload.start === 'empty';
    const prepared = isFresh ? undefined : await this.#prepare(task, workload.start === 'killed' ? 'kill' : 'fill');
    const directory = workload.mayReuse && prepared !== undefined ? prepared : join(this.root, 'measured');
    if (prepared !== undefined && directory !== prepared) cpSync(prepared, directory, { recursive: true });
    if (workload.cache === 'cold') dropPageCache();
    const profiling =
      this.profile === undefined
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${this.profile}`, `--cpu-prof-name=${workload.name}-${store}.cpuprofile`];
    try {
      const measurement = await runChild({ ...task, directory, step: 'measure' }, profiling);
      if (measurement === undefined) throw new Error(`${workload.name} on ${store} sent no measurement`);
      return measurement;
    } finally {
      if (directory !== prepared) rmSync(directory, { recursive: true, force: true });
    }
  }

  /** Removes everything. */
  close() {
    rmSync(this.root, { recursive: true, force: true });
  }

  async #prepare(task, step) {
    const directory = join(this.root, `${step}-${task.store}-${task.entries}-${task.valueBytes}`);
    if (!existsSync(directory)) await runChild({ ...task, directory, step }, []);
    return directory;
  }
}
