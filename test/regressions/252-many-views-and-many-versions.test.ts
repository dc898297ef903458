/**
 * Versions that no view reads: the views were gone through one by one for each of them. A flush of 500 000 versions of one key beside
 * 10 000 older views took as many steps as the two numbers have for their product.
 */
import { expect, test } from 'vitest';
import { DropPolicy, dropVersion } from '../../src/compaction/drop-policy.js';

const viewCount = 50_000;
const versionCount = 500_000;

test('what is kept of many versions beside many views is told without a look at each view', { timeout: 10_000 }, () => {
  const views = Array.from({ length: viewCount }, (_, place) => place);
  const policy = new DropPolicy({ views, liveBuckets: Uint32Array.of(0, 1) }, false);
  policy.beginKey();
  let kept = 0;
  for (let sequence = viewCount + versionCount; sequence > viewCount; sequence--) {
    if (policy.decide(sequence, false) !== dropVersion) kept++;
  }
  expect(kept).toBe(1);
});
