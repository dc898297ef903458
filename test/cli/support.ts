/**
 * The built command in child processes, and databases for it.
 *
 * A sample database is made once a file of tests and copied: its history is known, key by key.
 */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll } from 'vitest';
import { openBackend } from 'varve';

/** The entry of the command, as `bin` of package.json names it. */
export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A module of the built package. */
export function builtModule<Module>(path: string): Promise<Module> {
  return import(pathToFileURL(fileURLToPath(new URL(`../../dist/${path}`, import.meta.url))).href) as Promise<Module>;
}

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command. */
export function start(words: readonly string[], options: Pick<SpawnOptions, 'cwd' | 'env'> = {}): ChildProcess {
  return spawn(process.execPath, [main, ...words], { stdio: 'pipe', ...options });
}

/** The end of a command that was started. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const pieces: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  child.stdout?.on('data', (piece: Buffer) => pieces.stdout.push(piece));
  child.stderr?.on('data', (piece: Buffer) => pieces.stderr.push(piece));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout: Buffer.concat(pieces.stdout).toString(), stderr: Buffer.concat(pieces.stderr).toString() };
}

/** Runs the command to its end in a process of its own. */
export function varveProcess(
  words: readonly string[],
  { input = '', cwd }: { input?: string; cwd?: string } = {},
): Promise<Ended> {
  const child = start(words, cwd === undefined ? {} : { cwd });
  // A command that does not read its input may be gone before it comes.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return ended(child);
}

/** Keeps what is written to it. */
class Kept extends Writable {
  readonly pieces: Buffer[] = [];

  constructor(private readonly seen: Terminal['seen']) {
    super();
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.pieces.push(piece);
    this.seen?.(piece.toString());
    done();
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString();
  }
}

/** The terminal that shows standard error, where it has columns, and standard output, where that is said. */
export interface Terminal {
  readonly columns?: number;
  readonly isOutput?: boolean;
  /** Told what comes to either, in order. */
  readonly seen?: (piece: string) => void;
}

/** Runs the built command in this process: all of it but src/cli/main.ts, at a tenth of the cost. */
export async function varve(words: readonly string[], input: string | Buffer = '', terminal: Terminal = {}): Promise<Ended> {
  const { runCommandLine } = await builtModule<typeof import('../../src/cli/run.js')>('cli/run.js');
  const { signal } = new AbortController();
  const { columns, isOutput = false, seen } = terminal;
  const [output, errors] = [new Kept(seen), new Kept(seen)];
  const world = {
    input: Readable.from([Buffer.from(input)]),
    output,
    errors,
    width: columns ?? 80,
    isTerminal: isOutput,
    watchedWidth: () => columns,
    signal,
  };
  const code = await runCommandLine(words, world);
  return { code, stdout: output.text, stderr: errors.text };
}

/** A directory for the files of this file of tests, removed after them. */
export function workplace(): string {
  const directory = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** What was written to a sample: bucket/key → its values in order; undefined is a deletion. */
export type History = Map<string, (string | undefined)[]>;

/** Makes a database with several runs, tables and a log, in three buckets; one more bucket was deleted. */
export async function makeSample(path: string): Promise<History> {
  const history: History = new Map();
  const buckets = ['animals', 'fruit', 'tools'];
  for (let round = 0; round < 4; round++) {
    const database = await openBackend({ path, memtableBytes: 16 * 1024, compression: 'none', unsafeNoFsync: true });
    database.update((tx) => {
      for (const bucket of [...buckets, 'gone']) tx.unsafeCreateBucket(bucket);
    });
    for (let i = 0; i < 30; i++) {
      database.update((tx) => {
        for (let j = 0; j < 10; j++) {
          const number = (i * 10 + j + round * 131) % 400;
          const [bucket, key] = [buckets[number % 3] ?? '', `key-${String(number).padStart(4, '0')}`];
          const value = (number + round) % 11 === 0 ? undefined : `round ${round} of ${number} ${'.'.repeat(number % 90)}`;
          if (value === undefined) tx.unsafeDelete(bucket, key);
          else tx.unsafePut(bucket, key, value);
          const name = `${bucket}/${key}`;
          history.set(name, [...(history.get(name) ?? []), value]);
          tx.unsafePut('gone', key, 'nobody reads this');
        }
      });
      await database.forceCommit();
    }
    database.update((tx) => tx.unsafeDeleteBucket('gone'));
    await database.close();
  }
  return history;
}

/** Copies a database to a name of its own. */
export function copyOf(path: string, name: string): string {
  const copy = `${path}-${name}`;
  cpSync(path, copy, { recursive: true });
  return copy;
}

/** The files of a database with such names, sorted. */
export function filesOf(path: string, pattern: RegExp): string[] {
  return readdirSync(path)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(path, name));
}

/** Lines of JSON as values. */
export function jsonLines(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line.length > 0)
    .map((line) => JSON.parse(line) as unknown);
}
