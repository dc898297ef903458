/**
 * What the tests of tables share: files in memory, entries as plain values, and a naive model of what a view sees.
 */

import type { FileHandle, FileSystem } from '../../src/env/file-system.js';
import { VarveError } from '../../src/errors.js';
import { compareKeys } from '../../src/format/bytes.js';
import { type Codec, loadCodec } from '../../src/format/compression.js';
import { type EntryCursor, pointTombstone, pointValue } from '../../src/format/entry-cursor.js';
import { tableFileName } from '../../src/format/file-names.js';
import { hashKey } from '../../src/format/key-hash.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { OpenTables } from '../../src/sstable/open-tables.js';
import type { TableContext } from '../../src/sstable/table-context.js';
import type { TableReader } from '../../src/sstable/table-reader.js';
import type { TableScanner } from '../../src/sstable/table-scanner.js';
import { giveTableMemory, takeTableMemory } from '../../src/sstable/table-memory.js';
import { type FinishedTable, TableWriter } from '../../src/sstable/table-writer.js';

export const directory = 'db';
export const databaseId = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
export const everything = Number.MAX_SAFE_INTEGER;

const noEntry = (path: string): VarveError => {
  const cause = Object.assign(new Error('no such file'), { code: 'ENOENT', errno: -2 });
  return new VarveError('VARVE_IO', `open ${path}`, { file: path, cause });
};
const unused = (): never => {
  throw new Error('not used by tables');
};

/** Files in memory; knows how many are open, and can fail the n-th read. */
export class TableFiles implements FileSystem {
  readonly files = new Map<string, Uint8Array>();
  openCount = 0;
  readCount = 0;
  syncCount = 0;
  readFailsAt = -1;

  open(path: string, mode: 'read' | 'modify' | 'create'): FileHandle {
    if (mode === 'create') this.files.set(path, new Uint8Array(0));
    if (!this.files.has(path)) throw noEntry(path);
    this.openCount++;
    let isOpen = true;
    return {
      path,
      descriptor: -1,
      sizeBytes: () => this.bytes(path).length,
      read: (target, position) => {
        if (this.readCount++ === this.readFailsAt) throw new VarveError('VARVE_IO', `read ${path}`, { file: path });
        const part = this.bytes(path).subarray(position, position + target.length);
        target.set(part);
        return part.length;
      },
      write: (pieces, position) => {
        const old = this.bytes(path);
        const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
        const grown = new Uint8Array(Math.max(old.length, position + total));
        grown.set(old);
        let at = position;
        for (const piece of pieces) {
          grown.set(piece, at);
          at += piece.length;
        }
        this.files.set(path, grown);
      },
      writeAsync: unused,
      sync: () => {
        this.syncCount++;
      },
      syncAsync: unused,
      truncate: unused,
      close: () => {
        if (isOpen) this.openCount--;
        isOpen = false;
      },
    };
  }

  bytes(path: string): Uint8Array {
    return this.files.get(path) ?? new Uint8Array(0);
  }

  status = unused;
  list = unused;
  makeDirectory = unused;
  rename = unused;
  unlink = unused;
  removeDirectory = unused;
  syncDirectory = unused;
  syncDirectoryAsync = unused;
  availableBytes = unused;
}

/** One stored record; value undefined: a tombstone. */
export interface Entry {
  readonly key: Uint8Array;
  readonly sequence: number;
  readonly value: Uint8Array | undefined;
}

export const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
export const entryOf = (key: string, value: string | undefined, sequence = 0): Entry => ({
  key: bytesOf(key),
  sequence,
  value: value === undefined ? undefined : bytesOf(value),
});

/** Key ascending, sequence descending. */
export const compareEntries = (a: Entry, b: Entry): number => compareKeys(a.key, b.key) || b.sequence - a.sequence;

export interface WriteOptions {
  readonly fileNumber?: number;
  readonly blockBytes?: number;
  readonly compression?: Codec | undefined;
  readonly filterBitsPerKey?: number;
}

