/**
 * The write lock: who has the open section, and who waits for it.
 *
 *   free ── lock, update, first acquire ──▶ held ── end ──▶ free, or held by the first waiter at once
 *
 * Invariants:
 * 1. At most one section is open. `epoch` changes with each beginning and each end.
 * 2. Waiters get the lock first come, first served; nobody can take it between two of them.
 * 3. A section that `update` or the commit hook holds is ended by them alone.
 */
import { invalidArgument, VarveError } from '../errors.js';

export type SectionHolder = 'user' | 'update' | 'hook';

interface Waiter {
  readonly begin: () => void;
  readonly reject: (error: unknown) => void;
}

export class SectionLock {
  epoch = 0;
  private holder: SectionHolder | undefined;
  /** First come, first: those from `nextWaiter` on still wait. */
  private waiters: (Waiter | undefined)[] = [];
  private nextWaiter = 0;
  private closedBy: unknown;

  get isHeld(): boolean {
    return this.holder !== undefined;
  }

  /** Takes the lock. VARVE_TX_LOCKED where a section is open. */
  take(holder: SectionHolder): void {
    if (this.holder !== undefined) {
      throw new VarveError('VARVE_TX_LOCKED', 'a section is open: end it first, or wait for it with acquire()');
    }
    this.holder = holder;
    this.epoch++;
  }

  /** Before a section is ended by its user: VARVE_TX_NOT_LOCKED where there is none, VARVE_INVALID_ARGUMENT where it is not theirs. */
  checkMayEnd(): void {
    this.checkHeld();
    if (this.holder !== 'user') {
      throw invalidArgument(
        `the section of ${this.holder === 'update' ? 'update()' : 'onPreCommit'} ends with the function, which must not end it itself`,
      );
    }
  }

  checkHeld(): void {
    if (this.holder === undefined)
      throw new VarveError('VARVE_TX_NOT_LOCKED', 'no section is open: call lock(), acquire() or update() first');
  }

  /** Runs `fn` with the lock free, whoever holds it; the section that is set aside knows nothing of it. */
  aside(fn: () => void): void {
    const { holder, epoch } = this;
    this.holder = undefined;
    try {
      fn();
    } finally {
      this.holder = holder;
      this.epoch = epoch;
    }
  }

  /** Gives the lock up; it stays free until `passOn`. */
  release(): void {
    this.holder = undefined;
    this.epoch++;
  }

  /** Gives a free lock to the first waiter. */
  passOn(): void {
    if (this.holder === undefined) this.takeWaiter()?.begin();
  }

  /** Calls `begin` when it is its turn: now, or from within `passOn`. `reject` is called where it never will be. */
  wait(begin: () => void, reject: (error: unknown) => void): void {
    if (this.closedBy !== undefined) {
      reject(this.closedBy);
      return;
    }
    this.waiters.push({ begin, reject });
    this.passOn();
  }

  /** Nobody gets the lock by waiting any more: those who wait, and those who will, are rejected. */
  close(error: unknown): void {
    this.closedBy = error;
    const { waiters } = this;
    this.waiters = [];
    this.nextWaiter = 0;
    for (const waiter of waiters) waiter?.reject(error);
  }

  /** Takes out the first one who waits. Those behind are moved up when they are the fewer: `shift` moves all of very many, each time. */
  private takeWaiter(): Waiter | undefined {
    const { waiters, nextWaiter } = this;
    if (nextWaiter === waiters.length) return undefined;
    const waiter = waiters[nextWaiter];
    waiters[nextWaiter] = undefined;
    this.nextWaiter++;
    if (2 * this.nextWaiter >= waiters.length) {
      waiters.splice(0, this.nextWaiter);
      this.nextWaiter = 0;
    }
    return waiter;
  }
}
