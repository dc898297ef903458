/**
 * After each file of tests: what it opened is closed. Loaded by vitest before every file (setupFiles in vitest.config.ts).
 *
 * | what        | from                                   | counted                                                     |
 * |-------------|----------------------------------------|-------------------------------------------------------------|
 * | descriptors | /proc/self/fd                          | those of files and directories, by the path that they lead to |
 * | threads     | /proc/self/task                        | all; those of the pool of libuv are started before           |
 * | handles     | process.getActiveResourcesInfo()       | timers, workers, ports, children, calls under way            |
 *
 * **Invariants:**
 * 1. It runs after the clean-up of the file itself: vitest runs the `afterAll` that was registered first as the last one.
 * 2. What is on its way out may go: the check looks again, turn by turn, before it says that something is left.
 * 3. Without /proc only the handles are looked at.
 */
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { afterAll, beforeAll, expect } from 'vitest';

/** What a process holds. */
export interface Holdings {
  /** Paths of open files and directories, one for each descriptor, sorted. */
  readonly descriptors: readonly string[];
  readonly threads: number;
  /** Kinds of active handles, one for each, sorted. */
  readonly handles: readonly string[];
}

/** Kinds that come and go with the test runner's own talk to its parent. */
const foreignHandles = ['PipeWrap', 'TTYWrap', 'Immediate', 'TickObject'];

const looksMax = 400;

function pathOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    // That of the listing itself.
    return '';
  }
}

/** What this process holds now. */
export function currentHoldings(): Holdings {
  const hasProc = existsSync('/proc/self/fd');
  const paths = hasProc ? readdirSync('/proc/self/fd').map(pathOf) : [];
  return {
    descriptors: paths.filter((path) => path.startsWith('/') && !path.startsWith('/dev/') && !path.startsWith('/proc/')).sort(),
    threads: hasProc ? readdirSync('/proc/self/task').length : 0,
    handles: process
      .getActiveResourcesInfo()
      .filter((kind) => !foreignHandles.includes(kind))
      .sort(),
  };
}

/** Members of `after` that `before` has fewer of. */
function added(before: readonly string[], after: readonly string[]): string[] {
  const left = [...before];
  return after.filter((member) => {
    const at = left.indexOf(member);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** What is held now and was not before, in words; empty where nothing is. */
export function leaksSince(before: Holdings): string[] {
  const now = currentHoldings();
  const threads = Math.max(0, now.threads - before.threads);
  return [
    ...added(before.descriptors, now.descriptors).map((path) => `a descriptor of ${path}`),
    ...added(before.handles, now.handles).map((kind) => `a handle: ${kind}`),
    ...(threads > 0 ? [`${threads} more threads`] : []),
  ];
}

/** As `leaksSince`, after what is on its way out has had time to go. */
export async function lastingLeaksSince(before: Holdings): Promise<string[]> {
  let leaks = leaksSince(before);
  for (let look = 0; leaks.length > 0 && look < looksMax; look++) {
    await new Promise((resolve) => (look % 4 === 3 ? setTimeout(resolve, 10) : setImmediate(resolve)));
    leaks = leaksSince(before);
  }
  return leaks;
}

let before: Holdings | undefined;

beforeAll(async () => {
  // The first call off the event loop starts the threads of libuv's pool, which stay.
  await stat('/');
  const { descriptors, threads, handles } = currentHoldings();
  // A timer that the runner has just now ends by itself, so it counts for nothing: it must not hide one of a test.
  before = { descriptors, threads, handles: handles.filter((kind) => kind !== 'Timeout') };
});

afterAll(async () => {
  if (before !== undefined) expect(await lastingLeaksSince(before), 'left open by this file').toEqual([]);
});
