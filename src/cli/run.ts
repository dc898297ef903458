/**
 * One command line, run in a world of streams: parses, runs, tells what went wrong, gives an exit code.
 *
 *   parse ─▶ run ─▶ 0 | 1
 *     │       ├─ VARVE_INVALID_ARGUMENT, VARVE_LIMIT ─▶ 2
 *     │       ├─ the signal came ─▶ the command gives back what it holds ─▶ what the signal asks for: 130, 143
 *     │       └─ the reader of the output has gone (EPIPE) ─▶ 0, quietly
 *     └─ wrong use ─▶ 2
 */
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { systemErrorCode } from '../errors.js';
import { parseCommandLine, type ParsedLine } from './command-line.js';
import { Call, type Command } from './command.js';
import { commands } from './commands.js';
import { explain } from './explain.js';
import { Output } from './output.js';
import { Progress } from './progress.js';

/** What a command line runs in. */
export interface World {
  readonly input: Readable;
  readonly output: Writable;
  readonly errors: Writable;
  /** Columns to print in. */
  readonly width: number;
  /** Whether `output` is a terminal. */
  readonly isTerminal: boolean;
  /** Columns of the terminal that shows `errors`, where progress is drawn; undefined where there is none. */
  watchedWidth(): number | undefined;
  /** Asks the command to stop; its reason is the exit code. */
  readonly signal: AbortSignal;
}

/** The version of the package. */
function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown';
}

function isBrokenPipe(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (systemErrorCode(at) === 'EPIPE') return true;
  return false;
}

/** Says what went wrong, and gives the exit code. */
function tell(world: World, command: Command, error: unknown, isJson: boolean): number {
  const { code, message, file, offset, hint } = explain(error, command);
  const text = isJson
    ? JSON.stringify({ error: { code, message, file, offset, hint } })
    : [`varve ${command.name}: ${message}`, ...(hint === undefined ? [] : [hint])].join('\n');
  world.errors.write(`${text}\n`);
  return code === 'VARVE_INVALID_ARGUMENT' || code === 'VARVE_LIMIT' ? 2 : 1;
}

async function runCommand({ command, words, options }: ParsedLine, world: World): Promise<number> {
  const isJson = options['json'] === true;
  const progress = new Progress(world.errors, () => (isJson ? undefined : world.watchedWidth()));
  const output = new Output(world.output, isJson, world.width, world.isTerminal, world.signal, () => progress.end());
  try {
    const outcome = await command.run(new Call(words, options, world.input, output, progress, world.signal));
    progress.end();
    await output.flush();
    return outcome === 'done' ? 0 : 1;
  } catch (error) {
    progress.end();
    if (isBrokenPipe(error)) return 0;
    if (world.signal.aborted) {
      const text = isJson ? JSON.stringify({ error: { code: 'VARVE_ABORTED', message: 'interrupted' } }) : undefined;
      world.errors.write(`${text ?? `varve ${command.name}: interrupted`}\n`);
      return Number(world.signal.reason);
    }
    // What was found out before the error is told too.
    await output.flush().catch(() => {});
    return tell(world, command, error, isJson);
  }
}

/** Runs a command line, without the name of the program, and resolves with the exit code. */
export async function runCommandLine(line: readonly string[], world: World): Promise<number> {
  const parsed = parseCommandLine(commands, packageVersion(), line, world);
  return typeof parsed === 'number' ? parsed : runCommand(parsed, world);
}
