/**
 * A database directory seen from outside: its files, their bytes, and ways to spoil a copy of them. Nothing here knows what
 * the files mean.
 */
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { temporaryDirectory } from './harness.js';

/** Paths of all files below the directory, relative to it, sorted. */
export function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

/** The sum of the sizes of all files below the directory, in bytes. */
export function bytesOnDisk(directory: string): number {
  return filesOf(directory).reduce((sum, file) => sum + statSync(join(directory, file)).size, 0);
}

/** Every file with its bytes in hex: two of these are equal where nothing changed. */
export function image(directory: string): Record<string, string> {
  return Object.fromEntries(filesOf(directory).map((file) => [file, readFileSync(join(directory, file)).toString('hex')]));
}

/** Names of the files in which these bytes occur. */
export function filesContaining(directory: string, needle: Buffer): string[] {
  return filesOf(directory).filter((file) => readFileSync(join(directory, file)).includes(needle));
}

/** A copy of the directory that may be spoilt. */
export function copyOf(directory: string): string {
  const copy = join(temporaryDirectory(), 'db');
  cpSync(directory, copy, { recursive: true });
  return copy;
}

/** Rewrites one file of a directory. */
export function rewrite(directory: string, file: string, change: (bytes: Buffer) => Uint8Array): void {
  const path = join(directory, file);
  writeFileSync(path, change(readFileSync(path)));
}

/** Inverts the bits of `mask` in one byte of one file. */
export function flip(directory: string, file: string, offset: number, mask = 0xff): void {
  rewrite(directory, file, (content) => {
    content[offset] = (content[offset] as number) ^ mask;
    return content;
  });
}

/** The largest file of the directory. */
export function largestFile(directory: string): string {
  const [largest] = filesOf(directory).sort((a, b) => statSync(join(directory, b)).size - statSync(join(directory, a)).size);
  if (largest === undefined) throw new Error('the directory is empty');
  return largest;
}

/** How many file descriptors this process has open; 0 on a system that does not tell. */
export function openDescriptors(): number {
  return existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0;
}
