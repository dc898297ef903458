/**
 * Workloads that read a store which was filled in random order and is at rest: how fast is one key, a scan, a short range?
 *
 * A call is 100 point reads, 1000 entries of a scan, or one range of 10; after 100 calls the event loop gets a turn, as it would between two
 * requests of a server. A pass begins when what the one before set off, such as a merge, has ended. Every 64th value is compared with what was
 * put: looking at all of them would be a part of the figure.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { permutation, Random } from '../data.js';
import { untilQuiet } from '../measure.js';

const groupReads = 100;
const scanGroup = 1000;
const callsPerTurn = 100;
const rangeLimit = 10;
const checkedRead = 64;
/** The first pass may set off a merge, the second warms what that made, the third is measured. */
const hotPasses = 3;

/**
 * @param {import('./write.js').Context} context
 * @param {{ isHit: boolean, passes: number }} how only the last pass is measured
 */
async function readPoints({ store, entries, keys, values, meter }, { isHit, passes }) {
  const order = permutation(entries, 0xc2b2);
  const group = new Array(groupReads);
  const results = new Array(groupReads);
  let found = 0;
  for (let pass = 0; pass < passes; pass++) {
    if (pass > 0) await untilQuiet(meter.directory);
    found = 0;
    let calls = 0;
    meter.start(groupReads);
    for (let done = 0; done < entries;) {
      const count = Math.min(groupReads, entries - done);
      for (let i = 0; i < count; i++) group[i] = isHit ? keys.of(order[done + i], i) : keys.missing(order[done + i], i);
      const beganAt = performance.now();
      const read = store.getMany(group, count, results);
      if (read !== undefined) await read;
      meter.call(beganAt);
      for (let i = 0; i < count; i++) if (results[i] !== undefined) found++;
      if (isHit && calls % checkedRead === 0 && !results[0]?.equals(values.of(order[done], 0)))
        throw new Error(`entry ${order[done]} has a wrong value`);
      done += count;
      if (++calls % callsPerTurn === 0) await turn();
    }
    meter.acknowledged(entries);
  }
  if (found !== (isHit ? entries : 0)) throw new Error(`${found} of ${entries} reads found a value`);
}

/**
 * @param {import('./write.js').Context} context
 * @param {boolean} isReverse
 */
async function scanAll({ store, entries, meter }, isReverse) {
  let seen = 0;
  let bytes = 0;
  for (let pass = 0; pass < hotPasses; pass++) {
    if (pass > 0) await untilQuiet(meter.directory);
    seen = 0;
    meter.start(scanGroup);
    let beganAt = performance.now();
    const walked = store.scan(isReverse, (key, value) => {
      bytes += key.length + value.length;
      if (++seen % scanGroup === 0) beganAt = meter.call(beganAt);
    });
    if (walked !== undefined) await walked;
    meter.acknowledged(entries);
    await turn();
  }
  if (seen !== entries || bytes < seen) throw new Error(`a scan saw ${seen} of ${entries} entries`);
}

/** @param {import('./write.js').Context} context */
async function seekRanges({ store, entries, keys, meter }) {
  const seeks = Math.ceil(entries / 4);
  let found = 0;
  for (let pass = 0; pass < hotPasses; pass++) {
    if (pass > 0) await untilQuiet(meter.directory);
    const random = new Random(0x27d4);
    found = 0;
    meter.start(1);
    for (let done = 0; done < seeks; done++) {
      const key = keys.of(random.below(Math.max(1, entries - rangeLimit)), 0);
      const beganAt = performance.now();
      const count = store.seek(key, rangeLimit);
      found += typeof count === 'number' ? count : await count;
      meter.call(beganAt);
      if (done % (callsPerTurn * 10) === 0) await turn();
    }
    meter.acknowledged(seeks);
  }
  if (found !== seeks * Math.min(entries, rangeLimit)) throw new Error(`${seeks} ranges found ${found} entries`);
}

const shared = { start: /** @type {const} */ ('filled'), mayReuse: true };

/** @type {import('./write.js').Workload[]} */
export const readWorkloads = [
  {
    ...shared,
    name: 'readrandom',
    question: 'point reads in random order, room for everything in memory, third pass',
    cache: 'hot',
    run: (context) => readPoints(context, { isHit: true, passes: hotPasses }),
  },
  {
    ...shared,
    name: 'readrandom-cold',
    question: 'the same with room for a twentieth, on files that are not in memory',
    cache: 'cold',
    run: (context) => readPoints(context, { isHit: true, passes: 1 }),
  },
  {
    ...shared,
    name: 'readmissing',
    question: 'point reads of keys that lie between those that are there, third pass',
    cache: 'hot',
    run: (context) => readPoints(context, { isHit: false, passes: hotPasses }),
  },
  {
    ...shared,
    name: 'readseq',
    question: 'all entries in key order, third pass',
    cache: 'hot',
    run: (context) => scanAll(context, false),
  },
  {
    ...shared,
    name: 'readreverse',
    question: 'all entries against the order, third pass',
    cache: 'hot',
    run: (context) => scanAll(context, true),
  },
  {
    ...shared,
    name: 'seekrandom',
    question: 'ranges of 10 entries from a random key on, third pass',
    cache: 'hot',
    run: seekRanges,
  },
];
