import { expect, test } from 'vitest';
import { run } from '../contract/support/child.js';
import { freshPath } from '../contract/support/harness.js';

// Nothing kept the process alive between the death of the worker and the next attempt: it ended in the middle of an awaited defrag.
test('a process that awaits a defrag lives until it is done, also where the worker dies meanwhile', async () => {
  const fixture = '../../processes/fixtures/worker-faults.mjs';
  const lines = await run(fixture, ['exit', 'once', 'defrag', freshPath(), '1']);
  expect(lines.slice(0, 2)).toEqual(['faulty', 'defragmented']);
});
