/**
 * From the words of a command line to the call of a command, and from commands to help: the only user of commander.
 *
 * | what                                       | exit code |
 * | done                                       | 0         |
 * | failed, or problems were found             | 1         |
 * | wrong use: unknown words, values out of range | 2      |
 *
 * Invariants:
 * 1. What was asked for (help, the version) goes to standard output; what is wrong goes to standard error, as JSON where that was asked for.
 * 2. `--json` may stand before the command, too.
 */
import type { Writable } from 'node:stream';
import { type Argument, Command as Parser, CommanderError, Option } from 'commander';
import type { Command, Parameter, Switch } from './command.js';

/** A command line that was understood. */
export interface ParsedLine {
  readonly command: Command;
  readonly words: ReadonlyMap<string, string | readonly string[] | undefined>;
  readonly options: Readonly<Record<string, unknown>>;
}

const epilogue = `
DATABASE is the directory of a database. Keys and values are text with the escapes \\\\, \\n, \\r, \\t and \\xHH, or with --hex
hexadecimal. Every command knows --json. Commands that read open the database without the right to write.

Exit codes: 0 done, 1 failed or problems found, 2 wrong use, 130 interrupted.

  varve COMMAND --help    what a command takes, with examples`;

function parameterText({ name, kind }: Parameter): string {
  if (kind === 'optional') return `[${name}]`;
  return kind === 'several' ? `[${name}...]` : `<${name}>`;
}

function argumentText(argument: Argument): string {
  const name = argument.name();
  if (argument.required) return `<${name}>`;
  return argument.variadic ? `[${name}...]` : `[${name}]`;
}

function optionOf({ flags, summary, isList }: Switch): Option {
  const option = new Option(flags, summary);
  if (isList === true) option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
  return option;
}

function wordsOf(command: Command, given: readonly unknown[]): ParsedLine['words'] {
  return new Map(
    command.parameters.map(({ name }, i) => {
      const word = given[i];
      return [name, typeof word === 'string' ? word : Array.isArray(word) ? word.map(String) : undefined] as const;
    }),
  );
}

function addCommand(program: Parser, command: Command, found: (line: ParsedLine) => void): void {
  const parser = program.command(command.name).summary(command.summary).helpGroup(`${command.group}:`);
  const sentence = `${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}.`;
  parser.description(command.details === undefined ? sentence : `${sentence}\n\n${command.details}`);
  for (const parameter of command.parameters) parser.argument(parameterText(parameter), parameter.summary);
  for (const option of command.switches) parser.addOption(optionOf(option));
  parser.option('--json', 'print JSON').helpOption('-h, --help', 'print this help');
  parser.addHelpText('after', `\nExamples:\n${command.examples.map((example) => `  ${example}`).join('\n')}`);
  parser.showHelpAfterError(`(varve ${command.name} --help tells more)`);
  parser.action((...given: unknown[]) =>
    found({ command, words: wordsOf(command, given), options: parser.optsWithGlobals<Record<string, unknown>>() }),
  );
}

/** Whether JSON was asked for, also where the rest of the line is not understood. */
function asksForJson(line: readonly string[]): boolean {
  const end = line.indexOf('--');
  return (end < 0 ? line : line.slice(0, end)).includes('--json');
}

/** What is wrong with a line, as one line of JSON. */
function errorAsJson({ code, message }: CommanderError): string {
  const text = code === 'commander.help' ? 'no command was given' : message.replace(/^error: /, '').replaceAll('\n', ' ');
  const hint = '`varve --help` and `varve COMMAND --help` tell more.';
  return JSON.stringify({ error: { code: 'VARVE_INVALID_ARGUMENT', message: text, hint } });
}

/**
 * Understands a command line (without the program's own name), or prints help or what is wrong and gives an exit code.
 */
export function parseCommandLine(
  commands: readonly Command[],
  version: string,
  line: readonly string[],
  streams: { readonly output: Writable; readonly errors: Writable; readonly width: number },
): ParsedLine | number {
  let found: ParsedLine | undefined;
  const isJson = asksForJson(line);
  const program = new Parser('varve')
    .description('Looks into databases of varve, changes them, copies them, checks them and rescues them.')
    .usage('COMMAND [...]')
    .version(version, '-V, --version', 'print the version')
    .addOption(new Option('--json').hideHelp())
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', epilogue)
    .showHelpAfterError('(varve --help tells more)')
    .configureHelp({
      subcommandTerm: (command) => `${command.name()} ${command.registeredArguments.map(argumentText).join(' ')}`,
    })
    .configureOutput({
      writeOut: (text) => streams.output.write(text),
      writeErr: (text) => isJson || streams.errors.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'varve: ')),
      getOutHelpWidth: () => streams.width,
      getErrHelpWidth: () => streams.width,
    })
    .exitOverride();
  for (const command of commands) addCommand(program, command, (parsed) => (found = parsed));
  try {
    program.parse([...line], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    if (isJson) streams.errors.write(`${errorAsJson(error)}\n`);
    return 2;
  }
  return found ?? 2;
}
