/** Waiters for the write lock: the first one was taken out of an array of all, which moved the rest. 400 000 took more than a minute. */
import { expect, test } from 'vitest';
import { SectionLock } from '../../src/backend/section-lock.js';

const count = 300_000;

test('very many waiters get the lock in their order, in a time in proportion to their number', { timeout: 10_000 }, () => {
  const lock = new SectionLock();
  lock.take('user');
  const turns: number[] = [];
  for (let waiter = 0; waiter < count; waiter++) {
    lock.wait(
      () => {
        turns.push(waiter);
        lock.take('user');
      },
      () => {},
    );
  }
  for (let ended = 0; ended < count; ended++) {
    lock.release();
    lock.passOn();
  }
  expect(turns.length).toBe(count);
  expect(turns.every((waiter, turn) => waiter === turn)).toBe(true);
});
