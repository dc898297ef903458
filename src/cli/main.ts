#!/usr/bin/env node
/**
 * The command `varve`: parses, runs one command, tells what went wrong, ends with an exit code.
 *
 *   parse ─▶ run ─▶ 0 | 1
 *     │       ├─ VARVE_INVALID_ARGUMENT, VARVE_LIMIT ─▶ 2
 *     │       ├─ SIGINT, SIGTERM ─▶ the command gives back what it holds ─▶ 130, 143
 *     │       └─ the reader of the output has gone (EPIPE) ─▶ 0, quietly
 *     └─ wrong use ─▶ 2
 *
 * Invariants:
 * 1. The first signal asks the command to stop, and it cleans up; the second ends the process at once, as a crash would.
 */
import { readFileSync } from 'node:fs';
import { systemErrorCode, VarveError } from '../errors.js';
import { parseCommandLine, type ParsedLine } from './command-line.js';
import { Call } from './command.js';
import { commands } from './commands.js';
import { explain } from './explain.js';
import { Output } from './output.js';
import { Progress } from './progress.js';

const signalCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof signalCodes;
const narrowWidth = 80;

/** The version of the package. */
function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown';
}

/** The signal that came first, and the AbortSignal that tells commands of it. */
class Interruption {
  readonly controller = new AbortController();
  came: Signal | undefined;

  constructor() {
    for (const signal of Object.keys(signalCodes) as Signal[]) {
      process.on(signal, () => {
        if (this.came !== undefined) process.exit(signalCodes[signal]);
        this.came = signal;
        this.controller.abort(signal);
      });
    }
  }
}

function isBrokenPipe(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (systemErrorCode(at) === 'EPIPE') return true;
  return false;
}

function tell(parsed: ParsedLine, error: unknown, isJson: boolean): void {
  const { code, message, file, offset, hint } = explain(error);
  const text = isJson
    ? JSON.stringify({ error: { code, message, file, offset, hint } })
    : [`varve ${parsed.command.name}: ${message}`, ...(hint === undefined ? [] : [hint])].join('\n');
  process.stderr.write(`${text}\n`);
}

async function run(parsed: ParsedLine): Promise<number> {
  const interruption = new Interruption();
  // A reader that goes is told by the write that fails; without a listener the event would end the process.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const isJson = parsed.options['json'] === true;
  const output = new Output(process.stdout, isJson, process.stdout.columns ?? narrowWidth);
  const progress = new Progress(process.stderr, process.stderr.isTTY === true && !isJson);
  const call = new Call(parsed.words, parsed.options, output, progress, interruption.controller.signal);
  try {
    const outcome = await parsed.command.run(call);
    progress.end();
    await output.flush();
    return outcome === 'done' ? 0 : 1;
  } catch (error) {
    progress.end();
    if (isBrokenPipe(error)) return 0;
    if (interruption.came !== undefined) {
      process.stderr.write(`varve ${parsed.command.name}: interrupted\n`);
      return signalCodes[interruption.came];
    }
    // What was found out before the error is told too.
    await output.flush().catch(() => {});
    tell(parsed, error, isJson);
    const isWrongUse = error instanceof VarveError && (error.code === 'VARVE_INVALID_ARGUMENT' || error.code === 'VARVE_LIMIT');
    return isWrongUse ? 2 : 1;
  }
}

const parsed = parseCommandLine(commands, packageVersion(), process.argv.slice(2));
if (typeof parsed === 'number') process.exitCode = parsed;
else {
  // Until something else is known: a command that waits for what never comes has failed.
  process.exitCode = 1;
  // Standard input may be open still, and what was left where it stood may be at work: nothing of it matters any more.
  run(parsed).then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
}
