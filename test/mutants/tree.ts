/**
 * A copy of the project in a temporary directory, whose source can be spoilt and mended: tests that run there see the spoilt one, in
 * every way in which they reach it.
 *
 * ```
 *   src/a/b.ts      spoilt: what tests of single modules import
 *   dist/a/b.js     translated from it: what the package, its worker and child processes run
 *   test, …         as they are
 *   node_modules    a link
 * ```
 *
 * **Invariants:**
 * 1. Between two runs the tree is as the project is.
 * 2. A run that takes too long is ended with all processes that it started.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import typescript from 'typescript';
import type { Edit, Mutant } from './mutant.js';

/** The project. */
export const root = join(import.meta.dirname, '../..');

const copied = ['src', 'test', 'dist', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts'];

/** Stands for a test where something failed that was none. */
export const outsideOfTests = 'an error outside of all tests';

/** What came of running test files. */
export interface TestRun {
  /** The first test that failed, with its groups; undefined where none did. */
  readonly failed: string | undefined;
  /** Whether it failed, or was ended, because it took too long. */
  readonly tookTooLong: boolean;
  /** What was printed, where something failed. */
  readonly output: string;
}

interface Assertion {
  readonly status: string;
  readonly fullName: string;
  readonly failureMessages: readonly string[];
}

interface Report {
  readonly testResults: readonly {
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly Assertion[];
  }[];
}

/** The source with one snippet replaced; throws where that does not occur exactly once. */
export function withEdit(text: string, { find, replace }: Edit): string {
  const at = text.indexOf(find);
  if (at < 0 || text.indexOf(find, at + 1) >= 0) throw new Error(`the snippet does not occur exactly once: ${find}`);
  return text.slice(0, at) + replace + text.slice(at + find.length);
}

/** The text of a mutant's file in a copy of the project, spoilt. */
export function spoiltText(mutant: Mutant, directory = root): string {
  const text = withEdit(readFileSync(join(directory, 'src', mutant.file), 'utf8'), mutant);
  return mutant.also === undefined ? text : withEdit(text, mutant.also);
}

/** Source as the built package has it. Throws where it is no TypeScript. */
export function translated(text: string): string {
  const { ModuleKind, ScriptTarget } = typescript;
  const compilerOptions = { target: ScriptTarget.ES2022, module: ModuleKind.ESNext, verbatimModuleSyntax: true };
  const { outputText, diagnostics } = typescript.transpileModule(text, { compilerOptions, reportDiagnostics: true });
  const first = diagnostics?.[0];
  if (first !== undefined) throw new Error(typescript.flattenDiagnosticMessageText(first.messageText, '\n'));
  return outputText;
}

/** What the report of a run says. */
function judged(report: Report | undefined, wasEnded: boolean, exitCode: number | null, output: string): TestRun {
  for (const { status, message, assertionResults } of report?.testResults ?? []) {
    const first = assertionResults.find((assertion) => assertion.status === 'failed');
    if (first !== undefined) {
      const tookTooLong = first.failureMessages.some((text) => /timed out in \d+ms/.test(text));
      return { failed: first.fullName, tookTooLong, output: first.failureMessages.join('\n') };
    }
    if (status === 'failed') return { failed: 'the file as a whole', tookTooLong: false, output: message };
  }
  if (wasEnded) return { failed: 'no test ended in time', tookTooLong: true, output };
  return { failed: exitCode === 0 ? undefined : outsideOfTests, tookTooLong: false, output };
}

/** One copy of the project. */
export class Tree {
  private readonly directory = mkdtempSync(join(tmpdir(), 'varve-mutants-'));

  constructor() {
    for (const name of copied) cpSync(join(root, name), join(this.directory, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(this.directory, 'node_modules'));
    symlinkSync(join(root, 'docs'), join(this.directory, 'docs'));
  }

  /** Runs test files in the tree as it is. */
  async run(tests: readonly string[], limitMs: number): Promise<TestRun> {
    const reportFile = join(this.directory, 'report.json');
    rmSync(reportFile, { force: true });
    const files = tests.map((name) => `test/${name}.test.ts`);
    const flags = ['--bail=1', '--maxWorkers=1', '--reporter=json', `--outputFile=${reportFile}`];
    const environment = Object.entries(process.env).filter(([name]) => !/^(VARVE|VITEST|NODE_ENV|TEST|PROD|DEV|MODE)/.test(name));
    const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...files, ...flags], {
      cwd: this.directory,
      env: Object.fromEntries(environment),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        output = `${output}${text}`.slice(-20_000);
      });
    }
    let wasEnded = false;
    const timer = setTimeout(() => {
      wasEnded = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, limitMs);
    const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve));
    clearTimeout(timer);
    const report = existsSync(reportFile) ? (JSON.parse(readFileSync(reportFile, 'utf8')) as Report) : undefined;
    return judged(report, wasEnded, exitCode, output);
  }

  /** Runs test files with the mutant in place. */
  async runSpoilt(mutant: Mutant, tests: readonly string[], limitMs: number): Promise<TestRun> {
    const source = join(this.directory, 'src', mutant.file);
    const built = join(this.directory, 'dist', mutant.file.replace(/\.ts$/, '.js'));
    const before = [source, built].map((path) => ({ path, text: readFileSync(path) }));
    const text = spoiltText(mutant, this.directory);
    writeFileSync(source, text);
    writeFileSync(built, translated(text));
    try {
      return await this.run(tests, limitMs);
    } finally {
      for (const file of before) writeFileSync(file.path, file.text);
    }
  }

  /** Removes the tree. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
