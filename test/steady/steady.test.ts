/**
 * Whatever is done ten thousand times leaves a process, its directory and the temporary files as they were.
 *
 * Each test is one process. The quick tier does little of everything, the deep tier enough that a kibibyte a round would show, in most of it far less.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../contract/support/harness.js';
import { byTier, report } from '../support/tier.js';
import { expectFlat, type Flat, runSteady, unaccountedFiles } from './process.js';

const hourMs = 3_600_000;

function tell(name: string, kinds: readonly Flat[]): void {
  for (const { name: kind, rounds, before, after } of kinds) {
    const [grown, resident] = [after.memoryBytes - before.memoryBytes, after.residentBytes].map((bytes) =>
      Math.round(bytes / 1024),
    );
    report(name, `${kind}: ${rounds} rounds, ${grown} KiB more reachable, ${resident} KiB resident`);
  }
}

test(
  'opening and closing: empty, with a log, with tables, with a flush under way, and opens that fail',
  async () => {
    const place = temporaryDirectory();
    const kinds = await runSteady<Flat>('opens.mjs', [place, `${byTier(20, 10_000)}`]);
    tell('opens', kinds);
    expect(kinds).toHaveLength(6);
    for (const kind of kinds) expectFlat(kind, 512);
    for (const name of ['empty', 'log', 'tables', 'flushed', 'held']) {
      expect(unaccountedFiles(join(place, name)), name).toEqual([]);
    }
    expect(readdirSync(place).sort()).toEqual(['empty', 'file', 'flushed', 'held', 'log', 'spoilt', 'tables']);
  },
  hourMs,
);

test(
  'views, iterations, sections, hooks, snapshots and defrags that end early',
  async () => {
    const place = temporaryDirectory();
    const kinds = await runSteady<Flat>('uses.mjs', [place, `${byTier(10, 10_000)}`, `${byTier(1000, 1_000_000)}`]);
    tell('uses', kinds);
    expect(kinds).toHaveLength(13);
    for (const kind of kinds) expectFlat(kind);
    expect(unaccountedFiles(join(place, 'db'))).toEqual([]);
  },
  hourMs,
);
