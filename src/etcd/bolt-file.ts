/**
 * A file of etcd, open: its pages, the SHA-256 behind those of a snapshot, and the set of pages that were seen.
 *
 *   member's db   │ pages                                        │          (often longer than the pages in use: it grows in steps)
 *   snapshot      │ pages                           │ SHA-256, 32 bytes │   its size is 32 more than a multiple of 512
 *
 * Invariants:
 * 1. A page is claimed once; so no page has two parents, and everything that is read of the file is read in bounded time.
 * 2. Memory is one bit for each page.
 */
import { createHash } from 'node:crypto';
import type { FileHandle, FileSystem } from '../env/file-system.js';
import { corruption, VarveError } from '../errors.js';
import type { EtcdChecksumRule, EtcdStatus } from './api.js';
import { type BoltMeta, readMeta } from './bolt-meta.js';
import type { PageFile } from './bolt-page.js';
import type { Pace } from './pace.js';

const digestBytes = 32;
/** Every size of a page is a multiple of it. */
const sectorBytes = 512;
const pieceBytes = 1024 * 1024;

export class BoltFile implements PageFile {
  readonly meta: BoltMeta;
  /** Pages that were claimed. */
  pagesRead = 0;
  private readonly hasDigest: boolean;
  private readonly dataBytes: number;
  private readonly claimed: Uint8Array;

  /** Looks at size and meta pages. The handle is closed by `close`. */
  private constructor(
    readonly handle: FileHandle,
    private readonly rule: EtcdChecksumRule,
  ) {
    const sizeBytes = handle.sizeBytes();
    const surplus = sizeBytes % sectorBytes;
    this.hasDigest = surplus === digestBytes;
    this.dataBytes = this.hasDigest ? sizeBytes - digestBytes : sizeBytes;
    this.meta = readMeta(handle, this.dataBytes);
    if (rule !== 'skip' && !this.hasDigest && surplus !== 0) {
      throw corruption(
        handle.path,
        sizeBytes - surplus,
        `${surplus} bytes behind the last page are no SHA-256: the file was cut off`,
      );
    }
    if (rule === 'require' && !this.hasDigest) {
      throw corruption(
        handle.path,
        sizeBytes,
        'there is no SHA-256 at the end: it is no snapshot (a copy of db?), or it was cut off',
      );
    }
    this.claimed = new Uint8Array(Math.ceil(this.meta.highWater / 8));
  }

  static open(files: FileSystem, path: string, rule: EtcdChecksumRule): BoltFile {
    if (files.status(path) === undefined) throw new VarveError('VARVE_NOT_FOUND', `there is no file ${path}`, { file: path });
    const handle = files.open(path, 'read');
    try {
      return new BoltFile(handle, rule);
    } catch (error) {
      handle.close();
      throw error;
    }
  }

  get pageSize(): number {
    return this.meta.pageSize;
  }

  /** Bytes of all pages that were ever in use. */
  get totalSize(): number {
    return this.meta.highWater * this.meta.pageSize;
  }

  /** What `verifyDigest` will read. */
  get digestedBytes(): number {
    return this.hasDigest && this.rule !== 'skip' ? this.dataBytes : 0;
  }

  get checksum(): EtcdStatus['checksum'] {
    return this.rule === 'skip' ? 'skipped' : this.hasDigest ? 'verified' : 'absent';
  }

  /** Compares the SHA-256, where there is one that counts, with the pages before it. */
  async verifyDigest(pace: Pace): Promise<void> {
    const total = this.digestedBytes;
    if (total === 0) return;
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, total));
    for (let position = 0; position < total;) {
      const piece = buffer.subarray(0, Math.min(buffer.length, total - position));
      this.readExactly(piece, position);
      hash.update(piece);
      position += piece.length;
      if (pace.isDue(piece.length)) await pace.rest(position);
    }
    const stored = this.readExactly(Buffer.alloc(digestBytes), total);
    if (!hash.digest().equals(stored)) {
      throw corruption(this.handle.path, total, 'the SHA-256 at the end is not that of the pages: the snapshot is damaged');
    }
  }

  claim(first: number, end: number, offset: number): void {
    const { claimed, meta } = this;
    if (first < 2 || end > meta.highWater) {
      const pages = end - first === 1 ? `page ${first} is` : `pages ${first} to ${end - 1} are`;
      throw corruption(this.handle.path, offset, `${pages} named here, and the tree has pages 2 to ${meta.highWater - 1}`);
    }
    for (let page = first; page < end; page++) {
      const bit = 1 << (page & 7);
      const byte = claimed[page >>> 3] as number;
      if ((byte & bit) !== 0)
        throw corruption(this.handle.path, offset, `page ${page} is named here, and belongs to another place too`);
      claimed[page >>> 3] = byte | bit;
    }
    this.pagesRead += end - first;
  }

  close(): void {
    this.handle.close();
  }

  private readExactly(target: Buffer, position: number): Buffer {
    const bytes = this.handle.read(target, position);
    if (bytes < target.length) throw corruption(this.handle.path, position + bytes, 'the file became shorter while it was read');
    return target;
  }
}
