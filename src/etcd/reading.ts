/**
 * One reading of a file of etcd, from its first byte to its last: the SHA-256 first, then the content.
 *
 *   open ─▶ size, meta pages ─▶ SHA-256 of all pages, where it counts ─▶ buckets and entries in order ─▶ figures ─▶ close
 */
import type { Clock } from '../env/clock.js';
import type { FileSystem } from '../env/file-system.js';
import type { EtcdEntry, EtcdStatus } from './api.js';
import { BoltFile } from './bolt-file.js';
import { type Content, ContentWalk } from './content-walk.js';
import { Pace } from './pace.js';
import type { ReadSettings } from './read-options.js';

/** What a reading touches. */
export interface ReadSurroundings {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
}

export class Reading {
  readonly pace: Pace;
  private readonly file: BoltFile;

  /** Opens the file. VARVE_NOT_FOUND, or why it cannot be read. */
  constructor(surroundings: ReadSurroundings, path: string, settings: ReadSettings) {
    const { signal, onProgress } = settings;
    let total = 0;
    this.pace = new Pace(surroundings.clock, signal, onProgress && ((done) => onProgress(done, total)));
    this.file = BoltFile.open(surroundings.fileSystem, path, settings.checksum);
    total = this.total;
  }

  /** Checks the SHA-256, where it counts. Comes first. */
  verify(): Promise<void> {
    return this.file.verifyDigest(this.pace);
  }

  /** Takes everything in order, each piece valid until `take` has ended. Returns the figures. */
  async content(take: (content: Content) => void | Promise<void>): Promise<EtcdStatus> {
    const { file, pace } = this;
    const walk = new ContentWalk(file);
    for (let content = walk.next(); content !== undefined; content = walk.next()) {
      const taken = take(content);
      if (taken !== undefined) await taken;
      if (pace.isDue(content.value.length)) await pace.rest(this.done);
    }
    await pace.rest(this.total);
    return walk.status();
  }

  /** As `content`, for a caller who asks for one entry after the other. */
  async *entries(): AsyncGenerator<EtcdEntry, void, undefined> {
    const { file, pace } = this;
    const walk = new ContentWalk(file);
    for (let content = walk.next(); content !== undefined; content = walk.next()) {
      const { kind, bucket, key, value } = content;
      if (kind === 'entry') yield [Buffer.from(bucket), Buffer.from(key), Buffer.from(value)];
      pace.check();
      if (pace.isDue(value.length)) await pace.rest(this.done);
    }
    await pace.rest(this.total);
  }

  /** Idempotent. */
  close(): void {
    this.file.close();
  }

  private get done(): number {
    return this.file.digestedBytes + this.file.pagesRead * this.file.pageSize;
  }

  private get total(): number {
    return this.file.digestedBytes + this.file.totalSize;
  }
}
