/**
 * A file system in memory that can lose power: what it promises is what `FileSystem` promises, and a crash takes all else.
 *
 * ```
 *  running ──operation──▶ onOperation ──▶ running            each change is announced before it happens
 *  running ──onOperation throws PowerLoss──▶ without power   every further call throws PowerLoss
 *  any ──crash(random, mode)──▶ another file system, with one of the states that the disk may be in
 * ```
 *
 * **Invariants:**
 * 1. Everything is a function of the calls and of `random`: the same calls and seed give the same bytes.
 * 2. `crash` and `clone` leave this file system as it is.
 * 3. A file that is unlinked while open can be read and written until it is closed.
 * 4. An asynchronous call takes effect in a later microtask; a sync covers the writes that had returned when it was called.
 */
import { basename, dirname, resolve } from 'node:path';
import type { FileHandle, FileStatus, FileSystem, OpenMode } from '../../src/env/file-system.js';
import { VarveError } from '../../src/errors.js';
import { applyChange, concerns, type EntryChange, MemoryDirectory, type MemoryNode } from './memory-directory.js';
import { type CrashMode, personas, survivors } from './crash-persona.js';
import { MemoryFile } from './memory-file.js';
import { garbageOf } from './stale-blocks.js';

export type { CrashMode } from './crash-persona.js';

/** How many files that are gone a disk still has blocks of. */
const goneFilesMax = 24;

/** Every kind of change. */
export const operationKinds = [
  'create',
  'write',
  'truncate',
  'sync',
  'rename',
  'unlink',
  'makeDirectory',
  'removeDirectory',
  'syncDirectory',
] as const;

export type OperationKind = (typeof operationKinds)[number];

/** A change that is about to happen. */
export interface MemoryOperation {
  readonly kind: OperationKind;
  /** Of a rename, the old path. */
  readonly path: string;
  /** Of a rename, the new path. */
  readonly target?: string;
  /** Of a write, where and how much. */
  readonly position?: number;
  readonly sizeBytes?: number;
}

/** Thrown by `onOperation`, it stops the file system for good. */
export class PowerLoss extends VarveError {
  constructor() {
    super('VARVE_IO', 'the power is gone');
  }
}

/** An error as the system would report it; for `onOperation` to throw. */
export function systemFailure(code: string, path: string): VarveError {
  const cause = Object.assign(new Error(`${code}: ${path}`), { errno: -1, code });
  const kind = code === 'ENOSPC' || code === 'EDQUOT' ? 'VARVE_NO_SPACE' : 'VARVE_IO';
  return new VarveError(kind, `${code}: ${path}`, { file: path, cause });
}

