/**
 * Checksums of everything on disk: XXH64 (seed 0) through xxhash-wasm, the only user of which this file is.
 *
 * The WebAssembly module is instantiated once a thread by `initializeChecksum`, which `openBackend`, `verify`, `restoreSnapshot` and
 * the worker await before anything else; there is no top-level await, so the package loads through `require` too.
 */
import xxhash, { type XXHashAPI } from 'xxhash-wasm';
import { assert } from '../errors.js';

/**
 * Input above this size is fed in pieces, so that the module's first page of memory, into which it copies its input, is enough. Were it to
 * grow, its old memory would be detached, and at the first time that this happens in a thread V8 drops all compiled code that
 * touches typed arrays: it counted on there being no such thing.
 */
const pieceBytes = 63 * 1024;

let api: XXHashAPI | undefined;
let loading: Promise<void> | undefined;

/** Makes `checksum64` usable in this thread. */
export function initializeChecksum(): Promise<void> {
  loading ??= xxhash().then((loaded) => {
    api = loaded;
  });
  return loading;
}

/** XXH64 of the bytes as an unsigned 64-bit number. Needs initializeChecksum. */
export function checksum64(bytes: Uint8Array): bigint {
  assert(api !== undefined, 'the checksum module is loaded before it is used');
  if (bytes.length <= pieceBytes) return api.h64Raw(bytes);
  const hasher = api.create64();
  for (let at = 0; at < bytes.length; at += pieceBytes) hasher.update(bytes.subarray(at, at + pieceBytes));
  return hasher.digest();
}

/** XXH64 of several pieces, one after the other. */
export function checksum64OfPieces(pieces: readonly Uint8Array[]): bigint {
  assert(api !== undefined, 'the checksum module is loaded before it is used');
  if (pieces.length === 1) return checksum64(pieces[0] as Uint8Array);
  const hasher = api.create64();
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += pieceBytes) hasher.update(piece.subarray(at, at + pieceBytes));
  }
  return hasher.digest();
}
