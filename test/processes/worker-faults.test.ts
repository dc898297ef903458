/**
 * Workers that die, run out of memory, or never answer: jobs fail and are tried again, what was acknowledged is there, nobody waits for
 * ever, and the dead leave no file.
 *
 * | often | what must come of it                                                                     |
 * | once  | the job is done by the next worker; a defrag whose own compaction failed rejects, the next one works |
 * | ever  | the writer or the defrag is refused with VARVE_IO; commits go on, and nothing unlocked is lost       |
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ChildEnd, start } from '../contract/support/child.js';
import { freshPath } from '../contract/support/harness.js';
import { isDeep, report } from '../support/tier.js';
import { hasSaid, processFixture, StormyDatabase } from './support/storm.js';

type Case = readonly [fault: string, often: string, activity: string];

const faults = ['exit', 'throw', 'memory', 'spin', 'sleep', 'mute'];
const allCases = faults.flatMap((fault) =>
  ['once', 'ever'].flatMap((often) => ['await', 'block', 'defrag'].map((activity): Case => [fault, often, activity])),
);
/** These faults can be at a compaction alone, after the flush before it went well. */
const compactCases = ['exit', 'memory', 'spin', 'sleep'].map((fault): Case => [fault, 'once', 'compact']);
const quickCases: readonly Case[] = [
  ['memory', 'once', 'await'],
  ['spin', 'once', 'block'],
  ['exit', 'ever', 'block'],
  ['exit', 'once', 'compact'],
];
const cases = isDeep ? [...allCases, ...compactCases] : quickCases;

const seed = 1;

async function judge(path: string, end: ChildEnd): Promise<void> {
  const database = new StormyDatabase(path, seed, {});
  database.hear(end);
  expect(database.acknowledged).toBeGreaterThan(0);
  await database.judge();
}

const wordsOf = (end: ChildEnd): string[] =>
  end.lines.filter((line) => !line.startsWith('acknowledged') && line !== 'faulty').map((line) => line.replace(/\d+/g, '#'));

function expected([, often, activity]: Case): string[] {
  const tables = ['defragmented', 'tables # #'];
  if (activity === 'compact') return ['defrag VARVE_IO', 'failures #', ...tables];
  if (often === 'once') return [...(activity === 'defrag' ? ['defragmented'] : []), 'failures #', ...tables];
  const refused = activity === 'defrag' ? 'defrag VARVE_IO' : 'refused VARVE_IO';
  return [refused, 'failures #', 'defrag VARVE_IO', 'tables # #'];
}

async function check(each: Case): Promise<void> {
  const path = freshPath();
  const end = await start(processFixture('worker-faults.mjs'), [...each, path, String(seed)]).ended;
  const told = `${each.join()}: ${end.lines.join()} ${end.errorText}`;
  expect(end.code, told).toBe(0);
  expect(wordsOf(end), told).toEqual(expected(each));
  const numbers = (word: string): number[] =>
    (end.lines.find((line) => line.startsWith(word)) ?? '').split(' ').slice(1).map(Number);
  expect(numbers('failures')[0], told).toBeGreaterThanOrEqual(each[1] === 'once' ? 1 : 3);
  expect(numbers('tables')[0], told).toBe(numbers('tables')[1]);
  await judge(path, end);
}

test('a worker that dies, is out of memory or never answers holds nobody up for ever, and loses nothing', async () => {
  const left = [...cases];
  // Mostly they wait: some at a time.
  const checkSome = async (): Promise<void> => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) await check(each);
  };
  await Promise.all(quickCases.map(checkSome));
  report('worker faults', `${cases.length} cases`);
}, 600_000);

test('close ends a worker that hangs in the middle of a job, and removes what the job had written', async () => {
  const path = freshPath();
  const child = start(processFixture('worker-faults.mjs'), ['sleep', 'ever', 'close', path, String(seed)]);
  await hasSaid(child, 'faulty');
  child.process.stdin?.write('close\n');
  const end = await child.ended;
  expect(end.code, end.errorText).toBe(0);
  expect(end.lines.at(-1)).toBe('tables 0 0');
  await judge(path, end);
});

const deepTest = isDeep ? test : () => {};
// It takes as long as the patience of `close`.
deepTest('close does not wait for ever for a worker that is held by a call of the system', async () => {
  const path = freshPath();
  execFileSync('mkfifo', [`${path}.fifo`]);
  const child = start(processFixture('worker-faults.mjs'), ['stuck', 'ever', 'close', path, String(seed)]);
  await hasSaid(child, 'faulty');
  child.process.stdin?.write('close\n');
  await hasSaid(child, 'tables');
  expect(child.lines.at(-1)).toBe('tables 0 0');
  // The directory is free: the thread that is left will do nothing any more.
  await judge(path, { code: null, signal: null, lines: [...child.lines], errorText: '' });
  writeFileSync(`${path}.fifo`, '.');
  const end = await child.ended;
  expect(end.code, end.errorText).toBe(0);
});
