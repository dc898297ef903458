/** A manifest, edit by edit; and what it leads to. */
import { FrameCodec, frameHeaderBytes } from '../../format/frame-header.js';
import { versionBytes, versionTables } from '../../version/version.js';
import { decodeEdit } from '../../version/edit-codec.js';
import { chainStart, decodeManifestHeader, manifestFrameMagic, manifestHeaderBytes } from '../../version/manifest-format.js';
import { readManifest, readManifestRecord } from '../../version/manifest-reader.js';
import type { VersionEdit } from '../../version/version-edit.js';
import { FileWindow } from '../../wal/file-window.js';
import { internalKeyToJson } from '../internal-key-text.js';
import { hexOf, type OneFile, type Part, problemPart, readPiece } from './part.js';

const file = 'the manifest';

function editPart({ addedRuns, removedTables, ...counters }: VersionEdit, offset: number): Part {
  const added = addedRuns.map(({ level, runId, tables }) => ({
    level,
    runId,
    tables: tables.map(({ smallestKey, largestKey, ...counts }) => ({
      ...counts,
      smallestKey: internalKeyToJson(smallestKey),
      largestKey: internalKeyToJson(largestKey),
    })),
  }));
  return { part: 'edit', offset, ...counters, removedTables, addedRuns: added };
}

function* recordParts(files: OneFile, databaseId: Uint8Array, manifestNumber: number): Generator<Part> {
  const handle = files.open('', 'read');
  try {
    const window = new FileWindow(handle, file);
    const codec = new FrameCodec(manifestFrameMagic, databaseId, manifestNumber);
    let chain = chainStart;
    let at = manifestHeaderBytes;
    for (let ordinal = 0; at < window.sizeBytes;) {
      const record = readManifestRecord(window, codec, at, ordinal, chain);
      if (typeof record === 'string') {
        yield { part: 'end', offset: at, unreadBytes: window.sizeBytes - at, reason: record };
        return;
      }
      if (record.payload === undefined) yield { part: 'closing frame', offset: at };
      else {
        yield editPart(decodeEdit(record.payload, file, at + frameHeaderBytes), at);
        ordinal++;
      }
      chain = record.payloadChecksum;
      at = record.endOffset;
    }
    yield { part: 'end', offset: at };
  } finally {
    handle.close();
  }
}

/** All parts of a manifest. */
export function* inspectManifest(files: OneFile): Generator<Part> {
  try {
    const { databaseId, manifestNumber } = decodeManifestHeader(readPiece(files, 0, manifestHeaderBytes), file);
    yield { part: 'header', offset: 0, manifestNumber, databaseId: hexOf(databaseId) };
    yield* recordParts(files, databaseId, manifestNumber);
    const { version, databaseId: _id, ...counters } = readManifest(files, '', manifestNumber);
    yield { part: 'state', tables: [...versionTables(version)].length, bytes: versionBytes(version), ...counters };
  } catch (error) {
    yield problemPart(error);
  }
}
