/**
 * Tells a worker that hangs from one that works, by the heartbeat that it raises with every slice of work.
 *
 * ```
 *  a wait was over ─▶ the heartbeat moved, or the worker has nothing to do ─▶ silence = 0
 *                  └▶ it did not ─▶ silence grows by the length of the wait ─▶ limit reached: the worker is given up
 * ```
 *
 * What is given up is terminated, its jobs fail, and they are tried again by another worker: that is safe at any time, since all that
 * a job leaves is files that nobody names. So the limit is a matter of patience alone, and it is generous.
 *
 * **Invariants:**
 * 1. No clock is read. A wait counts as long as it was meant to be: for a process that was stopped, or a machine that slept, that is
 *    one wait, however long it was away.
 * 2. Waits of both kinds (a timer's, a blocked thread's) may overlap, so a worker is given half of the limit at least.
 */

/** Longer than the sync of a table takes on any disk that can still be used. */
export const silenceMsDefault = 120_000;

/** Waits by which a limit is divided, where a timer does the waiting. */
const waitsPerLimit = 120;

export class WorkerWatch {
  private lastHeartbeat = -1;
  private silenceMs = 0;

  constructor(private readonly silenceMsMax: number) {}

  /** How long a timer should wait between two looks. */
  get waitMs(): number {
    return this.silenceMsMax / waitsPerLimit;
  }

  /** After a wait of `waitMs`: whether the worker has been silent for too long. */
  isSilent(heartbeat: number, isBusy: boolean, waitMs: number): boolean {
    if (!isBusy || heartbeat !== this.lastHeartbeat) {
      this.lastHeartbeat = heartbeat;
      this.silenceMs = 0;
      return false;
    }
    this.silenceMs += waitMs;
    return this.silenceMs >= this.silenceMsMax;
  }

  /** Another worker begins. */
  reset(): void {
    this.lastHeartbeat = -1;
    this.silenceMs = 0;
  }
}
