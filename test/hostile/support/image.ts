/**
 * A database directory as a value: names and bytes. Hurting one is making another; each is put on a disk in memory of its own.
 */
import { MemoryFileSystem } from '../../support/memory-file-system.js';

/** Where the database lies on every disk of these tests. */
export const directory = '/db';

/** Files by name. */
export type Image = ReadonlyMap<string, Uint8Array>;

/** A disk with these files, all of them synced. */
export function diskOf(image: Image): MemoryFileSystem {
  const disk = new MemoryFileSystem();
  disk.makeDirectory(directory);
  for (const [name, bytes] of image) {
    const file = disk.open(`${directory}/${name}`, 'create');
    file.write([bytes], 0);
    file.sync();
    file.close();
  }
  disk.syncDirectory(directory);
  return disk;
}

/** The files of the database on a disk. */
export function imageOf(disk: MemoryFileSystem): Map<string, Uint8Array> {
  const image = new Map<string, Uint8Array>();
  for (const name of disk.list(directory).sort()) {
    const file = disk.open(`${directory}/${name}`, 'read');
    const bytes = new Uint8Array(file.sizeBytes());
    file.read(bytes, 0);
    file.close();
    image.set(name, bytes);
  }
  return image;
}

/** The image with one file replaced, or without it. */
export function withFile(image: Image, name: string, bytes: Uint8Array | undefined): Map<string, Uint8Array> {
  const copy = new Map(image);
  if (bytes === undefined) copy.delete(name);
  else copy.set(name, bytes);
  return copy;
}

/** The bytes of a file that must be there. */
export function fileOf(image: Image, name: string): Uint8Array {
  const bytes = image.get(name);
  if (bytes === undefined) throw new Error(`the image has no ${name}`);
  return bytes;
}

/** Names of one kind, in order. */
export function namesOf(image: Image, kind: 'log' | 'sst' | 'manifest'): string[] {
  const pattern = kind === 'manifest' ? /^MANIFEST-/ : new RegExp(`\\.${kind}$`);
  return [...image.keys()].filter((name) => pattern.test(name)).sort();
}
