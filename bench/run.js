/**
 * The command of the benchmarks: `npm run bench -- --help`.
 *
 * Each run of a workload gets a fresh directory and processes of its own: one that fills the database, where the workload starts on a
 * full one, and one that is measured. Nothing else runs meanwhile. How to read what is printed: README.md beside this file.
 */
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseOptions, usage } from './options.js';
import { headLine, machineLine, medianRun, workloadLine } from './report.js';

const childPath = fileURLToPath(new URL('./child.js', import.meta.url));

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
      if (code === 0) resolve(measurement);
      else reject(new Error(`${task.workload}: the process that should ${task.step} ended with ${signal ?? code}`));
    });
  });
}

/**
 * @param {import('./workloads/write.js').Workload} workload
 * @param {import('./options.js').BenchOptions} options
 */
async function runOnce(workload, { directory, entries, valueBytes, config, profile }) {
  const below = mkdtempSync(join(directory, 'varve-bench-'));
  const task = { workload: workload.name, directory: join(below, 'database'), entries, valueBytes, config };
  const profiling =
    profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${workload.name}.cpuprofile`];
  try {
    if (workload.isFilled) await runChild({ ...task, step: 'fill' }, []);
    const measurement = await runChild({ ...task, step: 'measure' }, profiling);
    if (measurement === undefined) throw new Error(`${workload.name} sent no measurement`);
    return measurement;
  } finally {
    rmSync(below, { recursive: true, force: true });
  }
}

/** @param {import('./options.js').BenchOptions} options */
async function runAll(options) {
  const machine = machineLine();
  console.log(machine);
  console.log(`${options.entries} entries, keys of 16 bytes, values of ${options.valueBytes}; ${JSON.stringify(options.config)}`);
  console.log(headLine());
  mkdirSync(options.directory, { recursive: true });
  const workloads = {};
  for (const workload of options.chosen) {
    const measurements = [];
    for (let i = 0; i < options.runs; i++) measurements.push(await runOnce(workload, options));
    console.log(workloadLine(workload.name, medianRun(measurements)));
    workloads[workload.name] = measurements;
  }
  if (options.json === undefined) return;
  const { entries, valueBytes, config, runs } = options;
  writeFileSync(options.json, `${JSON.stringify({ machine, entries, valueBytes, config, runs, workloads }, undefined, 2)}\n`);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(usage);
  else await runAll(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
