/**
 * The codec of table blocks: Zstandard, fast and denser. The only user of zstd-napi.
 *
 * The native package is an optional dependency and is loaded on first use; where it is missing, Node's own zstd takes its
 * place (Node 22.15 and later); where that is missing too there is no codec, tables are written uncompressed, and a
 * compressed table cannot be read. All three write the same format.
 *
 * Invariants:
 * 1. The size of what is decompressed comes from the caller, who has it from a checksummed index; never from a frame.
 * 2. No damage throws: `decompress` says false.
 * 3. One compression and one decompression context a thread; calls are synchronous, so they never overlap.
 */
import { createRequire } from 'node:module';
import { isSingleFrame } from './zstd-frame.js';

/**
 * What is done for fewer bytes. `matches` finds what repeats and leaves the rest as it is (level -1); `entropy` codes the rest, too, byte by byte
 * (level 1, Huffman), which takes up to half as long again to compress, and up to twice as long again to decompress. Higher levels save
 * little on blocks of this size.
 */
export type Effort = 'matches' | 'entropy';

const levels: Readonly<Record<Effort, number>> = { matches: -1, entropy: 1 };

/** Node takes -1 for a level that was not given, which is level 3 with entropy coding; -2 finds a hundredth less. */
const nodeLevels: Readonly<Record<Effort, number>> = { ...levels, matches: -2 };

/** Compression of one byte range at a time. */
export interface Codec {
  /** Compresses source into target and returns the bytes written, or 0 where the result does not fit. */
  compress(source: Uint8Array, target: Uint8Array, effort: Effort): number;
  /**
   * Decompresses source into target; true only where source is exactly one frame that fills target exactly. After false
   * the content of target is undefined.
   */
  decompress(source: Uint8Array, target: Uint8Array): boolean;
  /** The largest size in bytes that `sourceBytes` bytes can compress to. */
  compressBound(sourceBytes: number): number;
}

/** What is used of zstd-napi/binding.js. */
interface NativeBinding {
  readonly CCtx: new () => { compress(target: Uint8Array, source: Uint8Array, level: number): number };
  readonly DCtx: new () => { decompress(target: Uint8Array, source: Uint8Array): number };
  compressBound(sourceBytes: number): number;
}

/** What is used of node:zlib from Node 22.15 on. */
interface NodeZstd {
  zstdCompressSync(source: Uint8Array, options: object): Uint8Array;
  zstdDecompressSync(source: Uint8Array, options: object): Uint8Array;
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
}

let loaded: { readonly codec: Codec | undefined } | undefined;

/** The codec of this thread, or undefined where none is available. The first call loads it; later ones are free. */
export function loadCodec(): Codec | undefined {
  loaded ??= { codec: loadNativeCodec() ?? loadNodeCodec() };
  return loaded.codec;
}

/** The codec of zstd-napi, or undefined where the package or its binary is missing. */
export function loadNativeCodec(): Codec | undefined {
  const binding = tryRequire('zstd-napi/binding.js');
  return hasMembers<NativeBinding>(binding, ['CCtx', 'DCtx', 'compressBound']) ? nativeCodec(binding) : undefined;
}

/** The codec of Node itself, or undefined where this version has none. `zlib` is given by tests. */
export function loadNodeCodec(zlib: unknown = tryRequire('node:zlib')): Codec | undefined {
  return hasMembers<NodeZstd>(zlib, ['zstdCompressSync', 'zstdDecompressSync']) ? nodeCodec(zlib) : undefined;
}

function tryRequire(specifier: string): unknown {
  try {
    return createRequire(import.meta.url)(specifier);
  } catch {
    // An optional dependency that is not there, or whose binary does not fit: the next choice is taken.
    return undefined;
  }
}

function hasMembers<Module>(candidate: unknown, names: readonly string[]): candidate is Module {
  if (typeof candidate !== 'object' || candidate === null) return false;
  return names.every((name) => typeof Reflect.get(candidate, name) === 'function');
}

function nativeCodec(binding: NativeBinding): Codec {
  const compressor = new binding.CCtx();
  const decompressor = new binding.DCtx();
  return {
    compress(source, target, effort) {
      try {
        return compressor.compress(target, source, levels[effort]);
      } catch {
        return 0;
      }
    },
    decompress(source, target) {
      if (!isSingleFrame(source, target.length)) return false;
      try {
        return decompressor.decompress(target, source) === target.length;
      } catch {
        return false;
      }
    },
    compressBound: (sourceBytes) => binding.compressBound(sourceBytes),
  };
}

function nodeCodec(zlib: NodeZstd): Codec {
  return {
    compress(source, target, effort) {
      const params = { [zlib.constants.ZSTD_c_compressionLevel]: nodeLevels[effort] };
      const frame = zlib.zstdCompressSync(source, { params, pledgedSrcSize: source.length });
      if (frame.length > target.length) return 0;
      target.set(frame);
      return frame.length;
    },
    decompress(source, target) {
      if (!isSingleFrame(source, target.length)) return false;
      try {
        const raw = zlib.zstdDecompressSync(source, { maxOutputLength: Math.max(1, target.length) });
        if (raw.length !== target.length) return false;
        target.set(raw);
        return true;
      } catch {
        return false;
      }
    },
    // The bound of the reference implementation: one byte in 256, and a margin for small input.
    compressBound: (sourceBytes) => sourceBytes + Math.ceil(sourceBytes / 256) + 128,
  };
}
