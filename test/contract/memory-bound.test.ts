/**
 * Memory is bounded, however fast the caller writes and though it never awaits.
 */
import { describe, expect, test } from 'vitest';
import { byTier } from '../support/tier.js';
import { run } from './support/child.js';
import { freshPath, open } from './support/harness.js';

const MiB = 1024 * 1024;

interface Flood {
  /** Growth of the process while it wrote, at its highest. */
  grownBytes: number;
  writtenBytes: number;
  memtableBytes: number;
  stalls: { count: number; totalMs: number };
  right: boolean;
}

/** More than memory may hold, by far. */
const floodBytes = byTier(224, 384) * MiB;

/** The constant that the documentation may name, with what V8 and the allocator keep. */
const constantBytes = 128 * MiB;

describe('a synchronous loop that never awaits', () => {
  test.each(byTier(['random'], ['random', 'overwrite', 'sections']))(
    'of %s: memory stays within its bound, the writer is slowed, and stalls show it',
    async (kind) => {
      const path = freshPath();
      const lines = await run('flood.mjs', [path, kind, String(floodBytes)]);
      const flood: Flood = JSON.parse(lines.at(-1) as string);
      const [memtableBytes, cacheBytes] = [4 * MiB, 4 * MiB];
      expect(flood.writtenBytes).toBeGreaterThanOrEqual(floodBytes);
      expect(flood.grownBytes).toBeLessThanOrEqual(4 * memtableBytes + cacheBytes + constantBytes);
      expect(flood.memtableBytes).toBeLessThanOrEqual(4 * memtableBytes + MiB);
      expect(flood.stalls.count).toBeGreaterThan(0);
      expect(flood.stalls.totalMs).toBeGreaterThan(0);
      expect(flood.right).toBe(true);
    },
    240_000,
  );

  test('what it wrote is all there after a reopening', async () => {
    const path = freshPath();
    const backend = await open({ path, memtableBytes: 16_384, cacheBytes: 65_536 });
    backend.update((tx) => tx.unsafeCreateBucket('b'));
    for (let index = 0; index < 20_000; index++)
      backend.update((tx) => tx.unsafePut('b', `key${index % 5000}`, `${index}`.padEnd(100, '.')));
    await backend.close();
    const again = await open({ path });
    expect(again.readTx().unsafeRange('b', 'a', 'z').keys).toHaveLength(5000);
    for (let index = 15_000; index < 20_000; index++) {
      expect(
        again
          .readTx()
          .unsafeGet('b', `key${index % 5000}`)
          ?.toString(),
      ).toBe(`${index}`.padEnd(100, '.'));
    }
  });
});
