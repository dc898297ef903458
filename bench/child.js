/**
 * One step of a cell, in a process of its own: memory, caches and compiled code of one do not help or hurt another.
 *
 *   fill      puts all entries into a fresh directory, waits until it is drained, closes
 *   kill      the same, then puts a tenth of them again and dies in the middle of it
 *   measure   opens the directory, runs the workload, sends the Measurement to the parent
 *
 * The parent gives a ChildTask as JSON in the first argument.
 */
import { existsSync } from 'node:fs';
import { DigitKeys, NameKeys, permutation, Values } from './data.js';
import { Meter, untilQuiet } from './measure.js';
import { loadStore } from './stores/index.js';
import { workloads } from './workloads/index.js';
import { fillRandom } from './workloads/write.js';

/**
 * @typedef {object} ChildTask
 * @property {'fill' | 'kill' | 'measure'} step
 * @property {string} store its name
 * @property {string} workload its name
 * @property {string} directory of the store
 * @property {number} entries
 * @property {number} valueBytes
 * @property {object} config options of varve to try
 */

const valueSeed = 0x165667b1;
const slots = 1000;
const defaultCacheBytes = 64 * 1024 * 1024;
const bytesPerEntry = 16;

/**
 * @param {import('./workloads/write.js').Workload} workload
 * @param {ChildTask} task
 */
function cacheBytesOf({ cache }, { entries, valueBytes }) {
  const bytes = entries * (bytesPerEntry + valueBytes);
  if (cache === 'hot') return Math.max(defaultCacheBytes, bytes * 4);
  return cache === 'cold' ? Math.max(1024 * 1024, Math.floor(bytes / 20)) : defaultCacheBytes;
}

/** @param {ChildTask} task */
async function run(task) {
  const { step, directory, valueBytes, config } = task;
  const workload = workloads.find(({ name }) => name === task.workload);
  if (workload === undefined) throw new Error(`no workload is named ${task.workload}`);
  const kind = await loadStore(task.store);
  const isMeasured = step === 'measure';
  const keys = workload.keys === 'names' ? new NameKeys(task.entries) : new DigitKeys(slots);
  const entries = keys instanceof NameKeys ? keys.count : task.entries;
  const values = new Values(valueBytes, valueSeed);
  const isDurable = isMeasured && workload.isDurable === true;
  const cacheBytes = isMeasured ? cacheBytesOf(workload, task) : defaultCacheBytes;
  const isThere = existsSync(directory);
  const beganAt = performance.now();
  const store = await kind.open({ directory, isDurable, cacheBytes, config });
  const openMs = performance.now() - beganAt;
  const meter = new Meter(directory);
  meter.openMs = openMs;
  const context = { store, entries, keys, values, valueBytes, meter };
  if (isThere && !workload.name.startsWith('open')) await untilQuiet(directory);
  await (isMeasured ? workload.run(context) : fillRandom(context));
  if (step === 'kill') await dieWriting(context);
  const measurement = await meter.drained();
  await store.close();
  if (isMeasured) process.send?.(measurement);
  process.disconnect?.();
}

/** @param {import('./workloads/write.js').Context} context */
async function dieWriting({ store, entries, keys, values }) {
  const order = permutation(entries, 0x85eb);
  const tenth = Math.ceil(entries / 10);
  for (let done = 0; done < tenth;) {
    const count = Math.min(slots, tenth - done);
    const batch = Array.from({ length: count }, (_, i) => keys.of(order[done + i], i));
    const batchValues = batch.map((_, i) => values.of(order[done + i], 1));
    await store.putBatch(batch, batchValues, count);
    done += count;
  }
  process.kill(process.pid, 'SIGKILL');
  // The signal may take a moment; nothing of what follows a clean end may happen meanwhile.
  for (;;);
}

await run(JSON.parse(process.argv[2] ?? '{}'));
