/**
 * docs/cli.md is true: the help of every command stands in it as it is printed, and its session gives what it shows.
 *
 * `UPDATE_DOCS=1` writes the help, and what the session prints, into the page anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { builtModule, varve, workplace } from './support.js';

const page = fileURLToPath(new URL('../../docs/cli.md', import.meta.url));
const place = workplace();
const mark = '## Every command';

async function helpOfAll(): Promise<string> {
  const { commands } = await builtModule<typeof import('../../src/cli/commands.js')>('cli/commands.js');
  const sections = [mark, '', '```text', (await varve(['--help'])).stdout.trimEnd(), '```', ''];
  for (const { name } of commands) {
    const { code, stdout } = await varve([name, '--help']);
    expect(code).toBe(0);
    sections.push(`### varve ${name}`, '', '```text', stdout.trimEnd(), '```', '');
  }
  return sections.join('\n');
}

test('the help of every command stands in the page as it is printed', async () => {
  const text = readFileSync(page, 'utf8');
  const help = await helpOfAll();
  if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(page, `${text.slice(0, text.indexOf(mark))}${help}`);
  expect(readFileSync(page, 'utf8').slice(text.indexOf(mark))).toBe(help);
});

/** The words of a line of a shell that knows single quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

test('the session in the page gives what it shows, exit codes included', async () => {
  const [, session = ''] = /```console\n([\s\S]*?)```/.exec(readFileSync(page, 'utf8')) ?? [];
  const home = process.cwd();
  process.chdir(place);
  try {
    const printed: string[] = [];
    let code: number | null = 0;
    for (const line of session.split('\n').filter((text) => text.startsWith('$ '))) {
      printed.push(line);
      if (line === '$ echo $?') {
        printed.push(String(code));
        continue;
      }
      let input = '';
      for (const command of line.slice(2).split(' | ')) {
        const [program, ...words] = wordsOf(command);
        expect(program).toBe('varve');
        const end = await varve(words, input);
        input = end.stdout;
        code = end.code;
        printed.push(...end.stderr.split('\n').filter((text) => text.length > 0));
      }
      printed.push(...input.split('\n').slice(0, -1));
    }
    const shown = `${printed.join('\n')}\n`.replaceAll(place, '/home/me');
    if (process.env['UPDATE_DOCS'] !== undefined)
      writeFileSync(
        page,
        readFileSync(page, 'utf8').replace(session, () => shown),
      );
    else expect(shown).toBe(session);
    expect(existsSync('fruit.tar')).toBe(true);
  } finally {
    process.chdir(home);
  }
});

test('every example of a help is a command line that is understood', async () => {
  const { commands } = await builtModule<typeof import('../../src/cli/commands.js')>('cli/commands.js');
  const { parseCommandLine } = await builtModule<typeof import('../../src/cli/command-line.js')>('cli/command-line.js');
  const streams = { output: process.stdout, errors: process.stderr, width: 80 };
  for (const { name, examples } of commands) {
    expect(examples.length, name).toBeGreaterThan(0);
    for (const example of examples) {
      const calls = example.split(' | ').filter((part) => /(^|\s)varve /.test(part));
      expect(calls.length, example).toBeGreaterThan(0);
      for (const call of calls) {
        const words = wordsOf(call.replace(/^.*?varve /, '').replace(/ > .*$/, ''));
        expect(typeof parseCommandLine(commands, '0', words, streams), call).toBe('object');
      }
    }
  }
});
