/**
 * Processes that do something many times and tell what they held before and after.
 *
 * | held        | must be afterwards                                                                   |
 * |-------------|--------------------------------------------------------------------------------------|
 * | descriptors | no more than before, but for tables that are open: the cap on those is the same      |
 * | threads     | no more                                                                              |
 * | handles     | the same kinds, as many of each                                                      |
 * | files       | no more than work that is under way may add                                          |
 * | memory      | what can be reached: no more than the slack, whatever the number of rounds           |
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../contract/support/child.js';
import { temporaryDirectory } from '../contract/support/harness.js';
import { parseFileName } from '../../src/format/file-names.js';
import { Bytes } from '../format-reader/bytes.js';
import { readManifest } from '../format-reader/manifest.js';

/** What a process held. */
interface Held {
  readonly descriptors: number;
  readonly threads: number;
  readonly handles: readonly string[];
  readonly temporaries: number;
  readonly files: number;
  readonly memoryBytes: number;
  readonly residentBytes: number;
}

/** One kind of use. */
export interface Flat {
  readonly name: string;
  readonly rounds: number;
  readonly before: Held;
  readonly after: Held;
  /** Views that were left open. */
  readonly pins?: number;
}

const MiB = 1024 * 1024;

/** What Node, its compiler and its collector may keep of anything, however often it is done. */
const memorySlackBytes = MiB;
const residentSlackBytes = 128 * MiB;
/** Tables and logs that differ with the moment: 16 logs of short sessions, some runs that are about to be merged. */
const filesSlack = 40;

/** Runs a fixture of this folder with --expose-gc and a directory for temporary files of its own; gives what it said. */
export async function runSteady<Said>(fixture: string, args: readonly string[]): Promise<Said[]> {
  const temporary = temporaryDirectory();
  const lines = await run(`../../steady/fixtures/${fixture}`, [...args], {
    nodeOptions: ['--expose-gc'],
    shell: `TMPDIR='${temporary}' exec "$@"`,
  });
  return lines.map((line) => JSON.parse(line) as Said);
}

/** Expects that nothing grew; memory by so many bytes a round, which Node keeps of each thread that was started and ended. */
export function expectFlat({ name, rounds, before, after, pins }: Flat, bytesPerRound = 0): void {
  expect(after.descriptors - before.descriptors, `${name}: descriptors`).toBeLessThanOrEqual(2);
  expect(after.threads, `${name}: threads`).toBeLessThanOrEqual(before.threads);
  expect(after.handles, `${name}: handles`).toEqual(before.handles);
  expect(after.temporaries, `${name}: temporary files`).toBe(before.temporaries);
  expect(after.files - before.files, `${name}: files`).toBeLessThanOrEqual(filesSlack);
  expect(after.memoryBytes - before.memoryBytes, `${name}: memory in bytes`).toBeLessThanOrEqual(
    memorySlackBytes + rounds * bytesPerRound,
  );
  expect(after.residentBytes - before.residentBytes, `${name}: resident memory in bytes`).toBeLessThanOrEqual(residentSlackBytes);
  expect(pins ?? 0, `${name}: open views`).toBe(0);
}

/** Names of the files of a closed database that its manifest does not account for. */
export function unaccountedFiles(directory: string): string[] {
  const current = readFileSync(join(directory, 'CURRENT'), 'latin1').split(' ')[0] ?? '';
  const { levels, counters } = readManifest(new Bytes(readFileSync(join(directory, current))));
  const tables = new Set(levels.flat().flatMap((level) => level.tables.map(({ fileNumber }) => fileNumber)));
  const [oldestLog = 0] = counters;
  return readdirSync(directory).filter((name) => {
    const parsed = parseFileName(name);
    if (parsed?.kind === 'table') return !tables.has(parsed.number);
    if (parsed?.kind === 'log') return parsed.number < oldestLog;
    return !['CURRENT', 'LOCK', current].includes(name);
  });
}
