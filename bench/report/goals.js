/** What the project asks of itself, as ratios to the best of the four peers in the same run. */
import { grouped, isPeer, ofSmallestSize } from './figures.js';

/** @type {[workload: string, must: number, aim: number][]} */
const speedGoals = [
  ['fillrandom', 3, 5],
  ['overwrite', 3, 5],
  ['fillseq', 2, 3],
  ['fillsingle', 8, 12],
  ['fillsync-100', 1.5, 2],
  ['readrandom', 1.5, 3],
  ['readmissing', 2, 4],
  ['readseq', 2, 4],
  ['readreverse', 2, 4],
  ['seekrandom', 2, 4],
];

/**
 * @param {import('./figures.js').Figure[]} figures
 * @returns {string[]} rows of a table
 */
export function goalRows(figures) {
  const rows = ['| workload | varve | best peer | ratio | must | aim |', '|---|---:|---:|---:|---:|---:|'];
  const compared = ofSmallestSize(figures);
  const of = (workload) => compared.filter((figure) => figure.workload === workload);
  for (const [workload, must, aim] of speedGoals) {
    const ours = of(workload).find(({ store }) => store === 'varve');
    const best = of(workload)
      .filter(isPeer)
      .sort((a, b) => b.speed - a.speed)[0];
    if (ours === undefined || best === undefined) continue;
    const ratio = (ours.speed / best.speed).toFixed(2);
    rows.push(
      `| ${workload}, ops/s | ${grouped(ours.speed)} | ${grouped(best.speed)} (${best.store}) | ${ratio} | ${must} | ${aim} |`,
    );
  }
  const bare = of('fillsync-100').find(({ store }) => store === 'bare-loop');
  const durable = of('fillsync-100').find(({ store }) => store === 'varve');
  if (bare !== undefined && durable !== undefined) {
    const ratio = (durable.speed / bare.speed).toFixed(2);
    rows.push(
      `| fillsync-100 against a bare loop | ${grouped(durable.speed)} | ${grouped(bare.speed)} | ${ratio} | 0.8 | 0.95 |`,
    );
  }
  rows.push(...smallest(of('fillrandom'), 'bytes on disk after fillrandom, MB', (run) => run.diskBytes / 1e6));
  rows.push(...smallest(of('fillrandom'), 'p99.9 of a batch, fillrandom, ms', (run) => run.callMicroseconds.p999 / 1000));
  rows.push(...smallest(of('paced'), 'event-loop delay p99 under 20 MB/s, ms', (run) => run.eventLoopDelayMs.p99));
  return rows;
}

/**
 * A figure of which less is better: the ratio is that of the next to ours.
 * @param {import('./figures.js').Figure[]} figures
 * @param {string} title
 * @param {(result: import('./figures.js').Result) => number} value
 */
function smallest(figures, title, value) {
  const ours = figures.find(({ store }) => store === 'varve')?.median(value);
  const peers = figures.filter(isPeer).map((figure) => ({ store: figure.store, value: figure.median(value) }));
  const best = peers.sort((a, b) => a.value - b.value)[0];
  if (ours === undefined || best === undefined) return [];
  const isDelay = title.startsWith('event-loop');
  const asked = isDelay ? '| under 10 ms | under 3 ms |' : '| 1 | 2 |';
  return [
    `| ${title} | ${ours.toFixed(1)} | ${best.value.toFixed(1)} (${best.store}) | ${(best.value / ours).toFixed(2)} ${asked}`,
  ];
}
