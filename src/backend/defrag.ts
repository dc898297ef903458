/**
 * Defrag: one run at a time, and everybody who asks during it joins.
 *
 * Invariants:
 * 1. Each caller has its own signal: an abort ends only that caller's waiting, and the work itself when nobody waits any more.
 * 2. While somebody waits the process is kept alive.
 */
import type { Engine } from '../engine/engine.js';
import { invalidArgument, VarveError } from '../errors.js';
import { describe } from '../options.js';
import type { Committer } from './committer.js';
import { checkFunction } from './input.js';
import { checkNotAborted } from './snapshot.js';

export interface DefragOptions {
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

type Progress = (done: number, total: number) => void;

interface Run {
  readonly done: Promise<void>;
  readonly listeners: Set<Progress>;
  waiting: number;
}

export class DefragRuns {
  private current: Run | undefined;

  constructor(
    private readonly engine: Engine,
    private readonly committer: Committer,
  ) {}

  async run(options: DefragOptions): Promise<void> {
    if (typeof options !== 'object' || options === null)
      throw invalidArgument(`the options of defrag are an object, not ${describe(options)}`);
    const { signal, onProgress } = options;
    if (onProgress !== undefined) checkFunction(onProgress, 'onProgress');
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw invalidArgument(`signal is an AbortSignal, not ${describe(signal)}`);
    checkNotAborted(signal);
    const run = this.current ?? this.begin();
    run.waiting++;
    if (onProgress !== undefined) run.listeners.add(onProgress);
    try {
      await (signal === undefined ? run.done : Promise.race([run.done, aborted(signal)]));
    } finally {
      run.waiting--;
      if (onProgress !== undefined) run.listeners.delete(onProgress);
      if (run.waiting === 0 && this.current === run) this.engine.background.compactions.cancel();
    }
  }

  private begin(): Run {
    const listeners = new Set<Progress>();
    const { background } = this.engine;
    const work = async (): Promise<void> => {
      background.keepProcessAlive(1);
      try {
        await this.committer.commit();
        await this.engine.defrag((done, total) => {
          for (const listener of [...listeners]) listener(done, total);
        });
      } finally {
        background.keepProcessAlive(-1);
        this.current = undefined;
      }
    };
    const done = work();
    // Every caller may have gone when it fails.
    done.catch(() => {});
    this.current = { done, listeners, waiting: 0 };
    return this.current;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener(
      'abort',
      () => reject(new VarveError('VARVE_ABORTED', 'the defrag was aborted', { cause: signal.reason })),
      { once: true },
    );
  });
}
