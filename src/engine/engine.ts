/**
 * The engine: its parts, wired. It owns them, and is what the etcd surface and the checkpoint are built on.
 *
 *   writes ─▶ memtables ─▶ commits (log) ─▶ background (flush, compaction) ─▶ versions (manifest, tables)
 *                 └──────────────────── reads ──────────────────────────────────┘
 *
 * Invariants:
 * 1. Only this thread changes memtables, versions and the set of files.
 * 2. Views are sequences: `views` knows the live ones, and jobs get a copy of them.
 */
import type { Job, Retention } from '../compaction/job.js';
import { compactionTuning } from '../compaction/tuning.js';
import type { Clock } from '../env/clock.js';
import type { DirectoryLock } from '../env/directory-lock.js';
import type { FileSystem } from '../env/file-system.js';
import { joinPath } from '../env/path.js';
import { logFileName, tableFileName } from '../format/file-names.js';
import type { ResolvedOptions } from '../options.js';
import type { BlockCache } from '../sstable/block-cache.js';
import type { LiveFiles } from '../version/live-files.js';
import { Background } from './background.js';
import type { BucketCatalog } from './bucket-catalog.js';
import { CommitQueue } from './commit-queue.js';
import { Gaps } from './gaps.js';
import { isRoomShort } from './disk-room.js';
import type { Health } from './health.js';
import type { LogExtent, MemtableSlot } from './memtable-slot.js';
import type { MemtableSet } from './memtable-set.js';
import { checkFilesAreThere, checkLogsAreThere } from './needed-files.js';
import type { Observer } from './observer.js';
import { ReadDebt } from './read-debt.js';
import { ReadPath } from './read-path.js';
import type { VersionStore } from './version-store.js';
import type { ViewRegistry } from './views.js';
import { WritePath } from './write-path.js';

/** What `openEngine` puts together. */
export interface EngineParts {
  readonly options: ResolvedOptions;
  readonly directory: string;
  readonly databaseId: Uint8Array;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly health: Health;
  readonly lock: DirectoryLock;
  readonly liveFiles: LiveFiles;
  readonly cache: BlockCache;
  readonly views: ViewRegistry;
  readonly catalog: BucketCatalog;
  readonly memtables: MemtableSet;
  readonly versions: VersionStore;
  readonly targetTableBytes: number;
  readonly mergePartBytesMin: number;
}

export class Engine {
  readonly reads: ReadPath;
  readonly background: Background;
  /** Set by `begin`, when recovery has seen all sequences. */
  writes!: WritePath;
  commits!: CommitQueue;
  /** What has to happen before a commit that back-pressure starts; set by the surface. What it throws stops the commit. */
  beforeCommitInPlace: () => void = () => {};
  private readonly gaps = new Gaps();
  private readonly poisonListeners: (() => void)[] = [];

  constructor(readonly parts: EngineParts) {
    const { options, clock, observer, directory, health, memtables, versions, liveFiles } = parts;
    const { targetTableBytes, mergePartBytesMin } = parts;
    const debt = new ReadDebt(versions, compactionTuning(options.compaction).readUnitsPerEntry, () =>
      queueMicrotask(() => this.background.schedule()),
    );
    this.reads = new ReadPath(memtables, versions, parts.cache, debt, this.gaps);
    this.background = new Background({
      options,
      clock,
      observer,
      directory,
      health,
      memtables,
      versions,
      catalog: parts.catalog,
      liveFiles,
      readDebt: debt,
      targetTableBytes,
      mergePartBytesMin,
      retention: () => this.retention(),
      isRoomShort: (tableBytes) => isRoomShort(parts.fileSystem, directory, tableBytes, memtables.bytes),
      retireBuckets: () => {
        if (parts.catalog.hasDeletedBuckets) this.retireBuckets(parts.views.sequences);
      },
      commitNow: () => {
        this.beforeCommitInPlace();
        this.commits.commitNow(this.writes.unlockedSequence);
      },
      removeOutputs: (job) => this.removeOutputs(job),
    });
  }

  /** Makes the engine ready for writes from `nextSequence` on. `previousLog` is the newest log on disk. */
  begin(nextSequence: number, previousLog: LogExtent): void {
    const { memtables, catalog, fileSystem, directory, databaseId, health, clock, observer } = this.parts;
    memtables.begin(nextSequence);
    const makeRoom = (): void => {
      this.background.pressure.makeRoom();
      this.sealActive();
    };
    const sealIfRoom = (): void => {
      if (!this.background.pressure.mustWait) this.sealActive();
    };
    this.writes = new WritePath(memtables, catalog, this.gaps, makeRoom, sealIfRoom);
    this.commits = new CommitQueue(
      {
        fileSystem,
        directory,
        databaseId,
        health,
        clock,
        observer,
        versions: this.parts.versions,
        slots: () => memtables.all(),
        unflushedBytes: () => memtables.bytes,
        checkLogsAreThere: () => checkLogsAreThere(this.parts),
        syncsLogs: !this.parts.options.unsafeNoFsync,
        onCommitted: () => this.background.schedule(),
        onPoisoned: () => this.onPoisoned(),
        holdBack: (bytes) => this.background.pressure.holdBack(bytes),
      },
      nextSequence,
      previousLog,
    );
  }

  /** Next sequence after all that is durable. */
  get committedSequence(): number {
    return this.commits.committedSequence;
  }

