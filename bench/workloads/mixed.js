/** Workloads that read and write at once, and one that writes no faster than it must. */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { keyBytes, Random, Zipf } from '../data.js';

const groupOperations = 20;
const callsPerTurn = 100;
const pacedBytesPerSecond = 20_000_000;
const pacedSeconds = 5;
const pacedBatch = 100;
const writesPerSecond = 10_000;

/**
 * Groups of 20 operations on keys of which few are asked for often: a part of them puts of one batch, the rest reads.
 * @param {import('./write.js').Context} context
 * @param {number} puts of each group
 */
async function mix({ store, entries, keys, values, meter, valueBytes }, puts) {
  const zipf = new Zipf(entries, new Random(0x51ed));
  const putKeys = new Array(puts);
  const putValues = new Array(puts);
  const reads = groupOperations - puts;
  const readKeys = new Array(reads);
  const results = new Array(reads);
  const groups = Math.ceil(entries / groupOperations);
  meter.start(groupOperations);
  for (let group = 0; group < groups; group++) {
    for (let i = 0; i < puts; i++) {
      const entry = zipf.next();
      putKeys[i] = keys.of(entry, i);
      putValues[i] = values.of(entry, group);
    }
    for (let i = 0; i < reads; i++) readKeys[i] = keys.of(zipf.next(), puts + i);
    const beganAt = performance.now();
    const written = store.putBatch(putKeys, putValues, puts);
    if (written !== undefined) await written;
    const read = store.getMany(readKeys, reads, results);
    if (read !== undefined) await read;
    meter.call(beganAt);
    for (let i = 0; i < reads; i++) if (results[i] === undefined) throw new Error('a key that is there was not found');
    if (group % callsPerTurn === 0) await turn();
  }
  await store.flush();
  meter.acknowledged(groups * groupOperations, groups * puts * (keyBytes + valueBytes));
}

/**
 * Point reads, 100 a call, while 10 000 puts a second go in: only the reads are counted.
 * @param {import('./write.js').Context} context
 */
async function readWhileWriting({ store, entries, keys, values, meter }) {
  const random = new Random(0x2545);
  const readKeys = new Array(100);
  const results = new Array(100);
  const calls = Math.ceil(entries / 100);
  let written = 0;
  meter.start(100);
  const beginning = performance.now();
  for (let call = 0; call < calls; call++) {
    const due = Math.floor(((performance.now() - beginning) / 1000) * writesPerSecond) - written;
    if (due >= 100) {
      const count = Math.min(due, 500);
      const putKeys = Array.from({ length: count }, (_, i) => keys.of(random.below(entries), 100 + i));
      const putValues = putKeys.map((_, i) => values.of(i, call));
      const acknowledged = store.putBatch(putKeys, putValues, count);
      if (acknowledged !== undefined) await acknowledged;
      written += count;
    }
    for (let i = 0; i < 100; i++) readKeys[i] = keys.of(random.below(entries), i);
    const beganAt = performance.now();
    const read = store.getMany(readKeys, 100, results);
    if (read !== undefined) await read;
    meter.call(beganAt);
    if (call % 10 === 0) await turn();
  }
  meter.acknowledged(calls * 100);
  meter.extra = { written };
  await store.flush();
}

/**
 * 20 MB a second for five seconds, 100 puts a batch, each batch when it is due: what does the event loop feel of it?
 * @param {import('./write.js').Context} context
 */
async function writePaced({ store, entries, keys, values, meter, valueBytes }) {
  const random = new Random(0x7f4a);
  const batchBytes = pacedBatch * (keyBytes + valueBytes);
  const batches = Math.floor((pacedBytesPerSecond * pacedSeconds) / batchBytes);
  const putKeys = new Array(pacedBatch);
  const putValues = new Array(pacedBatch);
  meter.start(pacedBatch);
  const beginning = performance.now();
  for (let batch = 0; batch < batches; batch++) {
    const dueMs = ((batch * batchBytes) / pacedBytesPerSecond) * 1000;
    // Several batches are due in a millisecond, which is what a timer can tell.
    if (dueMs - (performance.now() - beginning) > 1) await sleep(1);
    else if (batch % 4 === 0) await turn();
    for (let i = 0; i < pacedBatch; i++) {
      const entry = random.below(entries);
      putKeys[i] = keys.of(entry, i);
      putValues[i] = values.of(entry, batch);
    }
    const beganAt = performance.now();
    const acknowledged = store.putBatch(putKeys, putValues, pacedBatch);
    if (acknowledged !== undefined) await acknowledged;
    meter.call(beganAt);
  }
  await store.flush();
  meter.acknowledged(batches * pacedBatch, batches * batchBytes);
}

/** @type {import('./write.js').Workload[]} */
export const mixedWorkloads = [
  { name: 'readwhilewriting', question: 'point reads beside 10 000 puts a second', start: 'filled', run: readWhileWriting },
  {
    name: 'mixed-95-5',
    question: '95 % reads and 5 % puts, few keys asked for often',
    start: 'filled',
    run: (context) => mix(context, 1),
  },
  {
    name: 'mixed-50-50',
    question: 'half reads and half puts, few keys asked for often',
    start: 'filled',
    run: (context) => mix(context, 10),
  },
  {
    name: 'paced',
    question: '20 MB of puts a second, 100 a batch: the delay of the event loop',
    start: 'filled',
    run: writePaced,
  },
];
