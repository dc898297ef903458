/**
 * Fairness: calls that are done at once would, awaited one after the other, never let the event loop turn. So now and then one waits.
 *
 *   work … work … looks at the clock every so much work ─▶ its share of time is used up ─▶ waits until others had their turn
 *
 * Where the loop turns by itself meanwhile, a call waits some microseconds for nothing, once in a share.
 */
import type { Clock } from '../env/clock.js';

/** Calls, or entries, between two looks at the clock; and the time after which others go first. */
const workPerLook = 64;
const shareMs = 8;

export class Turn {
  private work = 0;
  private began: number;

  constructor(private readonly clock: Clock) {
    this.began = clock.now();
  }

  /** After so much work: what to wait for before the caller goes on, or undefined. */
  after(work: number): Promise<void> | undefined {
    this.work += work;
    if (this.work < workPerLook) return undefined;
    this.work = 0;
    if (this.clock.now() - this.began < shareMs) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.began = this.clock.now();
        resolve();
      });
    });
  }
}
