/** What the tests of varve/etcd share: files in memory, what they hold, and errors told by their code. */
import { Reading } from '../../src/etcd/reading.js';
import { readSettings } from '../../src/etcd/read-options.js';
import type { EtcdReadOptions, EtcdStatus } from '../../src/etcd/api.js';
import { VarveError } from '../../src/errors.js';
import { EagerClock } from '../support/eager-clock.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { expect } from 'vitest';
import type { BoltBucket } from './bolt-writer.js';

export const filePath = '/etcd.db';

/** A disk that holds one file. */
export function diskWith(bytes: Uint8Array): MemoryFileSystem {
  const disk = new MemoryFileSystem();
  const handle = disk.open(filePath, 'create');
  handle.write([bytes], 0);
  handle.sync();
  handle.close();
  disk.syncDirectory('/');
  return disk;
}

/** Names of buckets with their entries, in hexadecimal. */
export type Content = [bucket: string, entries: [key: string, value: string][]][];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export function contentOf(buckets: Iterable<BoltBucket>): Content {
  return [...buckets].map(([name, entries]) => [hex(name), [...entries].map(([key, value]) => [hex(key), hex(value)])]);
}

/** Reads a file in memory to its end, and sees that it is closed. */
export async function readAll(
  bytes: Uint8Array | MemoryFileSystem,
  options: EtcdReadOptions = {},
): Promise<{ status: EtcdStatus; content: Content }> {
  const fileSystem = bytes instanceof MemoryFileSystem ? bytes : diskWith(bytes);
  const content: Content = [];
  try {
    const reading = new Reading({ fileSystem, clock: new EagerClock() }, filePath, readSettings(options));
    try {
      await reading.verify();
      const status = await reading.content(({ kind, bucket, key, value }) => {
        if (kind === 'bucket') content.push([hex(bucket), []]);
        else content[content.length - 1]?.[1].push([hex(key), hex(value)]);
      });
      return { status, content };
    } finally {
      reading.close();
    }
  } finally {
    expect(fileSystem.openHandles).toBe(0);
  }
}

/** What reading the file is refused with. */
export async function refusalOf(bytes: Uint8Array, options: EtcdReadOptions = {}): Promise<VarveError> {
  const error: unknown = await readAll(bytes, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof VarveError)) throw error ?? new Error('the file was read');
  return error;
}