  /** Seals the active memtable, an open section moving on to the next one, and starts what is due. */
  sealActive(): void {
    const { memtables, catalog } = this.parts;
    const { openSequence } = this.writes;
    memtables.seal(openSequence, catalog.nextBucketId);
    // A thread that never lets the event loop run would leave its logs unwritten, and the worker idle. Within a section only a defrag seals,
    // which awaits a commit next; the hook of one in place would end that section.
    const waiting = memtables.sealed[memtables.sealed.length - 2];
    if (openSequence === undefined && waiting !== undefined && !waiting.isFlushable) this.commitInPlace();
    this.background.schedule();
  }

  /** Commits without the event loop. A failure poisons, a refusal leaves everything pending: the next commit tells, and reads go on. */
  private commitInPlace(): void {
    try {
      this.beforeCommitInPlace();
    } catch {
      // The hook refused: nothing is committed, and the next commit that somebody awaits tells.
      return;
    }
    try {
      this.commits.commitNow(this.writes.unlockedSequence);
    } catch {
      // The next commit that somebody awaits tells.
    }
  }

  /** Resolves when everything that is unlocked now is durable. */
  commit(): Promise<void> {
    return this.commits.waitFor(this.writes.unlockedSequence);
  }

  /** Who may still need what: for a job that starts now. */
  retention(): Retention {
    const { views, catalog } = this.parts;
    const { sequences } = views;
    this.retireBuckets(sequences);
    return { views: sequences, liveBuckets: catalog.liveIds };
  }

  /** Lets go of the buckets that were deleted and that nobody can read any more. */
  private retireBuckets(viewSequences: readonly number[]): void {
    // Deletions are durable below the committed sequence; before recovery has ended nothing is.
    const durable = this.commits === undefined ? 0 : this.commits.committedSequence - 1;
    this.parts.catalog.retire(durable, viewSequences);
  }

  /**
   * Commits, flushes and compacts everything. `onProgress` is told bytes done and in all; `checkGoesOn` is asked between the steps, and
   * throws to end the work.
   */
  async defrag(onProgress: (done: number, total: number) => void, checkGoesOn: () => void): Promise<void> {
    const { memtables, versions } = this.parts;
    await this.commit();
    checkGoesOn();
    if (memtables.active.memtable.recordCount > 0) this.sealActive();
    await this.commit();
    await this.background.compactAll(onProgress, checkGoesOn);
    await versions.settled();
    this.parts.health.checkNotPoisoned();
    versions.startManifest();
    this.parts.liveFiles.retryDeletions();
  }

  onPoison(listener: () => void): void {
    this.poisonListeners.push(listener);
  }

  onPoisoned(): void {
    this.background.notify();
    for (const listener of this.poisonListeners) listener();
  }

  /** Files in the directory: the sum of their sizes in bytes. */
  sizeBytes(): number {
    const { fileSystem, directory } = this.parts;
    let sum = 0;
    for (const name of fileSystem.list(directory)) {
      const status = fileSystem.status(joinPath(directory, name));
      if (status?.kind === 'file') sum += status.sizeBytes;
    }
    return sum;
  }

  /**
   * Ends everything and gives the directory back. Nothing is committed here. Errors of single steps do not stop the others; the first is
   * returned, and so is that of a file with acknowledged data that somebody removed.
   */
  async shutDown(): Promise<unknown> {
    const { health, versions, memtables, lock } = this.parts;
    health.close();
    let failure: unknown;
    const attempt = async (step: () => void | Promise<void>): Promise<void> => {
      try {
        await step();
      } catch (error) {
        failure ??= error;
      }
    };
    await attempt(() => this.background.stop());
    await attempt(() => versions.settled());
    await attempt(() => this.commits?.idle());
    // The last moment at which anybody can be told. An engine that never began, or only reads, has acknowledged nothing.
    if (this.commits !== undefined && !health.readOnly) await attempt(() => checkFilesAreThere(this.parts));
    for (const slot of memtables.all()) {
      this.noteLength(slot);
      this.cutRoom(slot);
      await attempt(() => slot.log?.close());
    }
    await attempt(() => versions.close());
    await attempt(() => lock.release());
    return failure;
  }

  /** Tells the manifest how long a log is. Never throws: the note helps to find damage, and nothing is lost without it. */
  private noteLength({ log }: MemtableSlot): void {
    const { health, versions } = this.parts;
    if (log === undefined || health.isPoisoned) return;
    try {
      versions.noteLog(log.logNumber, log.syncedBytes);
      versions.syncManifest();
    } catch {
      // A full disk, for one: everything that was acknowledged is in the log all the same.
    }
  }

  /** Gives back what no group took of the room behind a log. Never throws: what is left is zeros, in which every reader finds the end. */
  private cutRoom({ log }: MemtableSlot): void {
    try {
      log?.cutRoom();
    } catch {
      // As with the note on its length, nothing that was acknowledged depends on it.
    }
  }

  /** Never throws: what is left is an orphan, which the next open removes. */
  private removeOutputs(job: Job): void {
    const { fileSystem, directory } = this.parts;
    const attempt = <T>(call: () => T): T | undefined => {
      try {
        return call();
      } catch {
        return undefined;
      }
    };
    for (const name of attempt(() => fileSystem.list(directory)) ?? []) {
      const number = Number.parseInt(name, 10);
      if (number < job.fileNumbers.first || number >= job.fileNumbers.end || name !== tableFileName(number)) continue;
      attempt(() => fileSystem.unlink(joinPath(directory, name)));
    }
  }
}

/** Names of the log files of a list of extents. */
export function logNames(logs: readonly LogExtent[]): string[] {
  return logs.map((log) => logFileName(log.number));
}
