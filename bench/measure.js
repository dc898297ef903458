/**
 * What is measured while a workload runs, alike for every store and from outside of it.
 *
 *   start ── call, call, … ── acknowledged ── drained
 *            '- latencies -'      │               └ no thread of the process works any more, and no file changes
 *                                 └ the store has acknowledged every operation
 *
 * Both ends are reported: a store that only postpones its work looks fast at the first and not at the second. The speed that tables and ratios
 * use is that of a fill until it is drained, and that of everything else until it is acknowledged.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** The store is drained when for so long neither its files changed nor its threads worked. The wait itself is not counted. */
const quietMs = 400;
const lookMs = 20;
/** Share of one core that a process at rest takes, this harness included. */
const restingShare = 0.1;
/**
 * So many looks together must show work too. A process that rests collects garbage after some hundred milliseconds, for some five: that is not
 * the store's, and would count as if the store had worked all the time until then.
 */
const looksTogether = 5;

/**
 * @typedef {object} Measurement
 * @property {number} operations
 * @property {number} openMs
 * @property {number} acknowledgedMs
 * @property {number} drainedMs
 * @property {number} callOperations operations of one call
 * @property {{ p50: number, p99: number, p999: number, max: number }} callMicroseconds
 * @property {{ p99: number, max: number }} eventLoopDelayMs beyond the resolution of one millisecond
 * @property {number} cpuMicroseconds of all threads, until drained, for one operation
 * @property {number} rssPeakBytes of the whole process
 * @property {number} diskBytes files of the store when drained
 * @property {number} diskPeakBytes the most that was seen when looking
 * @property {number} writtenBytes handed to the system by write calls, until drained
 * @property {number} userBytes keys and values that were put
 * @property {object} [extra] what a workload adds
 */

/** Meter of one workload. */
export class Meter {
  /** @param {string} directory of the store */
  constructor(directory) {
    this.directory = directory;
    this.histogram = createHistogram({ lowest: 1, highest: 3_600_000_000_000, figures: 3 });
    this.loop = monitorEventLoopDelay({ resolution: 1 });
    this.operations = 0;
    this.callOperations = 1;
    this.userBytes = 0;
    this.openMs = 0;
    this.extra = {};
  }

  /** @param {number} callOperations */
  start(callOperations) {
    this.callOperations = callOperations;
    this.histogram.reset();
    this.writtenBefore = writtenBytes();
    this.cpuBefore = process.cpuUsage();
    this.loop.enable();
    this.loop.reset();
    this.startedAt = performance.now();
  }

  /**
   * Takes a call that began at `beganAt` (of performance.now) and ends now.
   * @param {number} beganAt
   * @returns {number} now, so that the next call may begin with it
   */
  call(beganAt) {
    const now = performance.now();
    this.histogram.record(Math.max(1, Math.round((now - beganAt) * 1e6)));
    return now;
  }

  /**
   * @param {number} operations
   * @param {number} [userBytes] keys and values that were put
   */
  acknowledged(operations, userBytes = 0) {
    this.acknowledgedAt = performance.now();
    this.loop.disable();
    this.operations = operations;
    this.userBytes = userBytes;
  }

  /** @returns {Promise<Measurement>} once the store is drained */
  async drained() {
    const { drainedAt, diskPeakBytes, cpu } = await untilQuiet(this.directory);
    const microseconds = (percentile) => this.histogram.percentile(percentile) / 1000;
    const delayMs = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - 1);
    const used = cpu.user + cpu.system - this.cpuBefore.user - this.cpuBefore.system;
    return {
      operations: this.operations,
      openMs: this.openMs,
      acknowledgedMs: this.acknowledgedAt - this.startedAt,
      drainedMs: Math.max(drainedAt, this.acknowledgedAt) - this.startedAt,
      callOperations: this.callOperations,
      callMicroseconds: {
        p50: microseconds(50),
        p99: microseconds(99),
        p999: microseconds(99.9),
        max: this.histogram.count === 0 ? 0 : this.histogram.max / 1000,
      },
      eventLoopDelayMs: { p99: delayMs(this.loop.percentile(99)), max: delayMs(this.loop.max) },
      cpuMicroseconds: used / Math.max(1, this.operations),
      rssPeakBytes: process.resourceUsage().maxRSS * 1024,
      diskBytes: directoryBytes(this.directory),
      diskPeakBytes,
      writtenBytes: writtenBytes() - this.writtenBefore,
      userBytes: this.userBytes,
      extra: this.extra,
    };
  }
}

/**
 * Waits until nothing moves any more.
 * @param {string} directory
 */
export async function untilQuiet(directory) {
  let drainedAt = performance.now();
  let lookedAt = drainedAt;
  let lookedCpu = process.cpuUsage();
  let cpu = lookedCpu;
  let diskBytes = -1;
  let diskPeakBytes = 0;
  // Shares of a core that the last looks saw; before the first one everything worked.
  const shares = new Array(looksTogether).fill(1);
  for (;;) {
    await sleep(lookMs);
    const bytes = directoryBytes(directory);
    diskPeakBytes = Math.max(diskPeakBytes, bytes);
    const now = performance.now();
    const used = process.cpuUsage(lookedCpu);
    const share = (used.user + used.system) / 1000 / (now - lookedAt);
    shares.shift();
    shares.push(share);
    const together = shares.reduce((sum, one) => sum + one, 0) / looksTogether;
    lookedAt = now;
    lookedCpu = process.cpuUsage();
    if (bytes !== diskBytes || (share > restingShare && together > restingShare)) {
      diskBytes = bytes;
      drainedAt = now;
      cpu = lookedCpu;
    } else if (now - drainedAt >= quietMs) {
      return { drainedAt, diskPeakBytes, cpu };
    }
  }
}

/**
 * @param {string} directory
 * @returns {number} what its files take on the disk, those below it included; one that goes in between counts nothing
 */
export function directoryBytes(directory) {
  let sum = 0;
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const status = statSync(join(directory, name), { throwIfNoEntry: false });
    // What is allocated: a store that maps its file makes it larger than what it holds. A page that was never written takes nothing.
    if (status?.isFile()) sum += Math.min(status.size, status.blocks * 512);
  }
  return sum;
}

/** @returns {number} bytes that this process has given to write calls; 0 where the system does not count them */
function writtenBytes() {
  try {
    return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
