/**
 * The tests that abstract-level ships for its implementers: every one of them, none skipped, with the counts that a store on disk
 * which can do everything has to show.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { byTier } from '../support/tier.js';
import { temporaryDirectory } from './support.js';

const fixture = fileURLToPath(new URL('./fixtures/abstract-suite.mjs', import.meta.url));

test('the whole suite of abstract-level passes: 1,509 tests, 5,168 assertions', { timeout: 300_000 }, async () => {
  // Each of some fifteen hundred databases is made and thrown away: in the quick tier without waiting for the disk.
  const options = byTier({ unsafeNoFsync: true, memtableBytes: 65_536 }, {});
  const args = [fixture, temporaryDirectory(), JSON.stringify(options)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 });
  const lines = stdout.trim().split('\n');
  expect(lines.slice(0, -1)).toEqual([]);
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ tests: 1509, skipped: 0, passed: 5168, failed: 0 });
});
