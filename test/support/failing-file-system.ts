/**
 * A file system over another one, each call of which can be made to fail: changes, reads, opens and questions alike.
 *
 * ```
 *  call ─▶ counted ─▶ onCall ─▶ the file system beneath
 *                      └─ throws: that is what the caller gets; of a write the first half is in the file by then
 * ```
 *
 * Closing is no call that can fail, and asking for room neither: `FileSystem` says so.
 */
import type { FileHandle, FileStatus, FileSystem, OpenMode } from '../../src/env/file-system.js';

/** Every kind of call that may fail. */
export const callKinds = [
  'openToRead',
  'openToModify',
  'create',
  'status',
  'list',
  'sizeBytes',
  'read',
  'write',
  'sync',
  'truncate',
  'rename',
  'unlink',
  'makeDirectory',
  'removeDirectory',
  'syncDirectory',
] as const;

export type CallKind = (typeof callKinds)[number];

/** A call that is about to be made. */
export interface FileCall {
  readonly kind: CallKind;
  /** Of a rename, the old path. */
  readonly path: string;
  /** Of a rename, the new path. */
  readonly target?: string;
  /** Of a write, where and how much. */
  readonly position?: number;
  readonly sizeBytes?: number;
  /** Of a sync, whether it is off the event loop. */
  readonly isAsync?: boolean;
}

const openKinds: Readonly<Record<OpenMode, CallKind>> = { read: 'openToRead', modify: 'openToModify', create: 'create' };

/** The first half of the bytes of all pieces: what a write has written when it fails half-way. */
function firstHalf(pieces: readonly Uint8Array[]): Uint8Array {
  const all = Buffer.concat(pieces);
  return all.subarray(0, all.length >> 1);
}

class FailingHandle implements FileHandle {
  constructor(
    private readonly owner: FailingFileSystem,
    private readonly file: FileHandle,
  ) {}

  get path(): string {
    return this.file.path;
  }

  get descriptor(): number {
    return this.file.descriptor;
  }

  sizeBytes(): number {
    this.owner.begin({ kind: 'sizeBytes', path: this.path });
    return this.file.sizeBytes();
  }

  read(target: Uint8Array, position: number): number {
    this.owner.begin({ kind: 'read', path: this.path });
    return this.file.read(target, position);
  }

  write(pieces: readonly Uint8Array[], position: number): void {
    this.#beginWrite(pieces, position);
    this.file.write(pieces, position);
  }

  async writeAsync(pieces: readonly Uint8Array[], position: number): Promise<void> {
    this.#beginWrite(pieces, position);
    await this.file.writeAsync(pieces, position);
  }

  sync(): void {
    this.owner.begin({ kind: 'sync', path: this.path });
    this.file.sync();
  }

  async syncAsync(): Promise<void> {
    this.owner.begin({ kind: 'sync', path: this.path, isAsync: true });
    await this.file.syncAsync();
  }

  truncate(sizeBytes: number): void {
    this.owner.begin({ kind: 'truncate', path: this.path });
    this.file.truncate(sizeBytes);
  }

  close(): void {
    this.file.close();
  }

  #beginWrite(pieces: readonly Uint8Array[], position: number): void {
    const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    try {
      this.owner.begin({ kind: 'write', path: this.path, position, sizeBytes });
    } catch (error) {
      this.file.write([firstHalf(pieces)], position);
      throw error;
    }
  }
}

/** The files of `beneath`, by calls that fail when `onCall` throws. */
export class FailingFileSystem implements FileSystem {
  /** Called before each call. */
  onCall: ((call: FileCall) => void) | undefined;
  /** Answers in place of the file system beneath how much room there is. */
  onRoomAsked: (() => number | undefined) | undefined;
  /** How many calls were begun, by kind. Those that failed count. */
  readonly counts: Record<CallKind, number>;

  constructor(private readonly beneath: FileSystem) {
    this.counts = Object.fromEntries(callKinds.map((kind) => [kind, 0])) as Record<CallKind, number>;
  }

  /** How many calls were begun. */
  get callCount(): number {
    return callKinds.reduce((sum, kind) => sum + this.counts[kind], 0);
  }

  open(path: string, mode: OpenMode): FileHandle {
    this.begin({ kind: openKinds[mode], path });
    return new FailingHandle(this, this.beneath.open(path, mode));
  }

  status(path: string): FileStatus | undefined {
    this.begin({ kind: 'status', path });
    return this.beneath.status(path);
  }

  list(directory: string): string[] {
    this.begin({ kind: 'list', path: directory });
    return this.beneath.list(directory);
  }

  makeDirectory(path: string): string[] {
    this.begin({ kind: 'makeDirectory', path });
    return this.beneath.makeDirectory(path);
  }

  rename(from: string, to: string): void {
    this.begin({ kind: 'rename', path: from, target: to });
    this.beneath.rename(from, to);
  }

  unlink(path: string): void {
    this.begin({ kind: 'unlink', path });
    this.beneath.unlink(path);
  }

  removeDirectory(path: string): void {
    this.begin({ kind: 'removeDirectory', path });
    this.beneath.removeDirectory(path);
  }

  syncDirectory(path: string): void {
    this.begin({ kind: 'syncDirectory', path });
    this.beneath.syncDirectory(path);
  }

  async syncDirectoryAsync(path: string): Promise<void> {
    this.begin({ kind: 'syncDirectory', path });
    await this.beneath.syncDirectoryAsync(path);
  }

  availableBytes(directory: string): number | undefined {
    return this.onRoomAsked === undefined ? this.beneath.availableBytes(directory) : this.onRoomAsked();
  }

  /** For handles: counts and announces a call. */
  begin(call: FileCall): void {
    this.counts[call.kind]++;
    this.onCall?.(call);
  }
}
