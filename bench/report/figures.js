/** From single runs to the figures that are shown: medians, spread, and ratios to the best peer. */
import { workloads } from '../workloads/index.js';

/** @typedef {import('../measure.js').Measurement & { store: string, workload: string, entries: number, valueBytes: number, run: number }} Result */

/**
 * @param {number[]} numbers
 * @returns {number}
 */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Operations a second: of a fill until it is drained, else until acknowledged; of an opening, openings.
 * @param {Result} result
 * @returns {number}
 */
export function speedOf(result) {
  const workload = workloads.find(({ name }) => name === result.workload);
  if (result.workload.startsWith('open')) return 1000 / result.openMs;
  return result.operations / ((workload?.isFill ? result.drainedMs : result.acknowledgedMs) / 1000);
}

/**
 * @typedef {object} Figure
 * @property {string} store
 * @property {string} workload
 * @property {number} entries
 * @property {number} speed median
 * @property {number} lowest
 * @property {number} highest
 * @property {number} runs
 * @property {(of: (result: Result) => number) => number} median of any figure over the runs
 */

/**
 * One figure for each workload and store, in the order of the runs.
 * @param {Result[]} results
 * @returns {Figure[]}
 */
export function figuresOf(results) {
  const groups = new Map();
  for (const result of results) {
    const key = `${result.workload} ${result.entries} ${result.store}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].map((runs) => {
    const speeds = runs.map(speedOf);
    return {
      store: runs[0].store,
      workload: runs[0].workload,
      entries: runs[0].entries,
      speed: median(speeds),
      lowest: Math.min(...speeds),
      highest: Math.max(...speeds),
      runs: runs.length,
      median: (of) => median(runs.map(of)),
    };
  });
}

/**
 * The four that varve is compared with.
 * @param {{ store: string }} figure
 */
export const isPeer = ({ store }) => store !== 'varve' && store !== 'bare-loop';

/**
 * @param {number} number
 * @returns {string} with thin gaps between thousands
 */
export function grouped(number) {
  return Math.round(number)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ' ');
}

/**
 * What is compared and drawn where a workload was measured with several numbers of entries.
 * @param {Figure[]} figures
 * @returns {Figure[]}
 */
export function ofSmallestSize(figures) {
  const smallest = new Map();
  for (const { workload, entries } of figures) smallest.set(workload, Math.min(entries, smallest.get(workload) ?? entries));
  return figures.filter(({ workload, entries }) => entries === smallest.get(workload));
}
