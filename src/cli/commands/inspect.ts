/** `varve inspect`: any one file of a database, piece by piece. */
import { basename } from 'node:path';
import { statSync } from 'node:fs';
import { followLinks } from '../../env/outside-files.js';
import { resolvePath } from '../../env/path.js';
import { invalidArgument, VarveError } from '../../errors.js';
import { initializeChecksum } from '../../format/checksum.js';
import { type FileKind, parseFileName } from '../../format/file-names.js';
import { formatBytesAs } from '../bytes-text.js';
import type { Command } from '../command.js';
import { inspectLog } from '../inspect/log.js';
import { inspectManifest } from '../inspect/manifest.js';
import { OneFile, type Part, readPiece, sizeOf } from '../inspect/part.js';
import { inspectCurrent, inspectLock } from '../inspect/small-files.js';
import { inspectTable } from '../inspect/table.js';
import { checkSignal, giveWay } from '../signal.js';

const partsBetweenLooks = 256;

/** What the file is, by its marks, and where damage took those, by its name. */
function kindOf(files: OneFile, path: string): FileKind {
  const latin1 = (offset: number, bytes: number): string => Buffer.from(readPiece(files, offset, bytes)).toString('latin1');
  const head = latin1(0, 9);
  if (head.startsWith('varvelog')) return 'log';
  if (head.startsWith('varveman')) return 'manifest';
  const size = sizeOf(files);
  if (size >= 8 && latin1(size - 8, 8) === 'varvesst') return 'table';
  if (head === 'MANIFEST-') return 'current';
  const named = parseFileName(basename(path))?.kind;
  if (named !== undefined && named !== 'temporary') return named;
  const isTar = latin1(257, 5) === 'ustar';
  throw invalidArgument(`${path} is ${isTar ? 'a tar, perhaps a snapshot: restore it first' : 'no file of a database'}`);
}

function partsOf(kind: FileKind, files: OneFile, withEntries: boolean): Iterable<Part> {
  if (kind === 'log') return inspectLog(files, withEntries);
  if (kind === 'table') return inspectTable(files, withEntries);
  if (kind === 'manifest') return inspectManifest(files);
  return kind === 'current' ? inspectCurrent(files) : inspectLock(files);
}

function formatField(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.map(formatField).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  if ('bucketId' in value && 'key' in value) return `${String(value.bucketId)}/${formatKey(value.key)}`;
  return `{${formatFields(Object.entries(value))}}`;
}

function formatKey(key: unknown): string {
  if (typeof key === 'string') return formatBytesAs('text', Buffer.from(key));
  const hex = typeof key === 'object' && key !== null && 'hex' in key ? String(key.hex) : '';
  return formatBytesAs('text', Buffer.from(hex, 'hex'));
}

function formatFields(fields: readonly (readonly [string, unknown])[]): string {
  return fields
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${name === 'key' ? formatKey(value) : formatField(value)}`)
    .join(', ');
}

function formatPart({ part, offset, ...fields }: Part): string {
  const place = offset === undefined ? '' : String(offset);
  const text = part === 'problem' ? String(fields['message']) : formatFields(Object.entries(fields));
  return `${place.padStart(10)}  ${part.padEnd(18)}  ${text}`.trimEnd();
}

export const inspect: Command = {
  name: 'inspect',
  group: 'Looking inside',
  summary: 'print what is in a file of a database: log, table, manifest, CURRENT, LOCK',
  details:
    'One piece a line: the offset, what it is, what it says. Keys are printed with the id of their bucket before them. The file may\n' +
    'have any name, and may belong to an open database: nothing is locked. Exits with 1 where something is wrong with it.',
  parameters: [{ name: 'file', summary: 'the file' }],
  switches: [{ flags: '-e, --entries', summary: 'print every entry of logs and tables' }],
  examples: ['varve inspect fruit.db/000003.log --entries', 'varve inspect fruit.db/MANIFEST-000004 --json'],
  async run(call) {
    const { output, progress, signal } = call;
    const path = followLinks(resolvePath(call.word('file')));
    const status = statSync(path, { throwIfNoEntry: false });
    if (status === undefined) throw new VarveError('VARVE_IO', `${path} is not there`, { file: path });
    if (!status.isFile()) throw invalidArgument(`${path} is no file; \`varve stats\` and \`varve levels\` look at directories`);
    await initializeChecksum();
    const files = new OneFile(path);
    const kind = kindOf(files, path);
    if (!output.isJson) output.line(`${path}: ${kind}, ${status.size} bytes`);
    let problems = 0;
    let parts = 0;
    progress.begin('reading');
    for (const part of partsOf(kind, files, call.has('entries'))) {
      if (part.part === 'problem') problems++;
      output.report(part, () => output.line(formatPart(part)));
      if (output.isFull) await output.flush();
      if (++parts % partsBetweenLooks === 0) {
        progress.count(parts, 'parts');
        await giveWay();
      }
      checkSignal(signal);
    }
    return problems === 0 ? 'done' : 'failed';
  },
};
