/**
 * Time as the engine sees it: how long something took, and calling back later. Injected, so that tests own it.
 *
 * **Invariants:**
 * 1. `now` never goes back: it is no time of day, and differences are all it is good for.
 * 2. A timer fires once at most, and never after `cancel` returned.
 * 3. A timer that does not keep the process alive lets it end before the timer is due.
 */

/** A callback that is due. */
export interface Timer {
  /** The callback will not run any more. Idempotent; after the callback ran, nothing. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since some moment that stays the same while the process runs, with fractions. */
  now(): number;
  /** Milliseconds in which the event loop of this thread was not waiting, since some moment that stays the same. */
  activeMs(): number;
  /** Calls `callback` once, `delayMs` from now or later, never from within this call. */
  startTimer(delayMs: number, callback: () => void, keepsProcessAlive: boolean): Timer;
}

/** Longest delay that Node takes as it is; it turns a longer one into 1 ms. */
const delayMsMax = 2 ** 31 - 1;

/** The clock of this process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  activeMs: () => performance.eventLoopUtilization().active,
  startTimer(delayMs, callback, keepsProcessAlive) {
    const timeout = setTimeout(callback, Math.min(delayMs, delayMsMax));
    if (!keepsProcessAlive) timeout.unref();
    return { cancel: () => clearTimeout(timeout) };
  },
};

/** Keeps the process alive until it is cancelled. */
export function keepAlive(clock: Clock): Timer {
  return clock.startTimer(delayMsMax, () => {}, true);
}
