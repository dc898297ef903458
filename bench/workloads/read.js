/**
 * Workloads that read a database which was filled in random order and is at rest: how fast is one key, a scan, a short range?
 *
 * Reads are synchronous. A section is 100 point reads, 100 short ranges or 1000 entries of a scan, through one view; after 100 sections the
 * event loop gets a turn, as it would between two requests of a server.
 *
 * Point reads come in two kinds, told apart by the cache: `read-hit` has the default cache, which does not hold all of the
 * database at a million entries; `read-hit-hot` has one that does, and a pass over all keys to fill it, and is compared with stores that map
 * their file into memory.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { keyBytes, permutation, Random, writeKey, writeMissingKey } from '../data.js';

const sectionReads = 100;
const scanSection = 1000;
const sectionsPerTurn = 100;
const hotCacheBytes = 512 * 1024 * 1024;
const scanPasses = 3;
const rangeLimit = 10;
/** One read in so many is compared with what was written: looking at all of them would be a part of the figure. */
const checkedRead = 64;
const afterAllKeys = Buffer.from([0xff]);

/**
 * Reads keys in random order, as many as there are entries, and checks that they find what they should.
 * @param {import('./write.js').Context} context
 * @param {boolean} isHit
 */
async function readPoints({ backend, bucket, entries, values, meter }, isHit) {
  const name = Buffer.from(bucket);
  const key = Buffer.alloc(keyBytes);
  const order = permutation(entries, 0xc2b2);
  let found = 0;
  let sections = 0;
  meter.start(sectionReads);
  for (let done = 0; done < entries;) {
    const end = Math.min(entries, done + sectionReads);
    const beganAt = performance.now();
    const view = backend.concurrentReadTx();
    for (; done < end; done++) {
      if (isHit) writeKey(key, order[done]);
      else writeMissingKey(key, order[done]);
      const value = view.unsafeGet(name, key);
      if (value === undefined) continue;
      found++;
      if (done % checkedRead === 0 && !value.equals(values.of(order[done], 0)))
        throw new Error(`entry ${order[done]} has a wrong value`);
    }
    view.runlock();
    meter.section(beganAt);
    if (++sections % sectionsPerTurn === 0) await turn();
  }
  meter.committed(entries);
  if (found !== (isHit ? entries : 0)) throw new Error(`${found} of ${entries} reads found a value`);
}

/**
 * @param {import('./write.js').Context} context
 * @param {(view: import('varve').ReadTx, bucket: Buffer, visit: (key: Buffer, value: Buffer) => void) => void} walk
 */
async function scanAll({ backend, bucket, entries, meter }, walk) {
  const name = Buffer.from(bucket);
  let seen = 0;
  let bytes = 0;
  meter.start(scanSection);
  for (let pass = 0; pass < scanPasses; pass++) {
    const view = backend.concurrentReadTx();
    let beganAt = performance.now();
    walk(view, name, (key, value) => {
      bytes += key.length + value.length;
      if (++seen % scanSection === 0) beganAt = meter.section(beganAt);
    });
    view.runlock();
    await turn();
  }
  meter.committed(entries * scanPasses);
  if (seen !== entries * scanPasses || bytes < seen * keyBytes)
    throw new Error(`a scan saw ${seen} of ${entries * scanPasses} entries`);
}

/** @param {import('./write.js').Context} context */
async function seekRanges({ backend, bucket, entries, meter }) {
  const name = Buffer.from(bucket);
  const key = Buffer.alloc(keyBytes);
  const random = new Random(0x27d4);
  const seeks = Math.ceil(entries / 4);
  let found = 0;
  let sections = 0;
  meter.start(sectionReads);
  for (let done = 0; done < seeks;) {
    const end = Math.min(seeks, done + sectionReads);
    const beganAt = performance.now();
    const view = backend.concurrentReadTx();
    for (; done < end; done++) {
      writeKey(key, random.below(Math.max(1, entries - rangeLimit)));
      found += view.unsafeRange(name, key, afterAllKeys, rangeLimit).keys.length;
    }
    view.runlock();
    meter.section(beganAt);
    if (++sections % sectionsPerTurn === 0) await turn();
  }
  meter.committed(seeks);
  if (found !== seeks * Math.min(entries, rangeLimit)) throw new Error(`${seeks} ranges found ${found} entries`);
}

/** @type {import('./write.js').Workload[]} */
export const readWorkloads = [
  {
    name: 'read-hit',
    question: 'point reads of keys that are there, in random order, default cache',
    isFilled: true,
    config: {},
    run: (context) => readPoints(context, true),
  },
  {
    name: 'read-hit-hot',
    question: 'the same with everything in the cache',
    isFilled: true,
    config: { cacheBytes: hotCacheBytes },
    run: async (context) => {
      await readPoints(context, true);
      await readPoints(context, true);
    },
  },
  {
    name: 'read-miss',
    question: 'point reads of keys that are not there, between those that are, default cache',
    isFilled: true,
    config: {},
    run: (context) => readPoints(context, false),
  },
  {
    name: 'scan',
    question: `all entries in key order with unsafeForEach, ${scanPasses} times, default cache`,
    isFilled: true,
    config: {},
    run: (context) => scanAll(context, (view, bucket, visit) => view.unsafeForEach(bucket, visit)),
  },
  {
    name: 'scan-hot',
    question: 'the same with everything in the cache',
    isFilled: true,
    config: { cacheBytes: hotCacheBytes },
    run: async (context) => {
      const walk = (view, bucket, visit) => view.unsafeForEach(bucket, visit);
      await scanAll(context, walk);
      await scanAll(context, walk);
    },
  },
  {
    name: 'scan-iterate',
    question: `all entries in key order with unsafeIterate, ${scanPasses} times, default cache`,
    isFilled: true,
    config: {},
    run: (context) =>
      scanAll(context, (view, bucket, visit) => {
        for (const [key, value] of view.unsafeIterate(bucket)) visit(key, value);
      }),
  },
  {
    name: 'seek-10',
    question: 'ranges of 10 entries from a random key on, default cache',
    isFilled: true,
    config: {},
    run: seekRanges,
  },
  {
    name: 'seek-10-hot',
    question: 'the same with everything in the cache',
    isFilled: true,
    config: { cacheBytes: hotCacheBytes },
    run: async (context) => {
      await seekRanges(context);
      await seekRanges(context);
    },
  },
];
