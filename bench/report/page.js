/**
 * Writes docs/benchmarks.md and its plots from runs that were seen: the method first, then what was reached, then every figure, then what
 * each peer does better.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadStore } from '../stores/index.js';
import { workloads } from '../workloads/index.js';
import { figuresOf, grouped, ofSmallestSize } from './figures.js';
import { drawBars } from './plot.js';
import { goalRows } from './goals.js';

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

/** @type {[name: string, title: string, workloads: string[]][]} */
const plots = [
  ['writes', 'Puts a second, until drained', ['fillseq', 'fillrandom', 'overwrite', 'fillsingle', 'deleterandom', 'etcd']],
  ['durable', 'Synced puts a second', ['fillsync-1', 'fillsync-100']],
  ['reads', 'Point reads a second', ['readrandom', 'readrandom-cold', 'readmissing', 'readwhilewriting']],
  ['scans', 'Entries of a scan a second', ['readseq', 'readreverse']],
  ['mixed', 'Operations a second', ['seekrandom', 'mixed-95-5', 'mixed-50-50']],
];

const method = `Each store has a process of its own for each run, in a fresh directory, and is driven through its own fastest public calls for binary keys and
values, with the settings below. The stores take turns, workload by workload, forwards and backwards. What a call has acknowledged is with the
operating system; in workloads whose name has \`sync\` in it, it was synced; \`fillsingle\` promises that a put can be read at once. A fill, an
overwrite or a delete ends when it is drained: no thread of the process works any more and no file changes. What reads start from was
filled in random order by another process and left at rest; of three passes over it each begins when what the one before set off has ended, and the last is measured. Keys are 16 decimal digits, values 100 bytes, of which half is random and half one byte repeated,
where the workload does not say otherwise. Medians, and the lowest and highest run in brackets. How each figure is taken:
[bench/README.md](../bench/README.md).`;

/**
 * @param {import('./figures.js').Figure[]} figures
 * @param {string} name
 */
function workloadSection(figures, name) {
  const rows = figures.filter((figure) => figure.workload === name);
  if (rows.length === 0) return [];
  const question = workloads.find((workload) => workload.name === name)?.question ?? '';
  const isOpening = name.startsWith('open');
  const lines = rows.map((figure) => {
    const { median } = figure;
    const speed = isOpening
      ? `${median((run) => run.openMs).toFixed(1)} ms`
      : `${grouped(figure.speed)} (${grouped(figure.lowest)}–${grouped(figure.highest)})`;
    const cells = [
      figure.store,
      speed,
      median((run) => run.callMicroseconds.p50).toFixed(1),
      median((run) => run.callMicroseconds.p99).toFixed(1),
      median((run) => run.callMicroseconds.p999).toFixed(1),
      (median((run) => run.callMicroseconds.max) / 1000).toFixed(1),
      median((run) => run.eventLoopDelayMs.p99).toFixed(1),
      median((run) => run.cpuMicroseconds).toFixed(2),
      megabytes(median((run) => run.rssPeakBytes)),
      megabytes(median((run) => run.diskBytes)),
      median((run) => run.userBytes) > 0 ? median((run) => run.writtenBytes / run.userBytes).toFixed(2) : '',
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    `### ${name}`,
    '',
    `${question[0]?.toUpperCase()}${question.slice(1)}; ${grouped(rows[0]?.entries ?? 0)} entries.`,
    '',
    `| store | ${isOpening ? 'opening' : 'ops/s'} | p50 µs | p99 µs | p99.9 µs | max ms | loop p99 ms | CPU µs/op | RSS MB | disk MB | amp |`,
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
    '',
  ];
}

/** @param {import('./figures.js').Figure[]} figures */
async function storeSection(figures) {
  const names = [...new Set(figures.map(({ store }) => store))];
  const kinds = await Promise.all(names.map(loadStore));
  return [
    '## The stores',
    '',
    '| store | version | settings | what it does better |',
    '|---|---|---|---|',
    ...kinds.map(({ name, version, settings, better }) => `| ${name} | ${version} | ${settings} | ${better} |`),
    '',
  ];
}

/**
 * @param {{ cells: import('./figures.js').Result[] }[]} reports
 * @returns {import('./figures.js').Figure[]} of each workload and size those of the first report that has it
 */
function firstOfEach(reports) {
  const seen = new Set();
  return reports.flatMap(({ cells }) => {
    const placeOf = ({ workload, entries }) => `${workload} ${entries}`;
    const figures = figuresOf(cells).filter((figure) => !seen.has(placeOf(figure)));
    for (const figure of figures) seen.add(placeOf(figure));
    return figures;
  });
}

/**
 * @param {string} folder that docs/benchmarks.md is in
 * @param {{ machine: string, commit: string, cells: import('./figures.js').Result[] }[]} reports of what several measured the first is drawn and compared
 */
export async function writePage(folder, reports) {
  const pictures = join(folder, 'benchmarks');
  mkdirSync(pictures, { recursive: true });
  const main = firstOfEach(reports);
  const lines = [
    '# Benchmarks',
    '',
    '<!-- Written by `npm run bench -- --page docs`; do not edit. -->',
    '',
    '## Method',
    '',
    method,
    '',
  ];
  for (const { machine, commit, cells } of reports) {
    const measured = [...new Set(cells.map(({ workload }) => workload))].join(', ');
    lines.push(`${machine}; commit ${commit}${reports.length > 1 ? `: ${measured}` : ''}.`, '');
  }
  lines.push(...(await storeSection(main)), '## What was asked, and what was seen', '', ...goalRows(main), '');
  for (const [name, title, shown] of plots) {
    const rows = ofSmallestSize(main)
      .filter(({ workload }) => shown.includes(workload))
      .map(({ workload, store, speed }) => ({ workload, store, value: speed }));
    if (rows.length === 0) continue;
    writeFileSync(join(pictures, `${name}.svg`), await drawBars({ title, unit: 'a second', rows }));
    lines.push(`![${title}](benchmarks/${name}.svg)`, '');
  }
  lines.push('## Every figure', '');
  for (const report of reports) {
    const figures = figuresOf(report.cells);
    for (const { name } of workloads) lines.push(...workloadSection(figures, name));
  }
  writeFileSync(join(folder, 'benchmarks.md'), `${lines.join('\n').trimEnd()}\n`);
}
