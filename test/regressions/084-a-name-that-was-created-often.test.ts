/** Finding a bucket looked at all that ever had its name: a log of creations and deletions of one name was replayed in the square of it. */
import { expect, test } from 'vitest';
import { BucketCatalog } from '../../src/engine/bucket-catalog.js';

/** How often buckets that are gone are looked at for one that is to be created again. */
function looks(rounds: number): number {
  const catalog = new BucketCatalog(1);
  const name = Buffer.from('name');
  let count = 0;
  for (let round = 0; round < rounds; round++) {
    const bucket = catalog.create(name, 'name', 2 * round + 1);
    catalog.add(bucket);
    catalog.markDeleted(bucket, 2 * round + 2);
    const { deletedSequence } = bucket;
    Object.defineProperty(bucket, 'deletedSequence', {
      get() {
        count++;
        return deletedSequence;
      },
    });
  }
  expect(catalog.find('name', 2 * rounds + 1)).toBeUndefined();
  const [lastCount] = [count];
  // Older views still find theirs.
  expect(catalog.find('name', 1)?.id).toBe(1);
  return lastCount;
}

test('a name costs the same however often it was created', () => {
  expect(looks(500)).toBe(looks(5));
});
