/**
 * Long work on the event loop in slices: between two of them others go first.
 *
 *   look, look, look … ── 8 ms are over ──▶ giveWay ──▶ look, look …
 */
import type { Clock } from './clock.js';

/** Milliseconds after which others go first. */
const sliceMs = 8;

/** The slices of one piece of work. */
export class Slices {
  private began: number;

  constructor(private readonly clock: Clock) {
    this.began = clock.now();
  }

  /** Whether it is time to give way. */
  get isOver(): boolean {
    return this.clock.now() - this.began >= sliceMs;
  }

  /** Lets everything that waits go first, then begins the next slice. */
  async giveWay(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.began = this.clock.now();
  }
}
