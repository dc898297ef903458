/** What the benchmarks print: the machine, then a line a workload. */
import { cpus, totalmem } from 'node:os';

const columns = [
  ['workload', 16],
  ['ops/s', 11],
  ['ops/s idle', 11],
  ['p50 µs', 10],
  ['p99 µs', 10],
  ['p99.9 µs', 10],
  ['max ms', 8],
  ['of', 5],
  ['disk MB', 8],
  ['amp', 6],
  ['RSS MB', 7],
  ['stalls ms', 10],
];

/**
 * The machine and the moment. Figures of different machines are not compared.
 * @returns {string}
 */
export function machineLine() {
  const all = cpus();
  const gigabytes = (totalmem() / 2 ** 30).toFixed(1);
  const date = new Date().toISOString().slice(0, 16).replace('T', ' ');
  return `${all[0]?.model ?? 'unknown CPU'}, ${all.length} cores, ${gigabytes} GiB, Node ${process.version}, ${process.platform} ${process.arch}, ${date} UTC`;
}

/** @returns {string} */
export function headLine() {
  return row(columns.map(([name]) => name));
}

/** @param {string[]} cells */
function row(cells) {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(columns[i][1]) : cell.padStart(columns[i][1]))).join(' ');
}

/** @param {number} number */
function grouped(number) {
  return Math.round(number)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '_');
}

/**
 * @param {string} name
 * @param {import('./measure.js').Measurement} measurement
 * @returns {string}
 */
export function workloadLine(name, measurement) {
  const { operations, committedMs, idleMs, sectionMicroseconds: section, sectionOperations, stats } = measurement;
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  const isWrite = stats.userBytesWritten > 0;
  return row([
    name,
    grouped(operations / (committedMs / 1000)),
    isWrite ? grouped(operations / (idleMs / 1000)) : '',
    section.p50.toFixed(1),
    section.p99.toFixed(1),
    section.p999.toFixed(1),
    (section.max / 1000).toFixed(1),
    String(sectionOperations),
    megabytes(measurement.diskBytes),
    isWrite ? measurement.writeAmplification.toFixed(2) : '',
    megabytes(measurement.rssPeakBytes),
    isWrite ? `${stats.stalls.count}: ${stats.stalls.totalMs.toFixed(0)}` : '',
  ]);
}

/**
 * The run whose speed is the median: its figures belong together, which a median of each column would not.
 * @param {import('./measure.js').Measurement[]} measurements
 * @returns {import('./measure.js').Measurement}
 */
export function medianRun(measurements) {
  const sorted = [...measurements].sort((a, b) => a.operations / a.committedMs - b.operations / b.committedMs);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
