import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Codec, type Effort, loadCodec, loadNativeCodec, loadNodeCodec } from '../../src/format/compression.js';
import { isSingleFrame } from '../../src/format/zstd-frame.js';

const text = Buffer.from('a table block that repeats itself, '.repeat(100));

const efforts: readonly Effort[] = ['matches', 'entropy'];

function compressed(codec: Codec, source: Uint8Array, effort: Effort = 'entropy'): Uint8Array {
  const target = new Uint8Array(codec.compressBound(source.length));
  return target.slice(0, codec.compress(source, target, effort));
}

const codecs = [
  ['zstd-napi', loadNativeCodec()],
  ['node:zlib', loadNodeCodec()],
] as const;

for (const [name, codec] of codecs) {
  // Either may be missing on a given machine: then nothing can be said of it.
  if (codec === undefined) continue;
  describe(`the codec of ${name}`, () => {
    it.each(efforts)('gives back what it compressed with effort %s', (effort) => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 1, maxLength: 5000 }), fc.integer({ min: 1, max: 60 }), (bytes, times) => {
          const source = Buffer.concat(Array.from({ length: times }, () => bytes));
          const target = new Uint8Array(source.length);
          expect(codec.decompress(compressed(codec, source, effort), target)).toBe(true);
          expect(Buffer.compare(target, source)).toBe(0);
        }),
        { numRuns: 60 },
      );
    });

    it('codes single bytes with the effort for entropy alone: digits without a repetition take half of their bytes', () => {
      const digits = Buffer.from(Array.from({ length: 900 }, (_, i) => String((i * 7919 + i * i * 31) % 1009)).join(''));
      expect(compressed(codec, digits, 'entropy').length).toBeLessThan(digits.length * 0.6);
      expect(compressed(codec, digits, 'matches').length).toBeGreaterThan(digits.length * 0.6);
    });

    it.each(efforts)('says 0 where the result of effort %s does not fit', (effort) => {
      expect(codec.compress(text, new Uint8Array(5), effort)).toBe(0);
    });

    it('refuses a frame of another size, a part of one, several, and what surrounds one', () => {
      const frame = compressed(codec, text);
      const skippable = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9);
      const twice = Buffer.concat([frame, frame]);
      expect(codec.decompress(frame, new Uint8Array(text.length))).toBe(true);
      expect(codec.decompress(frame, new Uint8Array(text.length - 1))).toBe(false);
      expect(codec.decompress(frame, new Uint8Array(text.length + 1))).toBe(false);
      expect(codec.decompress(twice, new Uint8Array(2 * text.length))).toBe(false);
      expect(codec.decompress(twice, new Uint8Array(text.length))).toBe(false);
      expect(codec.decompress(Buffer.concat([skippable, frame]), new Uint8Array(text.length))).toBe(false);
      expect(codec.decompress(Buffer.concat([frame, skippable]), new Uint8Array(text.length))).toBe(false);
      expect(codec.decompress(new Uint8Array(0), new Uint8Array(text.length))).toBe(false);
      for (let length = 0; length < frame.length; length++) {
        expect(codec.decompress(frame.subarray(0, length), new Uint8Array(text.length))).toBe(false);
      }
    });

    it('never throws on damage', () => {
      const frame = compressed(codec, text);
      fc.assert(
        fc.property(fc.nat(frame.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
          const damaged = new Uint8Array(frame);
          damaged[at] = (damaged[at] as number) ^ change;
          expect(typeof codec.decompress(damaged, new Uint8Array(text.length))).toBe('boolean');
        }),
      );
    });
  });
}

describe('the codec', () => {
  it('is loaded once', () => {
    expect(loadCodec()).toBe(loadCodec());
  });
});

describe('the shape of a frame', () => {
  /** Magic, descriptor (single segment, size in one byte), size, then blocks. */
  const frameOf = (size: number, ...blocks: number[]) => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, size, ...blocks);

  it('is magic, header, blocks up to the last one, and nothing more', () => {
    // A raw block of 3 bytes, last: (3 << 3) | 1.
    expect(isSingleFrame(frameOf(3, 0x19, 0, 0, 1, 2, 3), 3)).toBe(true);
    expect(isSingleFrame(frameOf(4, 0x19, 0, 0, 1, 2, 3), 3)).toBe(false);
    expect(isSingleFrame(frameOf(3, 0x19, 0, 0, 1, 2), 3)).toBe(false);
    expect(isSingleFrame(frameOf(3, 0x19, 0, 0, 1, 2, 3, 4), 3)).toBe(false);
    // Two blocks: a run of 100 times 7, whose content is one byte, then the raw one.
    expect(isSingleFrame(frameOf(103, 0x22, 0x03, 0, 7, 0x19, 0, 0, 1, 2, 3), 103)).toBe(true);
    // The reserved type of block.
    expect(isSingleFrame(frameOf(3, 0x1f, 0, 0, 1, 2, 3), 3)).toBe(false);
    // No block is the last.
    expect(isSingleFrame(frameOf(3, 0x18, 0, 0, 1, 2, 3), 3)).toBe(false);
  });

  it('with a window above 8 MiB is refused', () => {
    const frame = (window: number) => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, window, 0x19, 0, 0, 1, 2, 3);
    expect(isSingleFrame(frame((23 - 10) << 3), 3)).toBe(true);
    expect(isSingleFrame(frame((24 - 10) << 3), 3)).toBe(false);
  });
});
