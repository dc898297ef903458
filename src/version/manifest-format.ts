/**
 * A manifest: the log of edits between versions. MANIFEST-n is written by the process that CURRENT names it for.
 *
 * file   = | manifest header, 40 bytes | record: the whole state | record: an edit | … |
 * record = | frame header, 40 bytes (format/frame-header.ts) | edit (edit-codec.ts), a multiple of 8 bytes |
 *
 * manifest header, little-endian:
 * | magic, 8 bytes | version u32 | checksum u32 | database id | manifest number f64 |
 * 0                8             12             16            32                    40
 *
 * The checksum is the low half of XXH64 over bytes [0, 12) and [16, 40); it stands at the same place in every version.
 *
 * A record is a frame whose entry count is 1 and whose first sequence counts the records of the file from 0. Its frame header is
 * bound to database, manifest number and offset. Its payload checksum is chained:
 *   XXH64 over | payload checksum of the record before, u64 | edit |       0 in place of the one before the first
 *
 * **Invariants:**
 * 1. The first record leads from the initial state to the whole state at the time of writing (manifest-state.ts), and it
 *    is durable before CURRENT names the manifest.
 * 2. An edit is acted on (files and logs deleted) only after the manifest was synced with it.
 */
import { assert, corruption, VarveError } from '../errors.js';
import { equalBytes } from '../format/bytes.js';
import { checksum64OfPieces } from '../format/checksum.js';
import { checksum32, databaseIdBytes, isCounter } from '../format/frame-header.js';

/** Bytes of the manifest header. */
export const manifestHeaderBytes = 40;
/** The version that this release writes, and the only one that it reads. */
export const manifestFormatVersion = 1;
/** The second word of a record's frame header without its flags: 'VME' as a number. */
export const manifestFrameMagic = 0x564d4500;
/** What stands in place of the checksum of the record before, for the first record. */
export const chainStart = 0n;

/** What the header of a manifest says. */
export interface ManifestHeader {
  /** 16 bytes. */
  readonly databaseId: Uint8Array;
  readonly manifestNumber: number;
}

const magic = new TextEncoder().encode('varveman');
const versionAt = 8;
const checksumAt = 12;
const databaseIdAt = 16;
const numberAt = 32;

function headerChecksum(bytes: Uint8Array): number {
  const checked = new Uint8Array(manifestHeaderBytes - 4);
  checked.set(bytes.subarray(0, checksumAt));
  checked.set(bytes.subarray(databaseIdAt, manifestHeaderBytes), checksumAt);
  return checksum32(checked);
}

/** The 40 bytes of a manifest header. */
export function encodeManifestHeader(header: ManifestHeader): Uint8Array {
  assert(header.databaseId.length === databaseIdBytes, 'a database id has 16 bytes');
  assert(isCounter(header.manifestNumber), 'a manifest number is whole');
  const bytes = new Uint8Array(manifestHeaderBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint32(versionAt, manifestFormatVersion, true);
  bytes.set(header.databaseId, databaseIdAt);
  view.setFloat64(numberAt, header.manifestNumber, true);
  view.setUint32(checksumAt, headerChecksum(bytes), true);
  return bytes;
}

/** The header in `bytes`: VARVE_CORRUPTION where they are not one, VARVE_UNSUPPORTED_VERSION where it is of another version. */
export function decodeManifestHeader(bytes: Uint8Array, file: string): ManifestHeader {
  if (bytes.length < manifestHeaderBytes) throw corruption(file, bytes.length, 'the manifest header is cut off');
  if (!equalBytes(bytes, 0, magic.length, magic, 0, magic.length)) throw corruption(file, 0, 'this is not a manifest');
  const view = new DataView(bytes.buffer, bytes.byteOffset, manifestHeaderBytes);
  if (view.getUint32(checksumAt, true) !== headerChecksum(bytes)) {
    throw corruption(file, checksumAt, 'the manifest header does not match its checksum');
  }
  const version = view.getUint32(versionAt, true);
  if (version !== manifestFormatVersion) {
    const message = `${file}: manifest format ${version} is not one that this release reads (${manifestFormatVersion})`;
    throw new VarveError('VARVE_UNSUPPORTED_VERSION', message, { file, offset: versionAt });
  }
  const databaseId = bytes.slice(databaseIdAt, databaseIdAt + databaseIdBytes);
  return { databaseId, manifestNumber: view.getFloat64(numberAt, true) };
}

/** The payload checksum of a record: over the one of the record before it, and the edit. */
export function chainedChecksum(previous: bigint, edit: Uint8Array): bigint {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, previous, true);
  return checksum64OfPieces([bytes, edit]);
}
