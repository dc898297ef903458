/**
 * What a command is, as a value: its name, what it takes, and what it does. command-line.ts makes a parser and a help text of it.
 *
 *   Command ── command-line.ts parses ──▶ Call ── run ──▶ 'done' | 'failed'
 *
 * Invariants:
 * 1. A command writes its results to `call.output` and nothing else to standard output.
 * 2. What is wrong with its use is VARVE_INVALID_ARGUMENT or VARVE_LIMIT, before anything was changed.
 * 3. It looks at `call.signal` between two pieces of work, and gives back what it holds before it returns or throws.
 */
import type { Readable } from 'node:stream';
import { assert, invalidArgument, type VarveErrorCode } from '../errors.js';
import type { Output } from './output.js';
import type { Progress } from './progress.js';

/** A word of the command line that is told by its place. */
export interface Parameter {
  readonly name: string;
  readonly summary: string;
  readonly kind?: 'required' | 'optional' | 'several';
}

/** A word that begins with two dashes. `flags` as in `-l, --limit <count>`. */
export interface Switch {
  readonly flags: string;
  readonly summary: string;
  /** May be given more than once. */
  readonly isList?: boolean;
}

/** How a command ended that has nothing to complain about, or found what its caller asked it to look for: problems, or no such key. */
export type Outcome = 'done' | 'failed';

/** One command. */
export interface Command {
  readonly name: string;
  readonly group: string;
  readonly summary: string;
  /** Sentences that follow the summary in the help of the command. */
  readonly details?: string;
  readonly parameters: readonly Parameter[];
  readonly switches: readonly Switch[];
  /** What to do about errors, where it is not what explain.ts says of databases: the command reads another file. */
  readonly hints?: Readonly<Partial<Record<VarveErrorCode, string>>>;
  /** Whole command lines. */
  readonly examples: readonly string[];
  run(call: Call): Promise<Outcome>;
}

/** The words of one command line, by name, and the world that the command may use. */
export class Call {
  constructor(
    private readonly words: ReadonlyMap<string, string | readonly string[] | undefined>,
    private readonly options: Readonly<Record<string, unknown>>,
    /** Standard input. */
    readonly input: Readable,
    readonly output: Output,
    readonly progress: Progress,
    readonly signal: AbortSignal,
  ) {}

  /** A parameter that must be given. */
  word(name: string): string {
    const given = this.words.get(name);
    assert(typeof given === 'string', `the parameter ${name} is required`);
    return given;
  }

  /** A parameter that may be missing. */
  optionalWord(name: string): string | undefined {
    const given = this.words.get(name);
    return typeof given === 'string' ? given : undefined;
  }

  /** The words of a parameter that takes several. */
  severalWords(name: string): readonly string[] {
    const given = this.words.get(name);
    return Array.isArray(given) ? given : [];
  }

  /** Whether a switch without a value was given. */
  has(option: string): boolean {
    return this.options[option] === true;
  }

  /** The value of a switch. */
  text(option: string): string | undefined {
    const given = this.options[option];
    return typeof given === 'string' ? given : undefined;
  }

  /** The values of a switch that may be given more than once. */
  list(option: string): readonly string[] {
    const given = this.options[option];
    return Array.isArray(given) ? given.map(String) : [];
  }

  /** The value of a switch that counts something. */
  count(option: string): number | undefined {
    const given = this.text(option);
    if (given === undefined) return undefined;
    const value = /^\d+$/.test(given) ? Number(given) : Number.NaN;
    if (Number.isSafeInteger(value)) return value;
    throw invalidArgument(`--${option} takes a whole number, not ${JSON.stringify(given)}`);
  }

  /** One of the values that a switch may have. */
  oneOf<T extends string>(option: string, allowed: readonly T[]): T | undefined {
    const given = this.text(option);
    const found = allowed.find((value) => value === given);
    if (given === undefined || found !== undefined) return found;
    throw invalidArgument(`--${option} is one of ${allowed.join(', ')}, not ${JSON.stringify(given)}`);
  }
}
