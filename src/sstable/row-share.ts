/**
 * How much of the memory of the cache rows may take where blocks could use it too.
 *
 * Where few keys are read most, a row is worth more than a block of which one entry is asked; where all keys are read alike, and the blocks
 * nearly fit, each row costs a block and gains nothing. So the share climbs: it goes on in the direction in which fewer bytes a read were
 * missed, and turns where more were (G. Einziger, O. Eytan, R. Friedman, B. Manes: "Adaptive Software Cache Management", Middleware
 * 2018).
 *
 *   window: so many bytes missed ── fewer a read than in the window before ──▶ one more step
 *                                └─ as many or more ──▶ turn round, one step (shrinking goes on where it makes no difference)
 *
 * Invariants:
 * 1. Misses are the clock: where nothing misses nothing moves, and a hit costs nothing here.
 * 2. 0 <= fraction <= fractionMax.
 */

const fractionStep = 1 / 32;
const fractionMax = 1 / 2;
/** A window ends when a part of the budget was read from files, so that what the cache holds follows the share. */
const windowShare = 1 / 2;
/** Rates of two windows that differ by less are alike. */
const noise = 1 / 64;

export class RowShare {
  /** Of the budget. */
  fraction = fractionStep;
  private step = fractionStep;
  private readonly windowBytes: number;
  private missedBytes = 0;
  private lastReads = 0;
  private lastRate = Number.POSITIVE_INFINITY;

  constructor(budgetBytes: number) {
    this.windowBytes = budgetBytes * windowShare;
  }

  /** So many bytes were not in memory; `reads` is how often the cache was asked so far. */
  missed(bytes: number, reads: number): void {
    this.missedBytes += bytes;
    if (this.missedBytes < this.windowBytes) return;
    const rate = this.missedBytes / (reads - this.lastReads);
    // Rows have to earn what they have: where it makes no difference, blocks get it back.
    const isGrowing = this.step > 0;
    const goesOn = isGrowing ? rate < this.lastRate * (1 - noise) : rate <= this.lastRate * (1 + noise) && this.fraction > 0;
    if (!goesOn) this.step = -this.step;
    this.fraction = Math.min(fractionMax, Math.max(0, this.fraction + this.step));
    this.missedBytes = 0;
    this.lastReads = reads;
    this.lastRate = rate;
  }
}
