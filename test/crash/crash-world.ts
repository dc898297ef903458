/**
 * A database on a disk, its journal beside it, and what can be done to both: what programs of crash tests are made of.
 *
 * **Invariant:** a program that is run again does the same operations in the same order.
 */
import type { Backend, BackendConfig } from '../../src/api.js';
import { type CrashMode, crashModes } from '../support/crash-persona.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { atEachMoment } from './disk-life.js';
import { Journal, type Section } from './journal.js';
import type { Left } from './moments.js';
import { config } from './workload.js';

/** The states of a disk after losses of power, without the words that a fixed workload has for its moments. */
export type LeftInWorld = Omit<Left, 'moment'> & { readonly moment: number };

/** One database and its disk. */
export class CrashWorld {
  readonly journal = new Journal();
  /** Commits that nobody has waited for. */
  private waiting: Promise<void>[] = [];

  private constructor(
    readonly disk: MemoryFileSystem,
    private backend: Backend,
    private readonly memtableBytes: number,
  ) {}

  /** A new database; where its memtables are large, its logs are long enough for room behind them (src/wal/log-room.ts). */
  static async begin(memtableBytes = config.memtableBytes ?? 0): Promise<CrashWorld> {
    const disk = new MemoryFileSystem();
    return new CrashWorld(disk, await openOn(disk, { ...config, memtableBytes }, smallSizes), memtableBytes);
  }

  section(change: (section: Section) => void): void {
    this.journal.update(this.backend, change);
  }

  /** A section that is undone. */
  rollBack(bucket: string): void {
    const tx = this.backend.batchTx();
    tx.lock();
    tx.unsafeCreateBucket(bucket);
    tx.unsafePut(bucket, 'undone', Buffer.alloc(3000, 1));
    tx.rollback();
  }

  async commit(): Promise<void> {
    await this.journal.durable(() => this.backend.batchTx().commit());
  }

  commitLater(): void {
    this.waiting.push(this.journal.durable(() => this.backend.batchTx().commit()));
  }

  async turns(count: number): Promise<void> {
    await turnsOfTheLoop(count);
  }

  async defrag(): Promise<void> {
    await this.journal.durable(() => this.backend.defrag());
  }

  /** Begins a defrag that goes on beside what follows. */
  defragLater(): void {
    this.waiting.push(this.journal.durable(() => this.backend.defrag()));
  }

  async close(): Promise<void> {
    const settled = Promise.allSettled(this.waiting);
    await this.journal.durable(() => this.backend.close());
    await settled;
    this.waiting = [];
  }

  async reopen(options: Partial<BackendConfig> = {}): Promise<void> {
    await this.close();
    this.backend = await openOn(this.disk, { ...config, memtableBytes: this.memtableBytes, ...options }, smallSizes);
  }

  /** What losses of power leave in the course of an activity, on the disks that `modesOf` names for a moment of it. */
  async lossesDuring(activity: () => Promise<void>, modesOf: (moment: number) => readonly CrashMode[]): Promise<LeftInWorld[]> {
    const { disk, journal } = this;
    const left: LeftInWorld[] = [];
    atEachMoment(disk, journal, (moment) => {
      for (const mode of modesOf(moment)) {
        left.push({ disk: disk.crash(moment * 7919 + crashModes.indexOf(mode), mode), journal: journal.copy(), moment, mode });
      }
    });
    await activity();
    disk.onOperation = undefined;
    journal.onAcknowledged = undefined;
    return left;
  }
}
