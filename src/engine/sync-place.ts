/**
 * Where the log is synced: off the event loop, or in place, which stops the loop for as long as the disk takes.
 *
 *   off the loop   write ─▶ wake a thread ─▶ sync ─▶ wake the loop       two threads are woken, which takes as long as a short sync
 *   in place       write ─▶ sync ─▶ a turn of the loop
 *
 * In place is worth while where syncs are short and the loop would have had nothing else to do. How long the next one takes is guessed from
 * those before: a mean in which each new one counts a sixteenth. A disk that becomes slow is met once in place, and then by the other thread
 * until it is fast again; after a stall in place for as many milliseconds as the square of those that it took, so that stalls which come
 * back take the less of the loop's time the longer they are. Whether the loop has other work is seen from how much of the time it was active,
 * its syncs apart.
 *
 * Invariants:
 * 1. Syncs begin off the loop, and go in place only after some tens that were short. Where the clock stands still they stay there.
 * 2. Between two syncs in place others of the loop get a turn (group-writer.ts).
 */
import type { Clock } from '../env/clock.js';

/** Mean of the latest syncs up to which the next is made in place, in milliseconds: no more than a long callback takes. */
const shortMs = 0.5;
const weightOfLatest = 1 / 16;
/** Where nothing is known yet. */
const unknownMs = 2;
/** Share of the time from which on the loop has enough to do without waiting for a disk. */
const busyShare = 2 / 3;
/** A sync in place that took longer, in milliseconds, is a stall. */
const stallMs = 1;
/** How often the loop is looked at, in milliseconds. */
const lookMs = 20;

/** What is known of the syncs of one log after the other, and of the event loop. */
export class SyncPlace {
  private expectedMs = unknownMs;
  /** Until it was looked at. */
  private isLoopBusy = true;
  private lookedMs: number;
  private activeMs: number;
  /** Until then syncs stay off the loop. */
  private pausedUntilMs = -Infinity;
  /** Syncs in place since the loop was looked at. */
  private inPlaceMs = 0;

  constructor(private readonly clock: Clock) {
    this.lookedMs = clock.now();
    this.activeMs = clock.activeMs();
  }

  /** Whether the next sync of a small group is better made in place. */
  get isInPlace(): boolean {
    const now = this.clock.now();
    this.lookAtLoop(now);
    return this.expectedMs <= shortMs && !this.isLoopBusy && now >= this.pausedUntilMs;
  }

  /** Takes note of how long a sync of a small group took. */
  noteSync(durationMs: number, wasInPlace: boolean): void {
    // A clock that went back says nothing good of the disk.
    this.expectedMs += (Math.max(0, durationMs) - this.expectedMs) * weightOfLatest;
    if (!wasInPlace) return;
    this.inPlaceMs += durationMs;
    // After 8 ms a pause of 64, after a second one of a quarter of an hour.
    if (durationMs > stallMs) this.pausedUntilMs = this.clock.now() + durationMs * durationMs;
  }

  private lookAtLoop(now: number): void {
    const passedMs = now - this.lookedMs;
    if (passedMs < lookMs) return;
    const activeMs = this.clock.activeMs();
    this.isLoopBusy = activeMs - this.activeMs - this.inPlaceMs > busyShare * passedMs;
    this.lookedMs = now;
    this.activeMs = activeMs;
    this.inPlaceMs = 0;
  }
}
