/**
 * Replays a manifest into the state that it describes. Layout: manifest-format.ts.
 *
 *   | header | whole state | edit | edit | ✗ …… end of file
 *            must be valid               X
 *
 * As in a log (wal/log-reader.ts), what follows the last valid record is a torn tail, which nobody acted on and which is dropped,
 * unless the header of a later record promises that more than X bytes had been durable: then it is damage. The header and the
 * first record were durable before CURRENT named the manifest, so anything wrong with them is damage.
 *
 * **Invariants:**
 * 1. An edit is applied only when its chained checksum was verified; one that does not fit the state is VARVE_CORRUPTION.
 * 2. Memory is the state, one window and one record; a record is never longer than what remains of the file.
 * 3. Time is linear in the file: an edit costs what it holds, however many tables there are. So the versions between the first
 *    and the last are checked in what their edits touch; those two are checked as a whole.
 */
import type { FileHandle, FileSystem } from '../env/file-system.js';
import { joinPath } from '../env/path.js';
import { corruption, systemErrorCode } from '../errors.js';
import { manifestFileName } from '../format/file-names.js';
import { closeFlag, FrameCodec, frameHeaderBytes } from '../format/frame-header.js';
import { storedNumberMax } from '../limits.js';
import { FileWindow } from '../wal/file-window.js';
import { decodeEdit } from './edit-codec.js';
import { chainedChecksum, chainStart, decodeManifestHeader, manifestFrameMagic, manifestHeaderBytes } from './manifest-format.js';
import { initialCounters, type ManifestState, tryAdvanceCounters } from './manifest-state.js';
import { emptyVersion } from './version.js';
import { VersionBuilder } from './version-builder.js';
import type { VersionEdit } from './version-edit.js';

/** What `readManifest` gives. */
export type { ManifestState } from './manifest-state.js';

/** One record of a manifest. */
export interface ManifestRecord {
  /** The edit's bytes; undefined in the frame that closes the manifest. */
  readonly payload: Uint8Array | undefined;
  readonly payloadChecksum: bigint;
  readonly endOffset: number;
}

/** The record number `ordinal`, which begins at `at` and follows one with the checksum `chain`; or in words why there is none. */
export function readManifestRecord(
  window: FileWindow,
  codec: FrameCodec,
  at: number,
  ordinal: number,
  chain: bigint,
): ManifestRecord | string {
  if (window.sizeBytes - at < frameHeaderBytes) return 'a record header is cut off';
  const header = codec.decode(window.bytes, window.load(at, frameHeaderBytes), at);
  if (header === undefined || header.firstSequence !== ordinal) return 'a record header is not valid';
  const payloadAt = at + frameHeaderBytes;
  const endOffset = payloadAt + header.payloadBytes;
  if (endOffset > window.sizeBytes) return 'a record is cut off';
  if ((header.flags & closeFlag) !== 0) return { payload: undefined, payloadChecksum: chain, endOffset };
  const payload = new Uint8Array(header.payloadBytes);
  if (payload.length <= window.bytes.length) {
    const start = window.load(payloadAt, payload.length);
    payload.set(window.bytes.subarray(start, start + payload.length));
  } else {
    window.readInto(payload, payloadAt);
  }
  if (chainedChecksum(chain, payload) !== header.payloadChecksum) return 'a record does not match its checksum';
  return { payload, payloadChecksum: header.payloadChecksum, endOffset };
}

/** The state on its way from edit to edit. */
class StateReplay {
  private readonly builder = new VersionBuilder(emptyVersion);
  private counters = initialCounters;

  constructor(private readonly databaseId: Uint8Array) {}

  /** What is wrong with the edit in words, or undefined. */
  apply(edit: VersionEdit): string | undefined {
    const counters = tryAdvanceCounters(this.counters, edit);
    if (typeof counters === 'string') return counters;
    if (counters.lastSequence > storedNumberMax) return 'the last sequence is out of range';
    if (counters.nextFileNumber > storedNumberMax) return 'the next file number is out of range';
    this.counters = counters;
    return this.builder.apply(edit);
  }

  /** The state after all edits so far, or what is wrong with it in words. Linear in its tables. */
  state(): ManifestState | string {
    const version = this.builder.build();
    return typeof version === 'string' ? version : { databaseId: this.databaseId, version, ...this.counters };
  }
}

function replay(window: FileWindow, file: string, manifestNumber: number): ManifestState {
  const headerBytes = window.bytes.subarray(0, Math.min(manifestHeaderBytes, window.sizeBytes));
  if (headerBytes.length > 0) window.load(0, headerBytes.length);
  const header = decodeManifestHeader(headerBytes, file);
  if (header.manifestNumber !== manifestNumber) {
    throw corruption(file, manifestHeaderBytes - 8, `the manifest says that it is number ${header.manifestNumber}`);
  }
  const codec = new FrameCodec(manifestFrameMagic, header.databaseId, manifestNumber);
  const replayed = new StateReplay(header.databaseId);
  let chain = chainStart;
  let at = manifestHeaderBytes;
  let lastEditAt = at;
  for (let ordinal = 0; ordinal === 0 || at < window.sizeBytes;) {
    const record = readManifestRecord(window, codec, at, ordinal, chain);
    if (typeof record === 'string') {
      if (ordinal === 0) throw corruption(file, at, `${record}, and it is the first`);
      const promise = window.findPromise(codec, at);
      if (promise === undefined) break;
      throw corruption(file, at, `${record}, but the record at offset ${promise} says that these bytes were durable`);
    }
    if (record.payload !== undefined) {
      const problem = replayed.apply(decodeEdit(record.payload, file, at + frameHeaderBytes));
      if (problem !== undefined) throw corruption(file, at, problem);
      if (ordinal === 0) checked(replayed, file, at);
      lastEditAt = at;
      ordinal++;
    } else if (ordinal === 0) {
      throw corruption(file, at, 'the manifest has no first record');
    }
    chain = record.payloadChecksum;
    at = record.endOffset;
  }
  return checked(replayed, file, lastEditAt);
}

function checked(replayed: StateReplay, file: string, at: number): ManifestState {
  const state = replayed.state();
  if (typeof state === 'string') throw corruption(file, at, state);
  return state;
}

function openManifest(fileSystem: FileSystem, directory: string, fileName: string): FileHandle {
  try {
    return fileSystem.open(joinPath(directory, fileName), 'read');
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    throw corruption(fileName, undefined, 'the manifest is missing', error);
  }
}

/**
 * The state that MANIFEST-`manifestNumber` describes. VARVE_CORRUPTION where it is damaged or missing, VARVE_UNSUPPORTED_VERSION
 * where another release wrote it.
 */
export function readManifest(fileSystem: FileSystem, directory: string, manifestNumber: number): ManifestState {
  const fileName = manifestFileName(manifestNumber);
  const file = openManifest(fileSystem, directory, fileName);
  try {
    return replay(new FileWindow(file, fileName), fileName, manifestNumber);
  } finally {
    file.close();
  }
}
