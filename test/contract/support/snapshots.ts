/**
 * Taking a snapshot into memory and restoring it from there, in chunks of any size.
 */
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type Backend, restoreSnapshot, type Snapshot } from 'varve';
import { open, temporaryDirectory } from './harness.js';

/** A target that keeps what it gets. */
export class Collector extends Writable {
  readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.chunks.push(Buffer.from(chunk));
    done();
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** The bytes that a snapshot writes. */
export async function bytesOfSnapshot(snapshot: Snapshot): Promise<Buffer> {
  const target = new Collector();
  await snapshot.writeTo(target);
  return target.bytes();
}

/** The bytes of a snapshot taken now, which is closed again. */
export async function takeSnapshot(backend: Backend): Promise<Buffer> {
  const snapshot = await backend.snapshot();
  try {
    return await bytesOfSnapshot(snapshot);
  } finally {
    await snapshot.close();
  }
}

/** A source that gives the bytes in chunks of one size. */
export async function* inChunks(bytes: Uint8Array, chunkBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += chunkBytes) yield bytes.subarray(offset, offset + chunkBytes);
}

/** Restores the bytes into a fresh directory and opens what comes of it. */
export async function openRestored(bytes: Uint8Array): Promise<Backend> {
  const path = join(temporaryDirectory(), 'restored');
  await restoreSnapshot(inChunks(bytes), path);
  return open({ path, createIfMissing: false });
}
