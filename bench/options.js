/** The command line of the benchmarks. */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { storeNames } from './stores/index.js';
import { workloads } from './workloads/index.js';

/** What the small tier leaves out: what needs many entries to say something, and what takes long. */
const smallTier = [
  'fillseq',
  'fillrandom',
  'overwrite',
  'fillsingle',
  'fillsync-100',
  'readrandom',
  'readmissing',
  'readseq',
  'readreverse',
  'seekrandom',
];

export const usage = `npm run bench -- [options]          the small tier: ${smallTier.length} workloads, 100 000 entries, under five minutes
npm run bench:full -- [options]     everything, a million entries, three runs

  --tier small|full    sets the options below that are not given
  --entries N          entries of a store
  --value-bytes N      bytes of a value (100), where the workload does not say so itself
  --runs N             runs of each cell, the stores taking turns; the median is shown
  --only NAME          one workload; may be given again
  --store NAME         one store; may be given again
  --json FILE          write every run with all its figures
  --page FOLDER        write the page benchmarks.md and its plots, from this run or from --from
  --from FILE          do not run: take the runs that --json wrote; may be given again
  --directory D        below which stores are made, each in a fresh directory (the system's temporary one)
  --config JSON        options of openBackend for varve, as {"memtableBytes": 8388608}
  --profile D          let node write a CPU profile of each measured process to D

Stores: ${storeNames.join(', ')}

Workloads:
${workloads.map(({ name, question }) => `  ${name.padEnd(20)} ${question}`).join('\n')}`;

/**
 * @typedef {object} BenchOptions
 * @property {string} tier
 * @property {number} entries
 * @property {number} valueBytes
 * @property {number} runs
 * @property {import('./workloads/write.js').Workload[]} chosen
 * @property {string[]} stores
 * @property {string | undefined} json
 * @property {string | undefined} page
 * @property {string[]} from
 * @property {string} directory
 * @property {object} config
 * @property {string | undefined} profile
 */

/**
 * @param {string} name
 * @param {string | undefined} given
 * @param {number} fallback
 */
function wholeNumber(name, given, fallback) {
  if (given === undefined) return fallback;
  const number = Number(given.replaceAll('_', ''));
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} is a whole number above 0, not ${given}`);
  return number;
}

/**
 * @param {string} what
 * @param {readonly string[]} given
 * @param {readonly string[]} known
 */
function checkNames(what, given, known) {
  const unknown = given.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no ${what} is named ${unknown.join(' or ')}; --help lists them`);
}

/**
 * @param {string[]} args
 * @returns {BenchOptions | undefined} undefined where help was asked for
 */
export function parseOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      tier: { type: 'string', default: 'small' },
      entries: { type: 'string' },
      'value-bytes': { type: 'string' },
      runs: { type: 'string' },
      only: { type: 'string', multiple: true },
      store: { type: 'string', multiple: true },
      json: { type: 'string' },
      page: { type: 'string' },
      from: { type: 'string', multiple: true },
      directory: { type: 'string' },
      config: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  if (values.tier !== 'small' && values.tier !== 'full') throw new Error(`--tier is small or full, not ${values.tier}`);
  const isSmall = values.tier === 'small';
  const names = values.only ?? (isSmall ? smallTier : workloads.map(({ name }) => name));
  checkNames(
    'workload',
    names,
    workloads.map(({ name }) => name),
  );
  checkNames('store', values.store ?? [], storeNames);
  return {
    tier: values.tier,
    entries: wholeNumber('entries', values.entries, isSmall ? 100_000 : 1_000_000),
    valueBytes: wholeNumber('value-bytes', values['value-bytes'], 100),
    runs: wholeNumber('runs', values.runs, isSmall ? 1 : 3),
    chosen: workloads.filter(({ name }) => names.includes(name)),
    stores: values.store ?? storeNames,
    json: values.json,
    page: values.page,
    from: values.from ?? [],
    directory: values.directory ?? tmpdir(),
    config: JSON.parse(values.config ?? '{}'),
    profile: values.profile,
  };
}
