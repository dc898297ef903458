import { describe, expect, it } from 'vitest';
import { RowShare } from '../../src/sstable/row-share.js';

const budget = 1000;

/** Goes through windows in which a read misses as many bytes as `bytesOfRead` says for the share. */
function climb(share: RowShare, windows: number, bytesOfRead: (fraction: number) => number): void {
  let reads = 0;
  for (let i = 0; i < windows; i++) {
    reads += Math.ceil(1_000_000 / bytesOfRead(share.fraction));
    share.missed(budget / 2, reads);
  }
}

describe('the share of rows', () => {
  it('grows as long as fewer bytes are missed, to half at most', () => {
    const share = new RowShare(budget);
    climb(share, 40, (fraction) => 100 - 100 * fraction);
    expect(share.fraction).toBeGreaterThan(0.4);
    expect(share.fraction).toBeLessThanOrEqual(0.5);
  });

  it('shrinks where rows cost reads, and where they make no difference', () => {
    for (const bytesOfRead of [(fraction: number) => 100 + 100 * fraction, () => 100]) {
      const share = new RowShare(budget);
      climb(share, 40, (fraction) => 100 - 100 * fraction);
      climb(share, 40, bytesOfRead);
      expect(share.fraction).toBeLessThanOrEqual(1 / 16);
    }
  });

  it('stays about where reads miss least', () => {
    const share = new RowShare(budget);
    for (let i = 0; i < 10; i++) {
      climb(share, 25 + i, (fraction) => 100 + 1000 * (fraction - 0.25) ** 2);
      expect(Math.abs(share.fraction - 0.25)).toBeLessThanOrEqual(3 / 32);
    }
  });

  it('does not move where nothing misses, and goes on from nothing when reads change', () => {
    const share = new RowShare(budget);
    const before = share.fraction;
    share.missed(budget / 4, 10);
    expect(share.fraction).toBe(before);
    climb(share, 60, (fraction) => 100 + 100 * fraction);
    climb(share, 60, (fraction) => 100 - 100 * fraction);
    expect(share.fraction).toBeGreaterThan(0.25);
  });
});
