/**
 * Workloads that write: how fast are puts, in which order, in sections of which size, made durable how often?
 *
 * A program that lives on an event loop gives it a turn now and then, and so do these. Where commits are not awaited one by one, a turn
 * (setImmediate) comes every 10_000 puts: that is the store's own batchLimit, at which it starts a commit, so every commit that the
 * workload caused can move on before the next one is due. Each workload ends by awaiting the commit of everything.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { keyBytes, permutation, writeKey } from '../data.js';

const putsPerTurn = 10_000;
/** Seeds of the orders; an overwrite comes in another order than the fill. */
const seeds = [0x9e37, 0x85eb];

/**
 * @typedef {object} Context
 * @property {import('varve').Backend} backend
 * @property {string} bucket that exists
 * @property {number} entries
 * @property {import('../data.js').Values} values
 * @property {import('../measure.js').Meter} meter
 */

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} question
 * @property {boolean} isFilled whether it starts on a database that holds all entries
 * @property {Partial<import('varve').BackendConfig>} config
 * @property {(context: Context) => Promise<void>} run
 */

/**
 * Puts all entries.
 * @param {Context} context
 * @param {{ order: Uint32Array | undefined, sectionPuts: number, generation: number, awaitEach: boolean }} how
 */
async function putAll({ backend, bucket, entries, values, meter }, { order, sectionPuts, generation, awaitEach }) {
  const tx = backend.batchTx();
  const name = Buffer.from(bucket);
  const key = Buffer.alloc(keyBytes);
  let untilTurn = putsPerTurn;
  meter.start(sectionPuts);
  for (let done = 0; done < entries;) {
    const end = Math.min(entries, done + sectionPuts);
    const beganAt = performance.now();
    tx.lock();
    for (let i = done; i < end; i++) {
      const entry = order === undefined ? i : order[i];
      writeKey(key, entry);
      if (order === undefined) tx.unsafeSeqPut(name, key, values.of(entry, generation));
      else tx.unsafePut(name, key, values.of(entry, generation));
    }
    tx.unlock();
    if (awaitEach) await tx.commit();
    meter.section(beganAt);
    untilTurn -= end - done;
    done = end;
    if (untilTurn > 0 || awaitEach) continue;
    untilTurn = putsPerTurn;
    await turn();
  }
  await tx.commit();
  meter.committed(entries);
}

/**
 * Fills a database for the workloads that read; not measured.
 * @param {Context} context
 */
export async function fill(context) {
  await putAll(context, { order: permutation(context.entries, seeds[0]), sectionPuts: 1000, generation: 0, awaitEach: false });
}

/** @type {Workload[]} */
export const writeWorkloads = [
  {
    name: 'fill-sequential',
    question: 'puts in key order, 1000 a section, no fsync',
    isFilled: false,
    config: { unsafeNoFsync: true },
    run: (context) => putAll(context, { order: undefined, sectionPuts: 1000, generation: 0, awaitEach: false }),
  },
  {
    name: 'fill-random',
    question: 'puts in random order, 1000 a section, no fsync',
    isFilled: false,
    config: { unsafeNoFsync: true },
    run: fill,
  },
  {
    name: 'fill-single',
    question: 'puts in random order, each a section of its own and visible at once, no fsync',
    isFilled: false,
    config: { unsafeNoFsync: true },
    run: (context) =>
      putAll(context, { order: permutation(context.entries, seeds[0]), sectionPuts: 1, generation: 0, awaitEach: false }),
  },
  {
    name: 'fill-durable',
    question: 'puts in random order, 100 a section, each section awaited with its fsync',
    isFilled: false,
    config: {},
    run: (context) =>
      putAll(context, { order: permutation(context.entries, seeds[0]), sectionPuts: 100, generation: 0, awaitEach: true }),
  },
  {
    name: 'overwrite',
    question: 'every entry again with another value, in another random order, 1000 a section, no fsync',
    isFilled: true,
    config: { unsafeNoFsync: true },
    run: (context) =>
      putAll(context, { order: permutation(context.entries, seeds[1]), sectionPuts: 1000, generation: 1, awaitEach: false }),
  },
];
