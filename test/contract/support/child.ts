/**
 * Child processes that run a fixture of test/contract/fixtures against the built package: to be killed, to be left alone, or
 * to be short of something.
 *
 * **Invariants**
 * 1. A child that outlives its test is killed when the test ends.
 * 2. Fixtures speak in lines on their standard output, written synchronously: a line that was seen was said before the kill.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';

export interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  lines: string[];
  errorText: string;
}

export interface Child {
  process: ChildProcess;
  /** Lines so far. */
  lines: string[];
  /** Resolves when the child has said at least `count` lines, or ended. */
  said(count: number): Promise<void>;
  /** Resolves when the child has ended and its output is complete. */
  ended: Promise<ChildEnd>;
}

export interface ChildOptions {
  /** Options of node itself. */
  nodeOptions?: string[];
  /** A shell command in which `"$@"` stands for the child's own command line. */
  shell?: string;
}

/** Where a fixture is. */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** Starts a fixture. */
export function start(fixture: string, args: string[], options: ChildOptions = {}): Child {
  const command = [process.execPath, ...(options.nodeOptions ?? []), fixturePath(fixture), ...args];
  const [program, ...rest] = options.shell === undefined ? command : ['/bin/sh', '-c', options.shell, 'sh', ...command];
  const child = spawn(program as string, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines: string[] = [];
  let wake: () => void = () => {};
  let over = false;
  let errorText = '';
  child.stderr.on('data', (text) => {
    errorText += String(text);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    wake();
  });
  const ended = new Promise<ChildEnd>((resolve) => {
    child.on('close', (code, signal) => {
      over = true;
      wake();
      resolve({ code, signal, lines, errorText });
    });
  });
  const said = async (count: number): Promise<void> => {
    while (lines.length < count && !over) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { process: child, lines, said, ended };
}

/** Runs a fixture to its end; it must end by itself with exit code 0. */
export async function run(fixture: string, args: string[], options: ChildOptions = {}): Promise<string[]> {
  const end = await start(fixture, args, options).ended;
  expect(end.code, `${fixture} ended with ${end.code ?? end.signal}: ${end.errorText}`).toBe(0);
  return end.lines;
}
