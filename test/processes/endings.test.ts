/**
 * Processes that end without close, in every way but a kill: what was acknowledged is there, and they end by themselves.
 */
import { expect, test } from 'vitest';
import { type ChildEnd, start } from '../contract/support/child.js';
import { freshPath } from '../contract/support/harness.js';
import { isDeep } from '../support/tier.js';
import { hasSaid, processFixture, StormyDatabase } from './support/storm.js';

interface Ending {
  readonly how: string;
  readonly signal?: NodeJS.Signals;
  readonly end: Partial<ChildEnd>;
  /** Sections that must be there, and that may be. */
  readonly least: number;
  readonly most: number;
}

/** What the quick tier leaves out is like another one here, or in test/contract/close.test.ts. */
const quickEndings = ['SIGTERM', 'exception', 'rejection', 'pending'];
const endings: Ending[] = [
  { how: 'signal', signal: 'SIGTERM', end: { signal: 'SIGTERM' }, least: 100, most: 101 },
  { how: 'signal', signal: 'SIGINT', end: { signal: 'SIGINT' }, least: 100, most: 101 },
  { how: 'handler', signal: 'SIGTERM', end: { code: 0 }, least: 101, most: 101 },
  { how: 'exit', end: { code: 3 }, least: 100, most: 101 },
  { how: 'exception', end: { code: 1, errorText: expect.stringContaining('of the user') }, least: 100, most: 100 },
  { how: 'rejection', end: { code: 1, errorText: expect.stringContaining('of the user') }, least: 100, most: 101 },
  { how: 'pending', end: { code: 0 }, least: 101, most: 101 },
  { how: 'idle', end: { code: 0 }, least: 100, most: 100 },
];

async function check({ how, signal, end, least, most }: Ending): Promise<void> {
  const database = new StormyDatabase(freshPath(), 1, {});
  const child = start(processFixture('ending.mjs'), [how, database.path]);
  if (signal !== undefined) {
    await hasSaid(child, 'ending');
    child.process.kill(signal);
  }
  const ended = await child.ended;
  expect(ended, `${how}: ${database.told(ended)}`).toMatchObject(end);
  database.hear(ended);
  expect(database.acknowledged, how).toBeGreaterThanOrEqual(100);
  await database.judge();
  expect(database.acknowledged, how).toBeGreaterThanOrEqual(least);
  expect(database.acknowledged, how).toBeLessThanOrEqual(most);
}

test('a signal, an exit, an exception, a rejection or nothing more to do: what was acknowledged is there', async () => {
  const chosen = endings.filter(({ how, signal }) => isDeep || quickEndings.includes(signal ?? how));
  await Promise.all(chosen.map(check));
});
