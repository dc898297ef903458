import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/env/clock.js';

it('time does not go back', () => {
  let last = systemClock.now();
  for (let i = 0; i < 1000; i++) {
    const now = systemClock.now();
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
});

it('timers fire in the order of their delays, never at once, and a cancelled one not at all', async () => {
  const fired: string[] = [];
  const cancelled = systemClock.startTimer(0, () => fired.push('cancelled'), true);
  const done = new Promise<void>((resolve) => {
    const last = (): void => {
      fired.push('late');
      resolve();
    };
    systemClock.startTimer(15, last, true);
  });
  systemClock.startTimer(0, () => fired.push('soon'), true);
  systemClock.startTimer(2 ** 40, () => fired.push('never'), false);
  expect(fired).toEqual([]);
  cancelled.cancel();
  cancelled.cancel();
  await done;
  expect(fired).toEqual(['soon', 'late']);
});

it('only a timer that is to keep the process alive does so', () => {
  const program = (keeps: boolean): string =>
    `import(${JSON.stringify(new URL('../../dist/env/clock.js', import.meta.url).href)}).then(({ systemClock }) => systemClock.startTimer(20, () => process.stdout.write('fired'), ${keeps}));`;
  const run = (keeps: boolean): string => execFileSync(process.execPath, ['-e', program(keeps)]).toString();
  expect(run(true)).toBe('fired');
  expect(run(false)).toBe('');
});
