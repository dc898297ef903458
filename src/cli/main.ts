#!/usr/bin/env node
/**
 * The command `varve`: the process around run.ts.
 *
 * Invariants:
 * 1. The first signal asks the command to stop, and it cleans up; the next ends the process at once, as a crash would. What comes right
 *    behind the first is the same one: a terminal tells the whole group of processes, and a parent (npx, timeout) passes it on.
 * 2. The exit code is that of the command; a command that waits for what never comes has failed.
 */
import { runCommandLine } from './run.js';

const signalCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** Signals that are no farther apart are one. */
const sameSignalMs = 300;
/** Columns where a terminal does not say how many it has, and where there is none. */
const usualWidth = 80;

/** Turns the first signal into an abort, the next into the end. */
function listenToSignals(): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  for (const [name, code] of Object.entries(signalCodes)) {
    process.on(name, () => {
      if (!controller.signal.aborted) {
        first = performance.now();
        controller.abort(code);
      } else if (performance.now() - first > sameSignalMs) process.exit(code);
    });
  }
  return controller.signal;
}

// A reader that goes is told by the write that fails; without a listener the event would end the process.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
process.exitCode = 1;
runCommandLine(process.argv.slice(2), {
  input: process.stdin,
  output: process.stdout,
  errors: process.stderr,
  width: process.stdout.columns || usualWidth,
  isTerminal: process.stdout.isTTY === true,
  watchedWidth: () =>
    process.stderr.isTTY === true && process.env['TERM'] !== 'dumb' ? process.stderr.columns || usualWidth : undefined,
  signal: listenToSignals(),
}).then(
  // Standard input may be open still, and what was left where it stood may be at work: nothing of it matters any more.
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
