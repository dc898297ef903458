/** A write-ahead log, frame by frame. */
import { frameHeaderBytes } from '../../format/frame-header.js';
import { checkRecord, kindTombstone, recordHeaderBytes } from '../../memtable/record.js';
import { decodeLogHeader, logHeaderBytes } from '../../wal/log-format.js';
import { LogReader } from '../../wal/log-reader.js';
import { internalKeyToJson } from '../internal-key-text.js';
import { hexOf, type OneFile, type Part, problemPart, readPiece } from './part.js';

/** The records of a payload, whose checksum was right. */
function* recordParts(payload: Buffer, offset: number, firstSequence: number): Generator<Part> {
  for (let at = 0, ordinal = 0; at < payload.length; ordinal++) {
    const length = checkRecord(payload, at, payload.length);
    if (typeof length === 'string') {
      yield { part: 'problem', offset: offset + at, message: length };
      return;
    }
    const keyStart = at + recordHeaderBytes;
    const keyEnd = keyStart + payload.readUInt16LE(at + 4);
    const isTombstone = payload[at + 6] === kindTombstone;
    yield {
      part: isTombstone ? 'delete' : 'put',
      offset: offset + at,
      sequence: firstSequence + ordinal,
      ...internalKeyToJson(payload.subarray(keyStart, keyEnd)),
      ...(isTombstone ? {} : { valueBytes: payload.readUInt32LE(at) }),
    };
    at += length;
  }
}

/** All parts of a log. */
export function* inspectLog(files: OneFile, withEntries: boolean): Generator<Part> {
  let reader: LogReader | undefined;
  try {
    const header = decodeLogHeader(readPiece(files, 0, logHeaderBytes), 'the log');
    if (header === undefined) {
      yield {
        part: 'problem',
        offset: 0,
        message: 'the header of the log is not whole: nothing in it was ever acknowledged, unless another file says so',
      };
      return;
    }
    yield { part: 'header', offset: 0, ...header, databaseId: hexOf(header.databaseId) };
    reader = LogReader.open(files, '', header.logNumber, header.databaseId);
    let payload = Buffer.alloc(0);
    for (;;) {
      const frame = reader.next((bytes) => (payload = Buffer.allocUnsafe(bytes)));
      if (frame === undefined) break;
      const { offset, firstSequence, entryCount, endsGroup } = frame;
      yield { part: 'frame', offset, payloadBytes: payload.length, entryCount, firstSequence, endsGroup };
      if (withEntries) yield* recordParts(payload, offset + frameHeaderBytes, firstSequence);
    }
    const { validBytes, tornBytes, roomBytes } = reader;
    yield { part: 'end', offset: validBytes, tornBytes: tornBytes - roomBytes, roomBytes };
  } catch (error) {
    yield problemPart(error);
  } finally {
    reader?.close();
  }
}
