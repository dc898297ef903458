/** The programs of `examples` run as they stand there, and print what they promise, also on a directory that they are given. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const printed: Readonly<Record<string, readonly string[]>> = {
  'job-queue.js': [
    'first: {"page":"it burns"}',
    'a worker takes {"mail":"ada@example.org"}, and is never heard of again',
    'after reopening: {"ready":1,"leased":1}',
    'given back: 1',
    'done: {"mail":"ada@example.org"}',
    'done: {"mail":"grace@example.org"}',
    'left: {"ready":0,"leased":0}',
  ],
  'time-series.js': [
    '2160 measurements in 36 hours, the warmest 15.0 degrees',
    'forgotten: 2026-11-24, 2026-11-25',
    '1440 measurements are left',
  ],
  'revision-store.js': [
    'at revision 3 pod a is running, now it is undefined',
    'since revision 4: 4 /registry/pods/b, 4 /registry/leases/node, 5 /registry/pods/a',
    'compaction to revision 19005 removed 18503 records',
    'defrag made it smaller: true',
    'after reopening: revision 20005, lease 7 renewed 19507',
  ],
};

test.each(Object.keys(printed))('%s prints what it promises, and leaves a database where it was told to', (name) => {
  const below = mkdtempSync(join(tmpdir(), 'varve-example-'));
  try {
    const program = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
    const output = execFileSync(process.execPath, [program, join(below, 'db')], { encoding: 'utf8' });
    expect(output.trim().split('\n')).toEqual(printed[name]);
    expect(existsSync(join(below, 'db', 'CURRENT'))).toBe(true);
  } finally {
    rmSync(below, { recursive: true, force: true });
  }
});
