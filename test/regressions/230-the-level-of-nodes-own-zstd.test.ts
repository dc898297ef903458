/**
 * Node hands the parameters of zstd on as unsigned numbers, of which the one that -1 becomes stands for "not given". So with Node's own
 * codec the effort for matches alone compressed at the default level, 3, which codes entropy, and slower than the other effort does.
 */
import { expect, test } from 'vitest';
import { type Codec, type Effort, loadNodeCodec } from '../../src/format/compression.js';

const levelParameter = 100;
const defaultLevel = 3;
const notGiven = 0xffff_ffff;

/** The codec of a Node whose zstd notes the levels that it compresses at. */
function codecThatNotes(levels: number[]): Codec {
  const zlib = {
    zstdCompressSync(_source: Uint8Array, { params }: { params: Record<number, number> }): Uint8Array {
      const handedOn = Uint32Array.of(params[levelParameter] ?? notGiven);
      levels.push(handedOn[0] === notGiven ? defaultLevel : (handedOn[0] as number) | 0);
      return new Uint8Array(1);
    },
    zstdDecompressSync: (source: Uint8Array): Uint8Array => source,
    constants: { ZSTD_c_compressionLevel: levelParameter },
  };
  const codec = loadNodeCodec(zlib);
  if (codec === undefined) throw new Error('a zlib with zstd gives a codec');
  return codec;
}

test("230: the levels of Node's own zstd are such that Node hands them on: below 0 for matches alone, 1 for entropy", () => {
  const levels: number[] = [];
  const codec = codecThatNotes(levels);
  for (const effort of ['matches', 'entropy'] satisfies Effort[]) codec.compress(new Uint8Array(8), new Uint8Array(64), effort);
  expect(levels[0]).toBeLessThan(0);
  expect(levels[1]).toBe(1);
});