/** A generator of numbers from 0 to 1, exclusive, that depends on the seed alone (mulberry32, Tommy Ettinger). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class MemoryFileHandle implements FileHandle {
  readonly descriptor = -1;
  #isOpen = true;

  constructor(
    readonly path: string,
    private readonly owner: MemoryFileSystem,
    private readonly file: MemoryFile,
    private readonly isWritable: boolean,
  ) {}

  sizeBytes(): number {
    this.#check();
    return this.file.sizeBytes;
  }

  read(target: Uint8Array, position: number): number {
    this.#check();
    return this.file.read(target, position);
  }

  write(pieces: readonly Uint8Array[], position: number): void {
    this.#begin({ kind: 'write', path: this.path, position, sizeBytes: pieces.reduce((sum, piece) => sum + piece.length, 0) });
    this.#put(pieces, position);
  }

  async writeAsync(pieces: readonly Uint8Array[], position: number): Promise<void> {
    this.#begin({ kind: 'write', path: this.path, position, sizeBytes: pieces.reduce((sum, piece) => sum + piece.length, 0) });
    await Promise.resolve();
    this.owner.checkPower();
    this.#put(pieces, position);
  }

  sync(): void {
    this.#begin({ kind: 'sync', path: this.path }, false);
    this.file.sync(this.file.lastWrite);
  }

  async syncAsync(): Promise<void> {
    this.#begin({ kind: 'sync', path: this.path }, false);
    const through = this.file.lastWrite;
    await Promise.resolve();
    this.owner.checkPower();
    this.file.sync(through);
  }

  truncate(sizeBytes: number): void {
    this.#begin({ kind: 'truncate', path: this.path, sizeBytes });
    this.file.truncate(sizeBytes);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.owner.openHandles--;
  }

  #put(pieces: readonly Uint8Array[], position: number): void {
    let at = position;
    for (const piece of pieces) {
      this.file.write(piece, at);
      at += piece.length;
    }
  }

  #check(): void {
    this.owner.checkPower();
    if (!this.#isOpen) throw new VarveError('VARVE_ASSERTION', `${this.path} is used after it was closed`);
  }

  #begin(operation: MemoryOperation, needsWritable = true): void {
    this.#check();
    if (needsWritable && !this.isWritable) throw systemFailure('EBADF', this.path);
    this.owner.begin(operation);
  }
}

/** FileSystem in memory. Paths are absolute, or begin at the root. */
export class MemoryFileSystem implements FileSystem {
  /** Called before each change; what it throws is thrown by the call, and the change does not happen. */
  onOperation: ((operation: MemoryOperation) => void) | undefined;
  /** Handles that are open. */
  openHandles = 0;
  /** How many changes were begun, by kind. Those that `onOperation` refused count. */
  readonly counts: Record<OperationKind, number>;
  #hasPower = true;
  #root = new MemoryDirectory();
  #changes: EntryChange[] = [];
  /** Bytes of files that are on the disk no more, but whose blocks may not have been used again. */
  #gone: Uint8Array[] = [];

  constructor() {
    const zero = { create: 0, write: 0, truncate: 0, sync: 0, rename: 0, unlink: 0 };
    this.counts = { ...zero, makeDirectory: 0, removeDirectory: 0, syncDirectory: 0 };
  }

  /** False once `onOperation` has thrown PowerLoss. */
  get hasPower(): boolean {
    return this.#hasPower;
  }

  /** How many changes were begun. */
  get operationCount(): number {
    return operationKinds.reduce((sum, kind) => sum + this.counts[kind], 0);
  }

  open(path: string, mode: OpenMode): FileHandle {
    this.checkPower();
    const { directory, name } = this.#parentOf(path);
    let node = directory.entries.get(name);
    if (mode === 'create') {
      if (node !== undefined) throw systemFailure('EEXIST', path);
      this.begin({ kind: 'create', path });
      node = new MemoryFile();
      this.#change({ kind: 'add', directory, name, node });
    }
    if (node === undefined) throw systemFailure('ENOENT', path);
    if (node.kind !== 'file') throw systemFailure('EISDIR', path);
    this.openHandles++;
    return new MemoryFileHandle(path, this, node, mode !== 'read');
  }

  status(path: string): FileStatus | undefined {
    this.checkPower();
    const node = this.#find(path);
    return node === undefined ? undefined : { kind: node.kind, sizeBytes: node.kind === 'file' ? node.sizeBytes : 0 };
  }

