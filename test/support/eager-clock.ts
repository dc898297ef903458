/**
 * A clock whose time passes only by its timers, and by looks at it where a test wants that: a delay is some turns of the event loop, so that tests neither wait nor depend
 * on how fast the machine is.
 *
 * **Invariants:**
 * 1. A timer takes one turn for each 10 ms of its delay, 1 at least and 20 at most; `now` goes forward by the delay when it fires.
 * 2. A timer of a minute or more never fires: what it stands for happens only when a test asks for it.
 */
import type { Clock, Timer } from '../../src/env/clock.js';

const neverMs = 60_000;
const turnsMax = 20;

/** Time for one test. */
export class EagerClock implements Clock {
  private timeMs = 0;

  /** `msPerLook` pass with each look. */
  constructor(private readonly msPerLook = 0) {}

  now(): number {
    return (this.timeMs += this.msPerLook);
  }

  activeMs(): number {
    return 0;
  }

  startTimer(delayMs: number, callback: () => void): Timer {
    let cancelled = delayMs >= neverMs;
    let turnsLeft = Math.min(turnsMax, Math.max(1, Math.floor(delayMs / 10)));
    const turn = (): void => {
      if (cancelled) return;
      turnsLeft--;
      if (turnsLeft > 0) {
        setImmediate(turn);
        return;
      }
      cancelled = true;
      this.timeMs += delayMs;
      callback();
    };
    if (!cancelled) setImmediate(turn);
    return {
      cancel: () => {
        cancelled = true;
      },
    };
  }
}

/** Lets what is ready run: turns of the event loop, not time. */
export async function turnsOfTheLoop(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
