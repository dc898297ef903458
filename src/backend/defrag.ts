/**
 * Defrag: one run at a time, and everybody who asks during it joins.
 *
 * Invariants:
 * 1. Each caller has its own signal: an abort, or a throw of its progress function, ends only that caller's waiting; the work itself
 *    ends when nobody waits any more, and whoever asks after that begins a new run.
 * 2. While somebody waits the process is kept alive.
 * 3. What was unlocked before a call is durable when it resolves, also where it joined.
 */
import type { Engine } from '../engine/engine.js';
import { invalidArgument, VarveError } from '../errors.js';
import { describe } from '../options.js';
import type { Committer } from './committer.js';
import { checkFunction } from './input.js';
import { checkNotAborted, checkSignal } from './snapshot.js';

export interface DefragOptions {
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

type Progress = (done: number, total: number) => void;

/** A caller with a progress function: what it throws is that caller's alone. */
interface Listener {
  readonly progress: Progress;
  readonly fail: (error: unknown) => void;
}

interface Run {
  readonly done: Promise<void>;
  readonly listeners: Set<Listener>;
  waiting: number;
  cancelled: boolean;
}

export class DefragRuns {
  private current: Run | undefined;

  constructor(
    private readonly engine: Engine,
    private readonly committer: Committer,
  ) {}

  async run(options: DefragOptions): Promise<void> {
    if (typeof options !== 'object' || options === null) {
      throw invalidArgument(`the options of defrag are an object, not ${describe(options)}`);
    }
    const { signal, onProgress } = options;
    if (onProgress !== undefined) checkFunction(onProgress, 'onProgress');
    checkSignal(signal);
    checkNotAborted(signal);
    const { current } = this;
    if (current === undefined || current.cancelled) return this.waitFor(this.begin(current), signal, onProgress);
    // The run that is joined may have committed before this caller's sections were unlocked.
    await Promise.all([this.committer.commit(), this.waitFor(current, signal, onProgress)]);
  }

  private async waitFor(run: Run, signal: AbortSignal | undefined, onProgress: Progress | undefined): Promise<void> {
    let leave: (error: unknown) => void = () => {};
    const left = new Promise<never>((_, reject) => {
      leave = reject;
    });
    left.catch(() => {});
    const onAbort = (): void => leave(new VarveError('VARVE_ABORTED', 'the defrag was aborted', { cause: signal?.reason }));
    const listener = onProgress === undefined ? undefined : { progress: onProgress, fail: leave };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (listener !== undefined) run.listeners.add(listener);
    run.waiting++;
    try {
      await Promise.race([run.done, left]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      if (listener !== undefined) run.listeners.delete(listener);
      run.waiting--;
      if (run.waiting === 0 && this.current === run) {
        run.cancelled = true;
        this.engine.background.compactions.cancelFull();
      }
    }
  }

  /** Begins a run, after the one before (which was cancelled) has ended. */
  private begin(before: Run | undefined): Run {
    const { background } = this.engine;
    const listeners = new Set<Listener>();
    const work = async (): Promise<void> => {
      background.keepProcessAlive(1);
      try {
        await before?.done.catch(() => {});
        await this.committer.commit();
        await this.engine.defrag(
          (done, total) => tell(listeners, done, total),
          () => {
            if (run.cancelled) throw new VarveError('VARVE_ABORTED', 'nobody waits for the defrag any more');
          },
        );
      } finally {
        background.keepProcessAlive(-1);
        if (this.current === run) this.current = undefined;
      }
    };
    const run: Run = { done: Promise.resolve().then(work), listeners, waiting: 0, cancelled: false };
    // Every caller may have gone when it fails.
    run.done.catch(() => {});
    this.current = run;
    return run;
  }
}

function tell(listeners: Set<Listener>, done: number, total: number): void {
  for (const listener of [...listeners]) {
    try {
      listener.progress(done, total);
    } catch (error) {
      listeners.delete(listener);
      listener.fail(error);
    }
  }
}