  list(directory: string): string[] {
    this.checkPower();
    return [...this.#directoryAt(directory).entries.keys()];
  }

  makeDirectory(path: string): string[] {
    this.checkPower();
    const made: string[] = [];
    let directory = this.#root;
    let at = '/';
    for (const name of segments(path)) {
      at = resolve(at, name);
      let node = directory.entries.get(name);
      if (node === undefined) {
        this.#beginOr(() => this.#forgetDirectories(made), { kind: 'makeDirectory', path: at });
        node = new MemoryDirectory();
        this.#change({ kind: 'add', directory, name, node });
        made.push(at);
      }
      if (node.kind !== 'directory') throw systemFailure(at === resolve('/', path) ? 'EEXIST' : 'ENOTDIR', at);
      directory = node;
    }
    return made;
  }

  rename(from: string, to: string): void {
    this.checkPower();
    const { directory, name } = this.#parentOf(from);
    const { directory: target, name: targetName } = this.#parentOf(to);
    const node = directory.entries.get(name);
    const replaced = target.entries.get(targetName);
    if (node === undefined) throw systemFailure('ENOENT', from);
    if (replaced !== undefined && replaced.kind !== node.kind) {
      throw systemFailure(replaced.kind === 'directory' ? 'EISDIR' : 'ENOTDIR', to);
    }
    if (replaced?.kind === 'directory' && replaced !== node && replaced.entries.size > 0) throw systemFailure('ENOTEMPTY', to);
    this.begin({ kind: 'rename', path: from, target: to });
    if (replaced !== node) this.#change({ kind: 'rename', directory, name, target, targetName, node });
  }

  unlink(path: string): void {
    this.#remove(path, 'unlink', 'file', 'EISDIR');
  }

  removeDirectory(path: string): void {
    this.#remove(path, 'removeDirectory', 'directory', 'ENOTDIR');
  }

  syncDirectory(path: string): void {
    this.checkPower();
    const directory = this.#directoryAt(path);
    this.begin({ kind: 'syncDirectory', path });
    this.#makeDurable(directory, new Set(this.#changes));
  }

  async syncDirectoryAsync(path: string): Promise<void> {
    this.checkPower();
    const directory = this.#directoryAt(path);
    this.begin({ kind: 'syncDirectory', path });
    const covered = new Set(this.#changes);
    await Promise.resolve();
    this.checkPower();
    this.#makeDurable(directory, covered);
  }

  /** There is always room; tests that want less put a small disk above it (small-disk.ts). */
  availableBytes(): number {
    return 2 ** 40;
  }

  /** One of the states that the disk may be in if the power went now; `random` is a seed or a source of numbers from 0 to 1. */
  crash(random: number | (() => number), mode: CrashMode): MemoryFileSystem {
    const draw = typeof random === 'number' ? seededRandom(random) : random;
    const persona = personas[mode];
    const durable = new Map<MemoryDirectory, Map<string, MemoryNode>>();
    const entriesOf = (directory: MemoryDirectory): Map<string, MemoryNode> => {
      const entries = durable.get(directory) ?? new Map(directory.durable);
      durable.set(directory, entries);
      return entries;
    };
    for (const change of survivors(this.#changes, persona.names, draw)) applyChange(change, entriesOf);
    const survivor = new MemoryFileSystem();
    if (persona.showsGarbage) survivor.#gone = this.#blocks().slice(-goneFilesMax);
    const garbage = garbageOf(survivor.#gone, draw);
    const pending: [MemoryDirectory, MemoryDirectory][] = [[this.#root, survivor.#root]];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [before, after] = next;
      for (const [name, node] of entriesOf(before)) {
        const copy = node.kind === 'file' ? node.crash(draw, persona, garbage) : new MemoryDirectory();
        after.entries.set(name, copy);
        after.durable.set(name, copy);
        if (node.kind === 'directory' && copy.kind === 'directory') pending.push([node, copy]);
      }
    }
    return survivor;
  }

  /** The same files, with what is synced and what is not; no hook, no open handles, and power. */
  clone(): MemoryFileSystem {
    const copies = new Map<MemoryNode, MemoryNode>();
    const copyDirectory = (directory: MemoryDirectory): MemoryDirectory => {
      const known = copies.get(directory);
      if (known?.kind === 'directory') return known;
      const copy = new MemoryDirectory();
      copies.set(directory, copy);
      for (const [name, node] of directory.entries) copy.entries.set(name, copyNode(node));
      for (const [name, node] of directory.durable) copy.durable.set(name, copyNode(node));
      return copy;
    };
    const copyNode = (node: MemoryNode): MemoryNode => {
      if (node.kind === 'directory') return copyDirectory(node);
      const copy = copies.get(node) ?? node.clone();
      copies.set(node, copy);
      return copy;
    };
    const result = new MemoryFileSystem();
    result.#gone = [...this.#gone];
    result.#root = copyDirectory(this.#root);
    result.#changes = this.#changes.map((change): EntryChange => {
      const directory = copyDirectory(change.directory);
      if (change.kind === 'remove') return { ...change, directory };
      if (change.kind === 'add') return { ...change, directory, node: copyNode(change.node) };
      return { ...change, directory, target: copyDirectory(change.target), node: copyNode(change.node) };
    });
    return result;
  }

  /** For handles: throws once the power is gone. */
  checkPower(): void {
    if (!this.#hasPower) throw new PowerLoss();
  }

  /** For handles: counts and announces a change. */
  begin(operation: MemoryOperation): void {
    this.counts[operation.kind]++;
    try {
      this.onOperation?.(operation);
    } catch (error) {
      if (error instanceof PowerLoss) this.#hasPower = false;
      throw error;
    }
  }

  /** Announces a change; where that is refused, but for a loss of power, `undo` takes back what came before it. */
  #beginOr(undo: () => void, operation: MemoryOperation): void {
    try {
      this.begin(operation);
    } catch (error) {
      if (this.#hasPower) undo();
      throw error;
    }
  }

  #forgetDirectories(made: readonly string[]): void {
    for (const path of [...made].reverse()) this.#change({ kind: 'remove', ...this.#parentOf(path) });
  }

  /** The bytes of all files, those that are gone first. */
  #blocks(): Uint8Array[] {
    const files = new Set<MemoryFile>();
    const note = (node: MemoryNode): void => {
      if (node.kind === 'file') files.add(node);
      else for (const entry of [...node.entries.values(), ...node.durable.values()]) note(entry);
    };
    note(this.#root);
    for (const change of this.#changes) if (change.kind !== 'remove') note(change.node);
    return [...this.#gone, ...[...files].map((file) => file.lend()).filter((bytes) => bytes.length > 0)];
  }

  #change(change: EntryChange): void {
    applyChange(change, (directory) => directory.entries);
    this.#changes.push(change);
  }

  #makeDurable(directory: MemoryDirectory, covered: ReadonlySet<EntryChange>): void {
    this.#changes = this.#changes.filter((change) => {
      if (!covered.has(change) || !concerns(change, directory)) return true;
      applyChange(change, (concerned) => concerned.durable);
      return false;
    });
  }

  #remove(path: string, kind: 'unlink' | 'removeDirectory', expected: MemoryNode['kind'], otherwise: string): void {
    this.checkPower();
    const { directory, name } = this.#parentOf(path);
    const node = directory.entries.get(name);
    if (node === undefined) throw systemFailure('ENOENT', path);
    if (node.kind !== expected) throw systemFailure(otherwise, path);
    if (node.kind === 'directory' && node.entries.size > 0) throw systemFailure('ENOTEMPTY', path);
    this.begin({ kind, path });
    if (node.kind === 'file') this.#gone = [...this.#gone, node.lend()].slice(-goneFilesMax);
    this.#change({ kind: 'remove', directory, name });
  }

  #find(path: string): MemoryNode | undefined {
    let node: MemoryNode = this.#root;
    for (const name of segments(path)) {
      if (node.kind !== 'directory') throw systemFailure('ENOTDIR', path);
      const next = node.entries.get(name);
      if (next === undefined) return undefined;
      node = next;
    }
    return node;
  }

  #directoryAt(path: string): MemoryDirectory {
    const node = this.#find(path);
    if (node === undefined) throw systemFailure('ENOENT', path);
    if (node.kind !== 'directory') throw systemFailure('ENOTDIR', path);
    return node;
  }

  #parentOf(path: string): { directory: MemoryDirectory; name: string } {
    const absolute = resolve('/', path);
    return { directory: this.#directoryAt(dirname(absolute)), name: basename(absolute) };
  }
}

/** The names of a path, from the root down. */
function segments(path: string): string[] {
  return resolve('/', path)
    .split('/')
    .filter((name) => name !== '');
}
