/**
 * What is measured while a workload runs: the time, the latency of each section, memory, and the store's own counters.
 *
 *   start ── section, section, … ── committed ── idle
 *              '--- latencies ---'      │           └ flushes and compactions that the writes caused are done as well
 *                                       └ every operation is acknowledged
 *
 * Both ends are reported: a store that only postpones its work looks fast at the first and not at the second.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** The store is idle when neither its counters nor its files changed for so long. The wait itself is not counted. */
const quietMs = 400;
const lookMs = 20;

/**
 * @typedef {object} Measurement
 * @property {number} operations
 * @property {number} committedMs until everything was acknowledged
 * @property {number} idleMs until background work was done too
 * @property {number} sectionOperations operations of one section
 * @property {{ p50: number, p99: number, p999: number, max: number }} sectionMicroseconds
 * @property {number} rssPeakBytes of the whole process
 * @property {number} diskBytes files of the database at rest
 * @property {number} diskPeakBytes the most that was seen when looking
 * @property {number} writeAmplification bytes written to disk for one of the user's; NaN where nothing was written
 * @property {object} stats the store's own, at the end
 */

/** Meter of one workload. */
export class Meter {
  constructor() {
    this.histogram = createHistogram({ lowest: 1, highest: 3_600_000_000_000, figures: 3 });
    this.startedAt = 0;
    this.committedAt = 0;
    this.operations = 0;
    this.sectionOperations = 1;
  }

  /** @param {number} sectionOperations */
  start(sectionOperations) {
    this.sectionOperations = sectionOperations;
    this.histogram.reset();
    this.startedAt = performance.now();
  }

  /**
   * Takes a section that began at `beganAt` (of performance.now) and ends now.
   * @param {number} beganAt
   * @returns {number} now, so that the next section may begin with it
   */
  section(beganAt) {
    const now = performance.now();
    this.histogram.record(Math.max(1, Math.round((now - beganAt) * 1e6)));
    return now;
  }

  /** @param {number} operations */
  committed(operations) {
    this.committedAt = performance.now();
    this.operations = operations;
  }

  /**
   * @param {import('varve').Backend} backend
   * @param {string} directory
   * @param {number} idleAt when background work had ended, of performance.now
   * @param {number} diskPeakBytes
   * @returns {Measurement}
   */
  result(backend, directory, idleAt, diskPeakBytes) {
    const stats = backend.stats();
    const written = stats.walBytesWritten + stats.flushBytesWritten + stats.compactionBytesWritten;
    const microseconds = (percentile) => this.histogram.percentile(percentile) / 1000;
    return {
      operations: this.operations,
      committedMs: this.committedAt - this.startedAt,
      idleMs: idleAt - this.startedAt,
      sectionOperations: this.sectionOperations,
      sectionMicroseconds: {
        p50: microseconds(50),
        p99: microseconds(99),
        p999: microseconds(99.9),
        max: this.histogram.max / 1000,
      },
      rssPeakBytes: process.resourceUsage().maxRSS * 1024,
      diskBytes: directoryBytes(directory),
      diskPeakBytes,
      writeAmplification: stats.userBytesWritten === 0 ? Number.NaN : written / stats.userBytesWritten,
      stats,
    };
  }
}

/**
 * Waits until nothing moves any more.
 * @param {import('varve').Backend} backend
 * @param {string} directory
 * @returns {Promise<{ idleAt: number, diskPeakBytes: number }>} when the last change was seen, of performance.now
 */
export async function untilIdle(backend, directory) {
  let idleAt = performance.now();
  let seen = '';
  let diskPeakBytes = 0;
  for (;;) {
    const diskBytes = directoryBytes(directory);
    diskPeakBytes = Math.max(diskPeakBytes, diskBytes);
    const { flushes, compactions, memtableBytes, compactionBytesWritten, levels } = backend.stats();
    const state = JSON.stringify([diskBytes, flushes, compactions, memtableBytes, compactionBytesWritten, levels]);
    const now = performance.now();
    if (state !== seen) {
      seen = state;
      idleAt = now;
    } else if (now - idleAt >= quietMs) {
      return { idleAt, diskPeakBytes };
    }
    await sleep(lookMs);
  }
}

/**
 * @param {string} directory
 * @returns {number} sizes of its files; one that goes in between counts nothing
 */
export function directoryBytes(directory) {
  let sum = 0;
  for (const name of readdirSync(directory)) sum += statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
  return sum;
}
