/** What is printed while the benchmarks run: a line a cell. */
import { grouped, speedOf } from './figures.js';

const columns = [
  ['workload', 17],
  ['store', 15],
  ['run', 3],
  ['ops/s', 11],
  ['ops/s ack', 11],
  ['p50 µs', 10],
  ['p99 µs', 10],
  ['p99.9 µs', 10],
  ['max ms', 8],
  ['of', 7],
  ['loop p99', 8],
  ['cpu µs', 7],
  ['RSS MB', 7],
  ['disk MB', 8],
  ['amp', 6],
  ['open ms', 8],
];

/** @returns {string} */
export function headLine() {
  return row(columns.map(([name]) => name));
}

/** @param {string[]} cells */
function row(cells) {
  return cells.map((cell, i) => (i < 2 ? cell.padEnd(columns[i][1]) : cell.padStart(columns[i][1]))).join(' ');
}

/**
 * @param {import('./figures.js').Result} result
 * @returns {string}
 */
export function cellLine(result) {
  const { callMicroseconds: call } = result;
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  return row([
    result.workload,
    result.store,
    String(result.run),
    grouped(speedOf(result)),
    grouped(result.operations / (result.acknowledgedMs / 1000)),
    call.p50.toFixed(1),
    call.p99.toFixed(1),
    call.p999.toFixed(1),
    (call.max / 1000).toFixed(1),
    String(result.callOperations),
    result.eventLoopDelayMs.p99.toFixed(1),
    result.cpuMicroseconds.toFixed(2),
    megabytes(result.rssPeakBytes),
    megabytes(result.diskBytes),
    result.userBytes > 0 ? (result.writtenBytes / result.userBytes).toFixed(2) : '',
    result.openMs.toFixed(0),
  ]);
}
