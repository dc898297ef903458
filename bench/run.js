/**
 * The command of the benchmarks: `npm run bench -- --help`.
 *
 *   plan ─▶ a cell, a cell, … (each in processes of its own, the stores taking turns) ─▶ table, JSON, page
 *
 * How to read what is printed: README.md beside this file.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { plan, Workshop } from './cells.js';
import { parseOptions, usage } from './options.js';
import { machineLine } from './report/machine.js';
import { headLine, cellLine } from './report/table.js';

/**
 * Reports of one machine, day and commit as one: their runs are runs of the same cells.
 * @param {{ machine: string, commit: string, cells: object[] }[]} reports
 */
function together(reports) {
  const byPlace = new Map();
  for (const report of reports) {
    const place = `${report.machine}, ${report.commit}`;
    const known = byPlace.get(place);
    byPlace.set(place, known === undefined ? report : { ...known, cells: [...known.cells, ...report.cells] });
  }
  return [...byPlace.values()];
}

/** @returns {string} */
function commitOf() {
  try {
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    return execFileSync('git', ['status', '--porcelain'], { encoding: 'utf8' }) === '' ? commit : `${commit} and changes`;
  } catch {
    return 'unknown';
  }
}

/** @param {import('./options.js').BenchOptions} options */
async function runAll(options) {
  const report = { machine: machineLine(), commit: commitOf(), tier: options.tier, config: options.config, cells: [] };
  console.log(`${report.machine}, commit ${report.commit}`);
  console.log(headLine());
  mkdirSync(options.directory, { recursive: true });
  const workshop = new Workshop(options.directory, options);
  const giveUp = () => {
    workshop.close();
    process.exit(130);
  };
  process.once('SIGINT', giveUp);
  try {
    for (const cell of plan(options)) {
      const measurement = await workshop.measure(cell);
      const { workload, ...where } = cell;
      const result = { ...where, workload: workload.name, ...measurement };
      report.cells.push(result);
      console.log(cellLine(result));
    }
  } finally {
    workshop.close();
    process.off('SIGINT', giveUp);
  }
  return report;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) {
    console.log(usage);
  } else {
    const isGiven = options.from.length > 0;
    const given = options.from.map((file) => JSON.parse(readFileSync(file, 'utf8')));
    const reports = isGiven ? together(given) : [await runAll(options)];
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(reports[0], undefined, 1)}\n`);
    if (options.page !== undefined) {
      // Plots need packages that varve alone is measured without.
      const { writePage } = await import('./report/page.js');
      await writePage(options.page, reports);
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
