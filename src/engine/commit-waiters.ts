/**
 * Commit waiters: who waits for a sequence to be committed, and who needs a group to end exactly there.
 *
 *   wait | waitExactly ─▶ waiting ── group ends at or behind it ──▶ taken, resolved by the queue
 *                            └──────── rejectAll ──────────────────▶ rejected
 */
interface Waiter {
  readonly sequence: number;
  /** Called in the moment in which exactly what is below `sequence` is committed. */
  readonly onReached: (() => void) | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class CommitWaiters {
  private waiters: Waiter[] = [];

  /** Resolves once everything below `sequence` is committed. With `onReached` a group ends there, and it is called then. */
  wait(sequence: number, onReached?: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiters.push({ sequence, onReached, resolve, reject });
    });
  }

  /** Where a group may end that would end at `target`: there, unless somebody behind `committedSequence` needs an end before. */
  endBefore(target: number, committedSequence: number): number {
    let end = target;
    for (const { onReached, sequence } of this.waiters) {
      if (onReached !== undefined && sequence > committedSequence) end = Math.min(end, sequence);
    }
    return end;
  }

  /** Tells those who needed an end at `sequence` that it is there. */
  tellReached(sequence: number): void {
    for (const waiter of this.waiters) if (waiter.sequence === sequence) waiter.onReached?.();
  }

  /** Takes out those who waited for `sequence` or less: what resolves them all, or undefined where there is nobody. */
  takeReady(sequence: number): (() => void) | undefined {
    const ready = this.waiters.filter((waiter) => waiter.sequence <= sequence);
    if (ready.length === 0) return undefined;
    this.waiters = this.waiters.filter((waiter) => waiter.sequence > sequence);
    return () => {
      for (const waiter of ready) waiter.resolve();
    };
  }

  rejectAll(reason: unknown): void {
    const { waiters } = this;
    this.waiters = [];
    for (const waiter of waiters) waiter.reject(reason);
  }
}
