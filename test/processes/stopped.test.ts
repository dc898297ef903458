/**
 * Processes that are stopped and go on later (SIGSTOP, SIGCONT), and threads that are blocked: time that passed by turns nothing false,
 * and a lock stays with its owner.
 */
import { openBackend } from 'varve';
import { expect, test } from 'vitest';
import { start } from '../contract/support/child.js';
import { expectRejection, freshPath } from '../contract/support/harness.js';
import { byTier, report, seedOf } from '../support/tier.js';
import { chance } from './fixtures/sections.mjs';
import { hasSaid, processFixture, StormyDatabase } from './support/storm.js';

/** How long a process is stopped: here time itself is what is tested. */
const stoppedMs = byTier(400, 5000);

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, stoppedMs));

test('a process that is stopped in the middle of everything keeps its lock, and goes on as if nothing had been', async () => {
  const seed = seedOf('stopped');
  const random = chance(seed);
  const rounds = byTier(1, 12);
  const database = new StormyDatabase(freshPath(), seed, { memtableBytes: 65_536, batchIntervalMs: 20 });
  for (let left = rounds; left > 0; left--) {
    const child = database.start('defragging');
    await hasSaid(child, 'acknowledged', 1 + Math.floor(random() * byTier(3, 30)));
    child.process.kill('SIGSTOP');
    // A line that was said before the stop may still be on its way.
    for (const readOnly of [false, true]) {
      const attempt = openBackend({ path: database.path, readOnly });
      const error = await attempt.then(
        (backend) => backend.close(),
        (reason: unknown) => reason,
      );
      // In the middle of a reopening nobody has the lock for a moment: whoever opens then is right.
      const mayBeFree = child.lines.some((line) => line === 'closing' || line === 'verifying');
      if (!mayBeFree || error !== undefined) expect(error).toMatchObject({ code: 'VARVE_LOCKED' });
    }
    await pause();
    const linesBefore = child.lines.filter((line) => line.startsWith('acknowledged')).length;
    child.process.kill('SIGCONT');
    await hasSaid(child, 'acknowledged', linesBefore + 5);
    child.process.kill('SIGKILL');
    const end = await child.ended;
    expect(end.signal, database.told(end)).toBe('SIGKILL');
    database.hear(end);
    await database.judge();
  }
  report('stopped', `${rounds} processes stopped for ${stoppedMs} ms, ${database.acknowledged} sections`);
}, 600_000);

test('a commit that fell due while its process was stopped, or its thread blocked, comes late and once', async () => {
  const check = async (how: 'stopped' | 'blocked'): Promise<void> => {
    const database = new StormyDatabase(freshPath(), 1, {});
    const child = start(processFixture('interval.mjs'), [how, database.path]);
    await hasSaid(child, 'unlocked');
    if (how === 'stopped') {
      child.process.kill('SIGSTOP');
      await expectRejection(() => openBackend({ path: database.path }), 'VARVE_LOCKED');
      await pause();
      child.process.kill('SIGCONT');
      child.process.stdin?.write('on\n');
    }
    const end = await child.ended;
    expect(end.code, end.errorText).toBe(0);
    expect(end.lines).toContain('commits 1');
    database.hear(end);
    expect(database.acknowledged).toBe(61);
    await database.judge();
  };
  await Promise.all([check('stopped'), check('blocked')]);
});