export function openWriter(files: TableFiles, options: WriteOptions = {}, memory = takeTableMemory()): TableWriter {
  const fileNumber = options.fileNumber ?? 7;
  const writerOptions = {
    fileNumber,
    databaseId,
    blockBytes: options.blockBytes ?? 128,
    compression: options.compression,
    filterBitsPerKey: options.filterBitsPerKey ?? 10,
  };
  return new TableWriter(files.open(`${directory}/${tableFileName(fileNumber)}`, 'create'), writerOptions, memory);
}

export function addEntry(writer: TableWriter, entry: Entry): void {
  const value = entry.value ?? new Uint8Array(0);
  writer.add(entry.key, 0, entry.key.length, entry.sequence, entry.value === undefined, value, 0, value.length);
}

/** Writes entries, which are in order, as a table. */
export function writeTable(files: TableFiles, entries: readonly Entry[], options: WriteOptions = {}): FinishedTable {
  const memory = takeTableMemory();
  const writer = openWriter(files, options, memory);
  for (const entry of entries) addEntry(writer, entry);
  const table = writer.finish();
  giveTableMemory(memory);
  return table;
}

export function contextOf(files: TableFiles, cacheBytes = 1 << 20, codec: Codec | undefined = loadCodec()): TableContext {
  return {
    fileSystem: files,
    directory,
    databaseId,
    codec,
    openTables: new OpenTables(files, directory, 4),
    cache: new BlockCache(cacheBytes),
  };
}

/** The value of a key for a view: bytes, 'tombstone' or 'absent'. */
export function read(reader: TableReader, key: Uint8Array, viewSequence = everything): Uint8Array | 'tombstone' | 'absent' {
  const found = { bytes: key, start: 0, end: 0 };
  const result = reader.get(key, 0, key.length, hashKey(key, 0, key.length), viewSequence, found);
  if (result === pointValue) return new Uint8Array(found.bytes.subarray(found.start, found.end));
  return result === pointTombstone ? 'tombstone' : 'absent';
}

/** The newest visible version of each key, in key order. */
export function visible(entries: readonly Entry[], viewSequence: number): Entry[] {
  const result: Entry[] = [];
  for (const entry of entries) {
    const last = result.at(-1);
    if (entry.sequence > viewSequence || (last !== undefined && compareKeys(last.key, entry.key) === 0)) continue;
    result.push(entry);
  }
  return result;
}

/** What a cursor shows now: key and value as text, or undefined at its ends. */
export function shown(cursor: EntryCursor): string | undefined {
  if (!cursor.valid) return undefined;
  const key = cursor.keyBytes.subarray(cursor.keyStart, cursor.keyEnd);
  const value = cursor.isTombstone ? undefined : cursor.valueBytes.subarray(cursor.valueStart, cursor.valueEnd);
  return describeParts(key, value);
}

export const describeEntry = (entry: Entry | undefined): string | undefined =>
  entry === undefined ? undefined : describeParts(entry.key, entry.value);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const describeParts = (key: Uint8Array, value: Uint8Array | undefined): string =>
  `${hex(key)}=${value === undefined ? 'tombstone' : hex(value)}`;

/** All that a scanner yields from where it is. */
export function scanAll(scanner: TableScanner): Entry[] {
  const result: Entry[] = [];
  for (; scanner.valid; scanner.next()) {
    result.push({
      key: new Uint8Array(scanner.keyBytes.subarray(scanner.keyStart, scanner.keyEnd)),
      sequence: scanner.sequence,
      value: scanner.isTombstone ? undefined : new Uint8Array(scanner.valueBytes.subarray(scanner.valueStart, scanner.valueEnd)),
    });
  }
  return result;
}

/** The code of the error that a call throws, or undefined where it throws none. */
export function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return error instanceof VarveError ? error.code : String(error);
  }
}
