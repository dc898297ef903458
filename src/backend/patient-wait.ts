/**
 * Waiting for something that may end without a word.
 *
 *   until(condition) ─▶ looked at now, at each `wake`, at a stop, and every quarter of a second ─▶ it holds
 *
 * A stream tells of most that befalls it by events. Of some it does not: one that was ended while a write was under way that never calls
 * back, or destroyed with `emitClose: false`. Whoever waits only for events waits for ever.
 *
 * Invariants:
 * 1. What decides is the condition. No clock does: a look that comes late or never only makes the wait longer.
 * 2. The looks do not keep the process alive: a target that takes nothing is no reason to stay, and a process with nothing else to do ends
 *    as it does beside any promise that never settles.
 * 3. After `end` no timer and no listener is left.
 */
import type { Clock, Timer } from '../env/clock.js';

/** Milliseconds between two looks. */
const lookMs = 250;

export class PatientWait {
  private continueWaiting: () => void = () => {};
  private look: Timer | undefined;
  /** Has the condition looked at again. */
  readonly wake = (): void => this.continueWaiting();

  constructor(
    private readonly clock: Clock,
    private readonly stop: AbortSignal,
  ) {
    stop.addEventListener('abort', this.wake);
    this.lookLater();
  }

  /** Resolves when the condition holds, or at a stop. One wait at a time. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.stop.aborted) {
      await new Promise<void>((resolve) => {
        this.continueWaiting = resolve;
      });
    }
  }

  end(): void {
    this.look?.cancel();
    this.stop.removeEventListener('abort', this.wake);
  }

  private lookLater(): void {
    const again = (): void => {
      this.wake();
      this.lookLater();
    };
    this.look = this.clock.startTimer(lookMs, again, false);
  }
}
