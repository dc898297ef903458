/** All workloads, in the order of tables and plots. */
import { etcdWorkloads } from './etcd.js';
import { lifeWorkloads } from './life.js';
import { mixedWorkloads } from './mixed.js';
import { readWorkloads } from './read.js';
import { writeWorkloads } from './write.js';

export const workloads = [...writeWorkloads, ...readWorkloads, ...mixedWorkloads, ...lifeWorkloads, ...etcdWorkloads];
