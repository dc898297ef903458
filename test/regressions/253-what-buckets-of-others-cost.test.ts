/**
 * Buckets that have nothing to do with what is done: each rollback of a section, each list after a write, and each commit while a deleted
 * bucket was still held, went through all buckets. With 20 000 of them a rollback took milliseconds, and so did such a commit.
 */
import { expect, test } from 'vitest';
import { BucketCatalog } from '../../src/engine/bucket-catalog.js';

const bucketCount = 30_000;
const rounds = 12_000;

function catalogOf(count: number): BucketCatalog {
  const catalog = new BucketCatalog(1);
  for (let sequence = 1; sequence <= count; sequence++) create(catalog, `bucket ${sequence}`, sequence);
  return catalog;
}

function create(catalog: BucketCatalog, name: string, sequence: number): void {
  catalog.add(catalog.create(Buffer.from(name), name, sequence));
}

function remove(catalog: BucketCatalog, name: string, sequence: number): void {
  const bucket = catalog.find(name, sequence);
  if (bucket !== undefined) catalog.markDeleted(bucket, sequence);
}

test('a section that is rolled back costs no look at buckets that it did not touch', { timeout: 10_000 }, () => {
  const catalog = catalogOf(bucketCount);
  for (let sequence = bucketCount + 1; sequence < bucketCount + rounds; sequence += 3) {
    create(catalog, 'new', sequence);
    remove(catalog, 'bucket 7', sequence + 1);
    remove(catalog, 'new', sequence + 2);
    catalog.rollBack(sequence);
  }
  expect(catalog.list(Number.MAX_SAFE_INTEGER).length).toBe(bucketCount);
});

test('a list is made anew only where buckets came or went', { timeout: 10_000 }, () => {
  const catalog = catalogOf(bucketCount);
  const first = catalog.list(bucketCount);
  let isSame = true;
  for (let sequence = bucketCount; sequence < bucketCount + rounds; sequence++) isSame &&= catalog.list(sequence) === first;
  expect(isSame).toBe(true);
  expect(catalog.list(bucketCount - 1).length).toBe(bucketCount - 1);
});

test('buckets that are deleted one by one, or held, cost no look at the others', { timeout: 10_000 }, () => {
  const catalog = catalogOf(bucketCount);
  remove(catalog, 'bucket 1', bucketCount + 1);
  for (let round = 2; round < rounds; round++) {
    const sequence = bucketCount + round;
    remove(catalog, `bucket ${round}`, sequence);
    catalog.retire(sequence, [bucketCount]);
    if (round % 100 === 0) catalog.retire(sequence, []);
  }
  catalog.retire(Number.MAX_SAFE_INTEGER, []);
  expect(catalog.liveIds.length).toBe(1 + bucketCount - (rounds - 1));
});
