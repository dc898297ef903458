/** The command line of the benchmarks. */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { workloads } from './workloads/index.js';

export const usage = `npm run bench -- [options]

  --entries N          entries of the database (1000000)
  --value-bytes N      bytes of a value (100)
  --only NAME          one workload; may be given again
  --runs N             runs of each workload, of which the median is shown (1)
  --json FILE          write every run with all its figures
  --directory D        below which databases are made, each in a fresh directory (the system's temporary one)
  --memtable-bytes N   \\
  --cache-bytes N       | as in BackendConfig; for all workloads
  --compression NAME    |
  --preset NAME        /  (compaction: balanced, read, write or space)
  --profile D          let node write a CPU profile of each measured process to D

Workloads:
${workloads.map(({ name, question }) => `  ${name.padEnd(20)} ${question}`).join('\n')}`;

/**
 * @typedef {object} BenchOptions
 * @property {number} entries
 * @property {number} valueBytes
 * @property {import('./workloads/write.js').Workload[]} chosen
 * @property {number} runs
 * @property {string | undefined} json
 * @property {string} directory
 * @property {string | undefined} profile
 * @property {Partial<import('varve').BackendConfig>} config
 */

/**
 * @param {string} name
 * @param {string | undefined} given
 * @param {number | undefined} fallback
 */
function wholeNumber(name, given, fallback) {
  if (given === undefined) return fallback;
  const number = Number(given.replaceAll('_', ''));
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} is a whole number above 0, not ${given}`);
  return number;
}

/**
 * @param {string[]} args
 * @returns {BenchOptions | undefined} undefined where help was asked for
 */
export function parseOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      entries: { type: 'string' },
      'value-bytes': { type: 'string' },
      only: { type: 'string', multiple: true },
      runs: { type: 'string' },
      json: { type: 'string' },
      directory: { type: 'string' },
      'memtable-bytes': { type: 'string' },
      'cache-bytes': { type: 'string' },
      compression: { type: 'string' },
      preset: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const unknown = (values.only ?? []).filter((name) => !workloads.some((workload) => workload.name === name));
  if (unknown.length > 0) throw new Error(`no workload is named ${unknown.join(' or ')}; --help lists them`);
  const config = {
    memtableBytes: wholeNumber('memtable-bytes', values['memtable-bytes'], undefined),
    cacheBytes: wholeNumber('cache-bytes', values['cache-bytes'], undefined),
    compression: values.compression,
    compaction: values.preset,
  };
  return {
    entries: wholeNumber('entries', values.entries, 1_000_000),
    valueBytes: wholeNumber('value-bytes', values['value-bytes'], 100),
    chosen: values.only === undefined ? workloads : workloads.filter(({ name }) => values.only.includes(name)),
    runs: wholeNumber('runs', values.runs, 1),
    json: values.json,
    directory: values.directory ?? tmpdir(),
    profile: values.profile,
    config: Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)),
  };
}
