/**
 * The live version: which tables make up the database now, and how one version follows another. What reads them: live-runs.ts.
 *
 *   install(edit) ─▶ manifest append ─▶ manifest sync ─▶ version switched in memory ─▶ replaced files deleted ─▶ done
 *
 * Edits are installed one after the other, in the order of the calls. A caller that cannot wait for the event loop finishes
 * them by `installNow`.
 *
 * Invariants:
 * 1. What an edit adds is complete and synced before `install` is called; what it removes is deleted only after its sync.
 * 2. File numbers ascend and are never given twice. That holds after a crash too for those of logs, whose files may be lost while their
 *    blocks are not: a log is created only where a durable manifest says that its number is gone (`reserveNumber`).
 * 3. A failed write or sync of the manifest poisons: nothing is installed any more.
 */
import type { FileSystem } from '../env/file-system.js';
import { logFileName, manifestFileName } from '../format/file-names.js';
import type { FileNumberRange } from '../compaction/job.js';
import type { FinishedTable } from '../sstable/table-writer.js';
import type { TableContext } from '../sstable/table-context.js';
import type { TableReader } from '../sstable/table-reader.js';
import { publishCurrent } from '../version/current-file.js';
import type { LiveFiles } from '../version/live-files.js';
import { ManifestWriter } from '../version/manifest-writer.js';
import { advanceState, type ManifestState } from '../version/manifest-state.js';
import type { Version } from '../version/version.js';
import type { VersionEdit } from '../version/version-edit.js';
import type { Health } from './health.js';
import { type LiveRun, LiveRuns } from './live-runs.js';

/** Bytes of edits that a manifest may gather in any case. */
const manifestSlackBytes = 256 * 1024;

/** Numbers that a manifest declares gone beyond those that are: with them, a log hardly ever waits for the manifest. */
const reservedNumbers = 64;

interface PendingInstall {
  edit: VersionEdit;
  readonly tables: readonly FinishedTable[];
  readonly obsoleteLogs: readonly number[];
  readonly done: () => void;
  appended: boolean;
}

export interface VersionSurroundings {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly tableContext: TableContext;
  readonly liveFiles: LiveFiles;
  readonly health: Health;
  onPoisoned(error: unknown): void;
}

export class VersionStore {
  private readonly live: LiveRuns;
  private nextNumber: number;
  /** Numbers below are gone, as the manifest says; and as it says durably. */
  private writtenNumberEnd = 0;
  private reservedNumberEnd = 0;
  private manifest: ManifestWriter | undefined;
  /** Length at which the manifest is replaced by one that says the same in less. */
  private renewalBytes = 0;
  private readonly pending: PendingInstall[] = [];
  private running: Promise<void> | undefined;

  constructor(
    private readonly surroundings: VersionSurroundings,
    private manifestState: ManifestState,
    private manifestNumber: number,
    /** Above every number that stands in a file name of the directory. */
    nextFileNumber: number,
  ) {
    this.nextNumber = Math.max(nextFileNumber, manifestState.nextFileNumber);
    this.live = new LiveRuns(surroundings.tableContext, surroundings.liveFiles);
    this.live.show(this.version, []);
  }

  /** Runs of the live version, newest first. */
  get runs(): readonly LiveRun[] {
    return this.live.list;
  }

  /** The reader of a table of the live version. */
  readerOf(fileNumber: number): TableReader {
    return this.live.readerOf(fileNumber);
  }

  /** Changes whenever runs come or go. */
  get generation(): number {
    return this.live.generation;
  }

  get currentManifestNumber(): number {
    return this.manifestNumber;
  }

  get hasPendingInstalls(): boolean {
    return this.pending.length > 0;
  }

  /** Everything that a manifest holds, as of now. */
  get state(): ManifestState {
    return { ...this.manifestState, nextFileNumber: this.nextNumber };
  }

  get version(): Version {
    return this.manifestState.version;
  }

  allocateFileNumber(): number {
    return this.nextNumber++;
  }

  allocateFileNumbers(count: number): FileNumberRange {
    const first = this.nextNumber;
    this.nextNumber += count;
    return { first, end: this.nextNumber };
  }

  /**
   * Writes a manifest that holds the whole state, makes it the live one, and removes the one before. Where it fails the one before goes
   * on, unless CURRENT may name the new one already: then edits to either could be lost, and that poisons.
   */
  startManifest(): void {
    // An edit that waits for its sync would be in the old manifest alone.
    if (this.pending.length > 0) this.installNow();
    const { fileSystem, directory } = this.surroundings;
    const before = this.manifest === undefined ? undefined : this.manifestNumber;
    const number = this.allocateFileNumber();
    const temporaryNumber = this.allocateFileNumber();
    const state = { ...this.state, nextFileNumber: this.nextNumber + reservedNumbers };
    const manifest = ManifestWriter.create(fileSystem, directory, number, state);
    let mayHaveSwitched = false;
    try {
      publishCurrent(fileSystem, directory, number, temporaryNumber, () => {
        mayHaveSwitched = true;
      });
    } catch (error) {
      manifest.close();
      if (mayHaveSwitched) this.fail(error);
      else this.surroundings.liveFiles.markObsolete(manifestFileName(number));
      throw error;
    }
    this.manifest?.close();
    this.manifest = manifest;
    this.writtenNumberEnd = this.reservedNumberEnd = state.nextFileNumber;
    this.renewalBytes = manifestSlackBytes + 3 * manifest.bytes;
    this.manifestNumber = number;
    if (before !== undefined) this.surroundings.liveFiles.markObsolete(manifestFileName(before));
  }

