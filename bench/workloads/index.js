/** All workloads, in the order in which they run. */
import { readWorkloads } from './read.js';
import { writeWorkloads } from './write.js';

export const workloads = [...writeWorkloads, ...readWorkloads];
