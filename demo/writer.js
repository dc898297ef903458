/**
 * The process that is killed: it opens the database in the directory it is given and loads batch after batch. It says so
 * to its parent when a batch is acknowledged, which is when its commit has resolved, and not before.
 *
 * A few batches are always on their way, as in a program that does not wait for the disk between two requests. So there is
 * something to lose when the end comes.
 */
import { openBackend } from 'varve';
import { batchesOf, createBuckets, putPlaces, readPlaces } from './places.js';

/** @typedef {{ acknowledgedCount: number, flushes: number, compactions: number }} Report */

const commitsUnderWayMax = 4;
const [path = '', memtableBytes = ''] = process.argv.slice(2);

// The parent may be gone for a reason of its own; then nobody reads what is written here.
process.once('disconnect', () => process.exit(1));

const backend = await openBackend({ path, memtableBytes: Number(memtableBytes) });
backend.update(createBuckets);

/** @param {number} acknowledgedCount */
function report(acknowledgedCount) {
  const { flushes, compactions } = backend.stats();
  process.send?.({ acknowledgedCount, flushes, compactions });
}

/** @type {Promise<void>[]} */
const underWay = [];
for (const [index, batch] of batchesOf(readPlaces()).entries()) {
  backend.update((tx) => putPlaces(tx, batch));
  underWay.push(backend.forceCommit().then(() => report(index + 1)));
  if (underWay.length >= commitsUnderWayMax) await underWay.shift();
}
await Promise.all(underWay);
await backend.close();
process.disconnect();
