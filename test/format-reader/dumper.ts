/**
 * The newest committed content of a database, read from its files alone: an independent reader, written from docs/format.md.
 * Database files that are compressed are beyond it.
 */
import { Bytes, check, joined, xxh64, xxh64Low } from './bytes.js';
import { fileHeader, logGroups } from './frames.js';
import { readManifest, type State } from './manifest.js';
import { tableEntries } from './table.js';

/** Content of files by their names. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** Bucket name → key → value, as latin1 strings. */
export type Content = Map<string, Map<string, string>>;

const digits = (number: number): string => String(number).padStart(6, '0');

function fileOf(files: Files, name: string): Bytes {
  const bytes = files.get(name);
  check(bytes !== undefined, `${name} is missing`);
  return new Bytes(bytes);
}

function liveManifest(files: Files): State {
  const [, name = '', checksum] =
    /^(MANIFEST-\d{6,16}) ([0-9a-f]{16})\n$/.exec(Buffer.from(files.get('CURRENT') ?? []).toString()) ?? [];
  check(xxh64(Buffer.from(name)).toString(16).padStart(16, '0') === checksum, 'CURRENT does not match its checksum');
  return readManifest(fileOf(files, name));
}

/** The newest version of every internal key; undefined where that is a tombstone. */
function newestVersions(files: Files): Map<string, Uint8Array | undefined> {
  const { levels, counters } = liveManifest(files);
  const [oldestLog = 0, lastSequence = 0] = counters;
  const versions = new Map<string, Uint8Array | undefined>();
  // Oldest first, so that what is newer replaces it.
  for (const run of levels.flat().reverse()) {
    for (const table of run.tables) {
      const entries = tableEntries(fileOf(files, `${digits(table.fileNumber)}.sst`));
      check(entries.length === table.entries, 'a table of another number of entries than the manifest says');
      // The first entry of a key is its newest version.
      for (const { key, value } of entries.reverse()) versions.set(key, value);
    }
  }
  for (const [number, log] of logsFrom(files, oldestLog)) {
    check(fileHeader(log, 'varvelog', 64).number === number, 'a log of another number');
    for (const group of logGroups(log)) {
      // A group whose last record is in the tables is in them as a whole.
      if ((group.at(-1)?.sequence ?? 0) <= lastSequence) continue;
      for (const { key, value } of group) versions.set(key, value);
    }
  }
  return versions;
}

function hasWholeHeader(log: Bytes): boolean {
  return log.bytes.length >= 64 && log.u32(12) === xxh64Low(joined(log.slice(0, 12), log.slice(16, 64)));
}

/** The logs that count, in order, each as far as the next one says that it was complete. */
function logsFrom(files: Files, oldestLog: number): [number, Bytes][] {
  const numbers = [...files.keys()].flatMap((name) => (/^\d{6,16}\.log$/.test(name) ? [Number.parseInt(name, 10)] : []));
  const logs = new Map<number, Bytes>();
  for (const number of numbers.filter((number) => number >= oldestLog).sort((a, b) => a - b)) {
    const log = fileOf(files, `${digits(number)}.log`);
    // Created by a commit that power was lost in: nothing in it was acknowledged.
    if (!hasWholeHeader(log)) continue;
    const previous = log.f64(40);
    const complete = logs.get(previous);
    if (complete !== undefined && log.f64(48) > 0) logs.set(previous, new Bytes(complete.slice(0, log.f64(48))));
    logs.set(number, log);
  }
  return [...logs];
}

/** Length of the bucket prefix of an internal key, and the bucket's id. */
function bucketOf(key: string): { id: number; prefixLength: number } {
  const first = key.charCodeAt(0);
  if (first < 0xf8) return { id: first, prefixLength: 1 };
  let id = 0;
  for (let i = 1; i <= first - 0xf7; i++) id = id * 256 + key.charCodeAt(i);
  return { id, prefixLength: first - 0xf6 };
}

/** The tables that the live manifest names. */
export function liveTables(files: Files): Bytes[] {
  const tables = liveManifest(files)
    .levels.flat()
    .flatMap((run) => run.tables);
  return tables.map((table) => fileOf(files, `${digits(table.fileNumber)}.sst`));
}

export function readContent(files: Files): Content {
  const versions = newestVersions(files);
  const content: Content = new Map();
  const bucketNames = new Map<number, string>();
  for (const [key, value] of versions) {
    if (bucketOf(key).id !== 0 || value === undefined) continue;
    bucketNames.set(Buffer.from(value).readUInt32BE(0), key.slice(1));
    content.set(key.slice(1), new Map());
  }
  for (const [key, value] of versions) {
    const { id, prefixLength } = bucketOf(key);
    // What a deleted bucket owned may still be there: no name leads to it.
    const name = bucketNames.get(id);
    if (name !== undefined && value !== undefined)
      content.get(name)?.set(key.slice(prefixLength), Buffer.from(value).toString('latin1'));
  }
  return content;
}

/** The files of a snapshot. */
export function unpack(archive: Uint8Array): Map<string, Uint8Array> {
  const tar = new Bytes(archive);
  const files = new Map<string, Uint8Array>();
  for (let at = 0; tar.u8(at) !== 0;) {
    const size = Number.parseInt(tar.text(at + 124, at + 135), 8);
    files.set(tar.text(at, at + 100).replace(/\0.*$/s, ''), tar.slice(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