  /** Makes an edit durable, then switches to the version that follows; `done` is called after the switch. */
  install(edit: VersionEdit, tables: readonly FinishedTable[], obsoleteLogs: readonly number[], done: () => void): void {
    this.pending.push({ edit, tables, obsoleteLogs, done, appended: false });
    this.running ??= this.run();
  }

  /**
   * Writes down that a log is committed to, and that its first `bytes` bytes, name included, are durable; without it, a log that is
   * lost later would not be missed. Durable after `syncManifest`.
   */
  noteLog(newestLogNumber: number, newestLogBytes: number): void {
    this.surroundings.health.checkNotPoisoned();
    const edit = this.write({ removedTables: [], addedRuns: [], newestLogNumber, newestLogBytes });
    this.manifestState = advanceState(this.manifestState, edit);
  }

  /** Makes it durable that a number was given out, if it is not yet. */
  reserveNumber(number: number): void {
    if (number < this.reservedNumberEnd) return;
    this.surroundings.health.checkNotPoisoned();
    const edit = this.write({ removedTables: [], addedRuns: [] });
    this.manifestState = advanceState(this.manifestState, edit);
    this.syncManifest();
  }

  syncManifest(): void {
    const end = this.writtenNumberEnd;
    this.manifest?.sync();
    this.noteReserved(end);
  }

  async syncManifestAsync(): Promise<void> {
    const end = this.writtenNumberEnd;
    await this.manifest?.syncAsync();
    this.noteReserved(end);
  }

  /** Gives back the descriptors of tables that are open for reading; they are opened again when they are read. */
  freeDescriptors(): void {
    this.surroundings.tableContext.openTables.closeAll();
  }

  /** Finishes all pending installs without the event loop. */
  installNow(): void {
    try {
      for (let install = this.pending[0]; install !== undefined; install = this.pending[0]) {
        this.append(install);
        this.syncManifest();
        this.apply(install);
      }
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /** Resolves when nothing is pending any more. */
  async settled(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  close(): void {
    try {
      if (this.manifest !== undefined && !this.manifest.hasFailed && !this.surroundings.health.isPoisoned)
        this.manifest.appendClose();
    } catch {
      // The frame says how long the manifest was when it was closed. Losing it loses only that.
    } finally {
      this.manifest?.close();
      this.live.close();
    }
  }

  private async run(): Promise<void> {
    // Never done within the call that starts it, and marked done in the turn in which nothing is pending: no install is missed.
    await undefined;
    try {
      for (let install = this.pending[0]; install !== undefined; install = this.pending[0]) {
        this.append(install);
        await this.syncManifestAsync();
        if (this.pending[0] === install) this.apply(install);
      }
      this.renewManifest();
    } catch (error) {
      this.fail(error);
    }
    this.running = undefined;
  }

  /** A manifest that has grown far beyond what it says is replaced, so that the next open reads little. */
  private renewManifest(): void {
    const { manifest } = this;
    if (manifest === undefined || this.pending.length > 0 || manifest.bytes < this.renewalBytes) return;
    try {
      this.startManifest();
    } catch {
      // Where CURRENT may have been switched the backend is poisoned by now; otherwise the old manifest goes on. A new one is as long as all
      // that it says, so it is not tried again at each install, but when the old one has grown by as much again.
      this.renewalBytes = manifest.bytes + manifestSlackBytes;
    }
  }

  private append(install: PendingInstall): void {
    this.surroundings.health.checkNotPoisoned();
    if (install.appended) return;
    install.edit = this.write(install.edit);
    install.appended = true;
  }

  /** Appends an edit, which says as well which numbers are gone; gives it with that. */
  private write(change: VersionEdit): VersionEdit {
    const edit = { ...change, nextFileNumber: this.nextNumber + reservedNumbers };
    this.manifest?.append(edit);
    this.writtenNumberEnd = edit.nextFileNumber;
    return edit;
  }

  private noteReserved(end: number): void {
    this.reservedNumberEnd = Math.max(this.reservedNumberEnd, end);
  }

  private apply(install: PendingInstall): void {
    this.pending.shift();
    this.manifestState = advanceState(this.manifestState, install.edit);
    this.live.show(this.version, install.tables);
    for (const number of install.obsoleteLogs) this.surroundings.liveFiles.markObsolete(logFileName(number));
    install.done();
  }

  private fail(error: unknown): void {
    this.pending.length = 0;
    if (this.surroundings.health.isPoisoned) return;
    this.surroundings.health.poison(error);
    this.surroundings.onPoisoned(error);
  }
}
