/** A heap of V8 that holds a fraction of the data: what the database keeps is outside of it, or bounded. */
import { expect, test } from 'vitest';
import { run } from '../contract/support/child.js';
import { freshPath } from '../contract/support/harness.js';
import { byTier, report } from '../support/tier.js';

test('under a heap of 32 MiB much more than that is written, read, compacted and verified, and every value is right', async () => {
  const mebibytes = byTier(48, 1024);
  const nodeOptions = ['--max-old-space-size=32'];
  const lines = await run('../../steady/fixtures/small-heap.mjs', [freshPath(), String(mebibytes)], { nodeOptions });
  expect(lines).toEqual(['written', 'read', 'again']);
  report('small heap', `${mebibytes} MiB of long values under a heap of 32 MiB`);
}, 600_000);
