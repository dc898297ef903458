/**
 * Statistics as Prometheus reads them: its text format, version 0.0.4, without a client library. docs/observability.md lists the metrics.
 *
 * Invariants:
 * 1. Counters end in `_total`; bytes and seconds are the units, named at the end of the name before that.
 * 2. Metrics are only ever added: a dashboard that works goes on working.
 */
import type { Backend, BackendStats } from '../api.js';
import { invalidArgument } from '../errors.js';
import { describe } from '../options.js';

/** The `Content-Type` of the text. */
export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** One line: labels of its own, and a value. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];
type Metric = readonly [
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  samples: (stats: BackendStats) => number | Sample[],
];

const perLevel =
  (field: 'files' | 'bytes' | 'runs') =>
  ({ levels }: BackendStats): Sample[] =>
    levels.map((level, number) => [{ level: String(number) }, level[field]]);

const metrics: readonly Metric[] = [
  ['level_tables', 'gauge', 'Tables in a level.', perLevel('files')],
  ['level_bytes', 'gauge', 'Bytes on disk of the tables in a level.', perLevel('bytes')],
  ['level_runs', 'gauge', 'Sorted runs in a level.', perLevel('runs')],
  ['memtable_bytes', 'gauge', 'Bytes in memtables, their indexes included.', (stats) => stats.memtableBytes],
  ['user_written_bytes_total', 'counter', 'Bytes of keys and values that were put.', (stats) => stats.userBytesWritten],
  ['wal_written_bytes_total', 'counter', 'Bytes written to logs.', (stats) => stats.walBytesWritten],
  ['flush_written_bytes_total', 'counter', 'Bytes of tables written by flushes.', (stats) => stats.flushBytesWritten],
  [
    'compaction_written_bytes_total',
    'counter',
    'Bytes of tables written by compactions.',
    (stats) => stats.compactionBytesWritten,
  ],
  [
    'commit_latency_seconds',
    'gauge',
    'Time from the start of a commit to its durability, since the database was opened; quantile 1 is the longest.',
    ({ commitLatencyMs: { p50, p99, max } }) => [
      [{ quantile: '0.5' }, p50 / 1000],
      [{ quantile: '0.99' }, p99 / 1000],
      [{ quantile: '1' }, max / 1000],
    ],
  ],
  ['commits_timed_total', 'counter', 'Commits that the latency is that of.', (stats) => stats.commitLatencyMs.count],
  ['commits_total', 'counter', 'Commits that wrote something.', (stats) => stats.commits],
  ['cache_bytes', 'gauge', 'Bytes in the cache.', (stats) => stats.cache.bytes],
  ['cache_hits_total', 'counter', 'Blocks and rows found in the cache.', (stats) => stats.cache.hits],
  ['cache_misses_total', 'counter', 'Blocks, filters and indexes read from a file.', (stats) => stats.cache.misses],
  ['stalls_total', 'counter', 'Times that a writer was held up by background work.', (stats) => stats.stalls.count],
  [
    'stall_seconds_total',
    'counter',
    'Time that writers were held up by background work.',
    (stats) => stats.stalls.totalMs / 1000,
  ],
  ['flushes_total', 'counter', 'Memtables that were flushed.', (stats) => stats.flushes],
  ['compactions_total', 'counter', 'Compactions that were done, moves included.', (stats) => stats.compactions],
  [
    'background_failures_total',
    'counter',
    'Flushes and compactions that failed and were tried again.',
    (stats) => stats.backgroundFailures,
  ],
  ['blocks_copied_total', 'counter', 'Blocks that compaction copied as they are.', (stats) => stats.blocksCopied],
  ['tables_moved_total', 'counter', 'Tables that compaction moved without reading them.', (stats) => stats.tablesMoved],
];

/** Names that samples have of their own. */
const ownLabels = ['level', 'quantile'];

function checkLabels(labels: unknown): asserts labels is Readonly<Record<string, string>> {
  if (typeof labels !== 'object' || labels === null) throw invalidArgument(`labels are an object, not ${describe(labels)}`);
  for (const [name, value] of Object.entries(labels)) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || name.startsWith('__') || ownLabels.includes(name))
      throw invalidArgument(
        `a label has letters, digits and underscores, and is not one of ${ownLabels.join(', ')}: ${describe(name)} is none`,
      );
    if (typeof value !== 'string') throw invalidArgument(`the label ${name} is a string, not ${describe(value)}`);
  }
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/**
 * The statistics of a backend, or some that `stats()` gave, in the text format of Prometheus. `labels` are put on every sample, to tell databases of
 * one process apart. VARVE_INVALID_ARGUMENT for labels that Prometheus would refuse; VARVE_CLOSED where the backend is closed.
 */
export function prometheusText(
  source: Pick<Backend, 'stats'> | BackendStats,
  options: { labels?: Record<string, string> } = {},
): string {
  if (typeof source !== 'object' || source === null)
    throw invalidArgument(`the source is a backend or its statistics, not ${describe(source)}`);
  if (typeof options !== 'object' || options === null)
    throw invalidArgument(`the options are an object, not ${describe(options)}`);
  const { labels = {} } = options;
  checkLabels(labels);
  const stats = 'stats' in source ? source.stats() : source;
  let text = '';
  for (const [name, type, help, read] of metrics) {
    text += `# HELP varve_${name} ${help}\n# TYPE varve_${name} ${type}\n`;
    const given = read(stats);
    const samples: readonly Sample[] = typeof given === 'number' ? [[{}, given]] : given;
    for (const [own, value] of samples) text += `varve_${name}${labelText({ ...labels, ...own })} ${value}\n`;
  }
  return text;
}
