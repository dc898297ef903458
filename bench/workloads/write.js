/**
 * Workloads that write: how fast are puts, in which order, in batches of which size, synced how often?
 *
 * A program that lives on an event loop gives it a turn now and then, and so do these: every 10 000 operations.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { keyBytes, permutation } from '../data.js';

const operationsPerTurn = 10_000;
const batchPuts = 1000;
/** Seeds of the orders; an overwrite comes in another order than the fill. */
const seeds = { fill: 0x9e37, overwrite: 0x85eb, delete: 0xca6b };

/**
 * @typedef {object} Context
 * @property {import('../stores/store.js').Store} store
 * @property {number} entries
 * @property {import('../data.js').DigitKeys | import('../data.js').NameKeys} keys with at least 1000 slots
 * @property {import('../data.js').Values} values
 * @property {number} valueBytes
 * @property {import('../measure.js').Meter} meter
 */

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} question
 * @property {'empty' | 'filled' | 'killed'} start what the store holds: nothing, all entries and at rest, or what a killed process left
 * @property {boolean} [mayReuse] whether it leaves the store as it was
 * @property {boolean} [isDurable] whether each acknowledged write is synced
 * @property {boolean} [isFill] whether its speed is counted until the store is drained
 * @property {'hot' | 'cold'} [cache] room for everything, or for a twentieth and an empty page cache; absent: the default of 64 MiB
 * @property {number} [valueBytes]
 * @property {'names'} [keys]
 * @property {(entries: number) => number} [scale] how many entries it works on
 * @property {string[]} [only] the stores that can do it
 * @property {(context: Context) => Promise<void>} run
 */

/**
 * @param {Context} context
 * @param {{ order: Uint32Array | undefined, batch: number, generation: number }} how
 */
export async function putAll({ store, entries, keys, values, meter, valueBytes }, { order, batch, generation }) {
  const batchKeys = new Array(batch);
  const batchValues = new Array(batch);
  let untilTurn = operationsPerTurn;
  let keysBytes = 0;
  meter.start(batch);
  for (let done = 0; done < entries;) {
    const count = Math.min(batch, entries - done);
    for (let i = 0; i < count; i++) {
      const entry = order === undefined ? done + i : order[done + i];
      batchKeys[i] = keys.of(entry, i);
      batchValues[i] = values.of(entry, generation);
      keysBytes += batchKeys[i].length;
    }
    const beganAt = performance.now();
    const acknowledged = store.putBatch(batchKeys, batchValues, count);
    if (acknowledged !== undefined) await acknowledged;
    meter.call(beganAt);
    done += count;
    untilTurn -= count;
    if (untilTurn > 0) continue;
    untilTurn = operationsPerTurn;
    await turn();
  }
  await store.flush();
  meter.acknowledged(entries, keysBytes + entries * valueBytes);
}

/**
 * Puts all entries in random order: what every workload that starts on a full store begins with.
 * @param {Context} context
 */
export function fillRandom(context) {
  return putAll(context, { order: permutation(context.entries, seeds.fill), batch: batchPuts, generation: 0 });
}

/** @param {Context} context */
async function putSingly({ store, entries, keys, values, meter, valueBytes }) {
  const order = permutation(entries, seeds.fill);
  const key = new Array(1);
  const value = new Array(1);
  meter.start(1);
  for (let done = 0; done < entries; done++) {
    key[0] = keys.of(order[done], 0);
    value[0] = values.of(order[done], 0);
    const beganAt = performance.now();
    const acknowledged = store.putVisible(key, value, 1);
    if (acknowledged !== undefined) await acknowledged;
    meter.call(beganAt);
    if (done % operationsPerTurn === 0) await turn();
  }
  await store.flush();
  meter.acknowledged(entries, entries * (keyBytes + valueBytes));
}

/** @param {Context} context */
async function deleteHalf({ store, entries, keys, meter }) {
  const order = permutation(entries, seeds.delete);
  const half = entries >> 1;
  const batchKeys = new Array(batchPuts);
  let untilTurn = operationsPerTurn;
  meter.start(batchPuts);
  for (let done = 0; done < half;) {
    const count = Math.min(batchPuts, half - done);
    for (let i = 0; i < count; i++) batchKeys[i] = keys.of(order[done + i], i);
    const beganAt = performance.now();
    const acknowledged = store.deleteBatch(batchKeys, count);
    if (acknowledged !== undefined) await acknowledged;
    meter.call(beganAt);
    done += count;
    untilTurn -= count;
    if (untilTurn > 0) continue;
    untilTurn = operationsPerTurn;
    await turn();
  }
  await store.flush();
  meter.acknowledged(half, half * keyBytes);
}

/** About as many bytes as `entries` entries of 116 bytes are, in larger values. */
const alikeInBytes = (valueBytes) => (entries) => Math.max(1000, Math.floor((entries * 116) / (keyBytes + valueBytes)));

const canSync = ['varve', 'classic-level', 'lmdb', 'better-sqlite3', 'bare-loop'];

/** @type {Workload[]} */
export const writeWorkloads = [
  {
    name: 'fillseq',
    question: 'puts in key order, 1000 a batch',
    start: 'empty',
    isFill: true,
    run: (context) => putAll(context, { order: undefined, batch: batchPuts, generation: 0 }),
  },
  { name: 'fillrandom', question: 'puts in random order, 1000 a batch', start: 'empty', isFill: true, run: fillRandom },
  {
    name: 'overwrite',
    question: 'every entry again with another value, in another random order, 1000 a batch',
    start: 'filled',
    isFill: true,
    run: (context) => putAll(context, { order: permutation(context.entries, seeds.overwrite), batch: batchPuts, generation: 1 }),
  },
  {
    name: 'fillsingle',
    question: 'puts in random order, one by one, each visible before the next',
    start: 'empty',
    isFill: true,
    run: putSingly,
  },
  {
    name: 'fillsync-1',
    question: 'puts in random order, each synced before the next (a hundredth of the entries)',
    start: 'empty',
    isDurable: true,
    isFill: true,
    only: canSync,
    scale: (entries) => Math.max(500, Math.floor(entries / 100)),
    run: (context) => putAll(context, { order: permutation(context.entries, seeds.fill), batch: 1, generation: 0 }),
  },
  {
    name: 'fillsync-100',
    question: 'puts in random order, 100 a batch, each batch synced before the next',
    start: 'empty',
    isDurable: true,
    isFill: true,
    only: canSync,
    run: (context) => putAll(context, { order: permutation(context.entries, seeds.fill), batch: 100, generation: 0 }),
  },
  {
    name: 'deleterandom',
    question: 'half of the entries deleted in random order, 1000 a batch',
    start: 'filled',
    isFill: true,
    run: deleteHalf,
  },
  ...[20, 1024, 16_384].map((valueBytes) => ({
    name: `fillrandom-${valueBytes < 1024 ? `${valueBytes}B` : `${valueBytes / 1024}KiB`}`,
    question: `fillrandom with values of ${valueBytes} bytes${valueBytes > 100 ? ', as many bytes in all' : ''}`,
    start: /** @type {const} */ ('empty'),
    isFill: true,
    valueBytes,
    scale: valueBytes > 100 ? alikeInBytes(valueBytes) : undefined,
    run: fillRandom,
  })),
  {
    name: 'fillrandom-names',
    question: 'fillrandom with the names of the packages of npm as keys',
    start: 'empty',
    isFill: true,
    keys: 'names',
    run: fillRandom,
  },
];
