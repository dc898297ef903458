/**
 * Processes that are killed in the middle of everything: C1 to C4 and C6 hold, round after round.
 *
 * A round starts a child, waits until it says a word that was chosen by chance, some milliseconds more, and kills it. The words tell in
 * which phase the kill fell. One database lives through many rounds; others are fresh, and killed while they are made.
 */
import { expect, test } from 'vitest';
import type { BackendConfig } from 'varve';
import { freshPath } from '../contract/support/harness.js';
import { byTier, deepSearch, isDeep, report, seedOf } from '../support/tier.js';
import { chance } from './fixtures/sections.mjs';
import { hasSaid, StormyDatabase } from './support/storm.js';

const words = [
  'opening',
  'opened',
  'committing',
  'acknowledged',
  'flooding',
  'defragging',
  'snapshotting',
  'restoring',
  'closing',
  'verifying',
];
const quickWords = ['acknowledged', 'defragging', 'restoring'];
/** How a process ends without being asked; nobody handles these signals here. */
const signals: NodeJS.Signals[] = ['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGINT'];

type Random = () => number;

function optionsFrom(random: Random): Partial<BackendConfig> {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  return {
    memtableBytes: pick([16_384, 65_536, 262_144]),
    batchIntervalMs: pick([0, 1, 20, 3_600_000]),
    batchLimit: pick([0, 50, 1_000_000]),
    compaction: pick(['balanced', 'read', 'write', 'space'] as const),
    compression: pick(['auto', 'none'] as const),
  };
}

/** Kills by phase, and what became of restores. */
class Tally {
  readonly kills = new Map<string, number>();
  copies = { none: 0, whole: 0 };
  sections = 0;

  get rounds(): number {
    return [...this.kills.values()].reduce((sum, count) => sum + count, 0);
  }

  count(phase: string): void {
    this.kills.set(phase, (this.kills.get(phase) ?? 0) + 1);
  }
}

async function round(database: StormyDatabase, word: string, random: Random, tally: Tally): Promise<void> {
  const child = database.start(word);
  const times = word === 'opening' ? 1 : 1 + Math.floor(random() * byTier(1, 6));
  await hasSaid(child, word, times);
  // Not to wait for anything: the moment of the kill is what is left to chance.
  await new Promise((resolve) => setTimeout(resolve, word === 'acknowledged' || random() < 0.3 ? 0 : random() * 25));
  child.process.kill(signals[Math.floor(random() * signals.length)]);
  const end = await child.ended;
  expect(signals, database.told(end)).toContain(end.signal);
  tally.count(end.lines.at(-1)?.split(' ')[0] ?? 'nothing said');
  database.hear(end);
  if (end.lines.some((line) => line.startsWith('restoring'))) tally.copies[await database.judgeCopy(end)]++;
  await database.judge();
  tally.sections = Math.max(tally.sections, database.acknowledged);
}

test('a process that is killed at any time leaves what it acknowledged, and a prefix of its sections', async () => {
  const began = performance.now();
  const seed = seedOf('kills');
  const random = chance(seed);
  const tally = new Tally();
  const isTimeLeft = deepSearch();
  const old = new StormyDatabase(freshPath(), seed, { ...optionsFrom(random), memtableBytes: 65_536 });
  const roundsMin = byTier(quickWords.length, 200);
  while (tally.rounds < roundsMin || isTimeLeft()) {
    const pickWord = (): string => words[Math.floor(random() * words.length)] as string;
    const isOld = random() < 0.5 || !isDeep;
    const database = isOld ? old : new StormyDatabase(freshPath(), Math.floor(random() * 2 ** 30), optionsFrom(random));
    for (let left = isOld ? byTier(quickWords.length, 10) : 1 + Math.floor(random() * 4); left > 0; left--) {
      await round(database, isDeep ? pickWord() : (quickWords[left - 1] as string), random, tally);
    }
  }
  const phases = [...tally.kills].map(([phase, count]) => `${phase} ${count}`).join(', ');
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  report('kills', `${tally.rounds} kills and recoveries, ${tally.sections} sections in the oldest database, ${minutes} min`);
  report('kills', `last said before the kill: ${phases}; restores cut short: ${JSON.stringify(tally.copies)}`);
}, 1_800_000);

test('a process that is killed while it makes a database leaves none, or one that opens', async () => {
  const random = chance(seedOf('first creation'));
  const opened = { empty: 0, begun: 0 };
  for (let left = byTier(1, 40); left > 0; left--) {
    const database = new StormyDatabase(freshPath(), 1, { memtableBytes: 16_384, batchIntervalMs: 0 });
    const child = database.start('committing');
    await hasSaid(child, 'opening');
    await new Promise((resolve) => setTimeout(resolve, random() * 12));
    child.process.kill('SIGKILL');
    const end = await child.ended;
    expect(end.signal, database.told(end)).toBe('SIGKILL');
    database.hear(end);
    opened[end.lines.at(-1) === 'opening' ? 'empty' : 'begun']++;
    await database.judge();
  }
  report('first creation', `killed before it was open ${opened.empty} times, after that ${opened.begun} times`);
}, 600_000);
