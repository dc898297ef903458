/**
 * What etcd's mvcc does to its backend, as the source of etcd 3.4 has it: keys are revisions, every request is a section of its own.
 *
 *   a put      revision ─▶ key and value, consistent index overwritten
 *   a get      point reads of recent revisions
 *   a watcher  a range of some hundred revisions
 *   compaction deletes of old revisions, 1000 a batch
 */
import { setImmediate as turn } from 'node:timers/promises';
import { Random } from '../data.js';

const revisionBytes = 17;
const valueBytes = 300;
const readsPerPut = 6;
const recentRevisions = 10_000;
const watchEvery = 100;
const watchLimit = 200;
const compactEvery = 50_000;
const deleteBatch = 1000;
const requestsPerTurn = 500;

/**
 * Main revision, an underscore, sub revision: 8, 1 and 8 bytes, most significant first.
 * @param {Buffer} target
 * @param {number} main
 * @returns {Buffer} target
 */
function writeRevision(target, main) {
  target.writeUInt32BE(Math.floor(main / 0x1_0000_0000), 0);
  target.writeUInt32BE(main >>> 0, 4);
  target[8] = 0x5f;
  target.fill(0, 9);
  return target;
}

/** @param {import('./write.js').Context} context */
async function replay({ store, entries, meter }) {
  const random = new Random(0x1357);
  const indexKey = Buffer.from('\xffconsistent_index', 'latin1');
  const indexValue = Buffer.alloc(8);
  const putKey = Buffer.alloc(revisionBytes);
  const value = Buffer.alloc(valueBytes, 'registry/pods/default/');
  const reads = Array.from({ length: readsPerPut }, () => Buffer.alloc(revisionBytes));
  const deletes = Array.from({ length: deleteBatch }, () => Buffer.alloc(revisionBytes));
  const results = new Array(readsPerPut);
  const requests = Math.ceil(entries / 4);
  let compacted = 0;
  meter.start(1);
  for (let revision = 1; revision <= requests; revision++) {
    value.writeUInt32LE(random.next(), 0);
    indexValue.writeUInt32BE(revision, 4);
    const beganAt = performance.now();
    const written = store.putVisible([writeRevision(putKey, revision), indexKey], [value, indexValue], 2);
    if (written !== undefined) await written;
    const oldest = Math.max(compacted + 1, revision - recentRevisions);
    for (let i = 0; i < readsPerPut; i++) writeRevision(reads[i], oldest + random.below(revision - oldest + 1));
    const read = store.getMany(reads, readsPerPut, results);
    if (read !== undefined) await read;
    if (revision % watchEvery === 0) await store.seek(writeRevision(reads[0], Math.max(1, revision - watchLimit)), watchLimit);
    meter.call(beganAt);
    if (results[0] === undefined) throw new Error(`a revision before ${revision} was not found`);
    if (revision % compactEvery === 0) {
      const end = revision - recentRevisions * 2;
      for (let from = compacted + 1; from < end; from += deleteBatch) {
        const count = Math.min(deleteBatch, end - from);
        for (let i = 0; i < count; i++) writeRevision(deletes[i], from + i);
        await store.deleteBatch(deletes, count);
        await turn();
      }
      compacted = end - 1;
    }
    if (revision % requestsPerTurn === 0) await turn();
  }
  await store.flush();
  meter.acknowledged(requests, requests * (revisionBytes + valueBytes + indexKey.length + indexValue.length));
}

/** @type {import('./write.js').Workload[]} */
export const etcdWorkloads = [
  {
    name: 'etcd',
    question: "requests of etcd's mvcc: a put, six reads of recent revisions, now and then a watcher and a compaction",
    start: 'empty',
    isFill: true,
    run: replay,
  },
];
