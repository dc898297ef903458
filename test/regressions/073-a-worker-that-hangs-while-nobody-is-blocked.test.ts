import { expect, test } from 'vitest';
import { run } from '../contract/support/child.js';
import { freshPath } from '../contract/support/harness.js';

// Only a blocked thread looked for signs of life: with an event loop that ran, a defrag and every later flush waited for ever.
test('a worker that hangs is given up, and its job is done by another one', async () => {
  const fixture = '../../processes/fixtures/worker-faults.mjs';
  const lines = await run(fixture, ['spin', 'once', 'defrag', freshPath(), '1']);
  expect(lines.slice(0, 2)).toEqual(['faulty', 'defragmented']);
});
