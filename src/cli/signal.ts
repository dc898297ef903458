/**
 * The signal that asks a command to stop, as its work sees it.
 *
 *   work that may be left where it stands ─▶ unlessAborted          work in pieces ─▶ giveWay, checkSignal between two of them
 */
import { VarveError } from '../errors.js';

/** Throws VARVE_ABORTED once the signal has come: between two pieces of work. */
export function checkSignal(signal: AbortSignal): void {
  if (signal.aborted) throw new VarveError('VARVE_ABORTED', 'interrupted', { cause: signal.reason });
}

/** The result of `work`, or VARVE_ABORTED as soon as the signal comes: for what reads only, and so may be left where it stands. */
export async function unlessAborted<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  checkSignal(signal);
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new VarveError('VARVE_ABORTED', 'interrupted', { cause: signal.reason }));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Lets signals be heard in the middle of work that never waits. */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
