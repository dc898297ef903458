/**
 * One step of a workload, in a process of its own: memory, caches and compiled code of one do not help or hurt another.
 *
 *   fill      puts all entries into a fresh directory, waits for rest, closes
 *   measure   opens the directory, runs the workload, sends the Measurement to the parent
 *
 * The parent gives a ChildTask as JSON in the first argument.
 */
import { openBackend } from 'varve';
import { Values } from './data.js';
import { Meter, untilIdle } from './measure.js';
import { workloads } from './workloads/index.js';
import { fill } from './workloads/write.js';

/**
 * @typedef {object} ChildTask
 * @property {'fill' | 'measure'} step
 * @property {string} workload its name
 * @property {string} directory of the database
 * @property {number} entries
 * @property {number} valueBytes
 * @property {Partial<import('varve').BackendConfig>} config
 */

const bucket = 'bench';
const valueSeed = 0x165667b1;

/** @param {ChildTask} task */
async function run(task) {
  const workload = workloads.find(({ name }) => name === task.workload);
  if (workload === undefined) throw new Error(`no workload is named ${task.workload}`);
  const isFill = task.step === 'fill';
  const config = isFill ? { ...task.config, unsafeNoFsync: true } : { ...workload.config, ...task.config };
  const values = new Values(task.valueBytes, valueSeed);
  const backend = await openBackend({ ...config, path: task.directory });
  const meter = new Meter();
  const context = { backend, bucket, entries: task.entries, values, meter };
  if (isFill || !workload.isFilled) backend.update((tx) => tx.unsafeCreateBucket(bucket));
  await backend.forceCommit();
  await untilIdle(backend, task.directory);
  await (isFill ? fill(context) : workload.run(context));
  const { idleAt, diskPeakBytes } = await untilIdle(backend, task.directory);
  const measurement = meter.result(backend, task.directory, Math.max(idleAt, meter.committedAt), diskPeakBytes);
  await backend.close();
  if (!isFill) process.send?.(measurement);
  process.disconnect?.();
}

await run(JSON.parse(process.argv[2] ?? '{}'));
