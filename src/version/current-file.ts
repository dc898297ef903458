/**
 * CURRENT: one line that names the live manifest.
 *
 * | MANIFEST-000007 | one space | XXH64 of the name, 16 lower-case hex digits | \n |
 *
 * It is replaced in one step: a temporary file is written and synced, renamed over CURRENT, and the directory is synced.
 *
 * **Invariants:**
 * 1. At every moment CURRENT is missing (a database that was never finished) or names a manifest that is whole and durable.
 * 2. One number has one content; anything else is VARVE_CORRUPTION.
 */
import type { FileSystem } from '../env/file-system.js';
import { joinPath } from '../env/path.js';
import { corruption } from '../errors.js';
import { equalBytes } from '../format/bytes.js';
import { checksum64 } from '../format/checksum.js';
import { currentFileName, manifestFileName, parseFileName, temporaryFileName } from '../format/file-names.js';

/** Longest content: a manifest number has at most 16 digits. */
const currentBytesMax = 'MANIFEST-'.length + 16 + 1 + 16 + 1;

/** The bytes of a CURRENT that names MANIFEST-`manifestNumber`. */
export function currentContent(manifestNumber: number): Uint8Array {
  const name = manifestFileName(manifestNumber);
  const checksum = checksum64(new TextEncoder().encode(name)).toString(16).padStart(16, '0');
  return new TextEncoder().encode(`${name} ${checksum}\n`);
}

/**
 * Makes MANIFEST-`manifestNumber`, which must be durable with its name, the live one. `temporaryNumber` is a fresh file number.
 * Durable when it returns. After a failure before `beforeSwitch` was called the old CURRENT stands; after one that comes later either may.
 */
export function publishCurrent(
  fileSystem: FileSystem,
  directory: string,
  manifestNumber: number,
  temporaryNumber: number,
  beforeSwitch?: () => void,
): void {
  const temporaryPath = joinPath(directory, temporaryFileName(temporaryNumber));
  const file = fileSystem.open(temporaryPath, 'create');
  try {
    file.write([currentContent(manifestNumber)], 0);
    // Barrier: the content is on disk before the name CURRENT can lead to it.
    file.sync();
    file.close();
    beforeSwitch?.();
    fileSystem.rename(temporaryPath, joinPath(directory, currentFileName));
  } catch (error) {
    file.close();
    try {
      fileSystem.unlink(temporaryPath);
    } catch {
      // The first error is the one that matters; temporary files are removed at the next open.
    }
    throw error;
  }
  fileSystem.syncDirectory(directory);
}

/** The number of the live manifest, or undefined where there is no CURRENT. Wrong content is VARVE_CORRUPTION. */
export function readCurrent(fileSystem: FileSystem, directory: string): number | undefined {
  const path = joinPath(directory, currentFileName);
  if (fileSystem.status(path) === undefined) return undefined;
  const file = fileSystem.open(path, 'read');
  try {
    const bytes = new Uint8Array(currentBytesMax + 1);
    const content = bytes.subarray(0, file.read(bytes, 0));
    const name = new TextDecoder('latin1').decode(content).split(' ', 1)[0] ?? '';
    const parsed = parseFileName(name);
    if (parsed?.kind !== 'manifest') throw corruption(currentFileName, 0, 'the content names no manifest');
    const expected = currentContent(parsed.number);
    if (!equalBytes(content, 0, content.length, expected, 0, expected.length)) {
      throw corruption(currentFileName, name.length, 'the content does not match its checksum');
    }
    return parsed.number;
  } finally {
    file.close();
  }
}
