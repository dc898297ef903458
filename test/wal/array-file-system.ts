/**
 * A file system in arrays, for the tests of logs and manifests: it keeps bytes, lists every operation in order, and fails on request.
 * It models no crash: torn files are made by editing `files`.
 */
import type { FileHandle, FileStatus, FileSystem, OpenMode } from '../../src/env/file-system.js';
import { VarveError } from '../../src/errors.js';

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

export class ArrayFileSystem implements FileSystem {
  readonly files = new Map<string, Uint8Array>();
  /** Operations that change something, in order, as `write db/000001.log 64`. */
  readonly operations: string[] = [];
  openCount = 0;
  /** Called before each such operation; may throw. */
  beforeOperation: ((operation: string) => void) | undefined;
  /** Where set, asynchronous calls wait for it before they do anything. */
  gate: Promise<void> | undefined;

  note(operation: string): void {
    this.beforeOperation?.(operation);
    this.operations.push(operation);
  }

  open(path: string, mode: OpenMode): FileHandle {
    if (mode === 'create') {
      if (this.files.has(path)) throw new VarveError('VARVE_IO', `${path} exists`, { file: path });
      this.note(`create ${path}`);
      this.files.set(path, new Uint8Array(0));
    } else if (!this.files.has(path)) {
      throw new VarveError('VARVE_IO', `${path} does not exist`, { file: path });
    }
    return new ArrayFileHandle(this, path);
  }

  content(path: string): Uint8Array {
    return this.files.get(path) ?? new Uint8Array(0);
  }

  status(path: string): FileStatus | undefined {
    const bytes = this.files.get(path);
    return bytes === undefined ? undefined : { kind: 'file', sizeBytes: bytes.length };
  }

  list(directory: string): string[] {
    const prefix = `${directory}/`;
    return [...this.files.keys()].filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
  }

  makeDirectory(): string[] {
    return [];
  }

  rename(from: string, to: string): void {
    this.note(`rename ${from} ${to}`);
    this.files.set(to, this.content(from));
    this.files.delete(from);
  }

  unlink(path: string): void {
    this.note(`unlink ${path}`);
    if (this.files.delete(path)) return;
    const cause = Object.assign(new Error('ENOENT'), { errno: -2, code: 'ENOENT' });
    throw new VarveError('VARVE_IO', `${path} does not exist`, { file: path, cause });
  }

  removeDirectory(): void {}

  syncDirectory(path: string): void {
    this.note(`sync directory ${path}`);
  }

  async syncDirectoryAsync(path: string): Promise<void> {
    await this.gate;
    this.syncDirectory(path);
  }

  availableBytes(): undefined {
    return undefined;
  }
}

class ArrayFileHandle implements FileHandle {
  readonly descriptor = -1;
  #isOpen = true;

  constructor(
    readonly system: ArrayFileSystem,
    readonly path: string,
  ) {
    system.openCount++;
  }

  sizeBytes(): number {
    return this.system.content(this.path).length;
  }

  read(target: Uint8Array, position: number): number {
    this.#checkOpen();
    const seen = this.system.content(this.path).subarray(position, position + target.length);
    target.set(seen);
    return seen.length;
  }

  write(pieces: readonly Uint8Array[], position: number): void {
    this.#checkOpen();
    const bytes = joined(pieces);
    this.system.note(`write ${this.path} at ${position}, ${bytes.length} bytes`);
    const before = this.system.content(this.path);
    const after = new Uint8Array(Math.max(before.length, position + bytes.length));
    after.set(before);
    after.set(bytes, position);
    this.system.files.set(this.path, after);
  }

  async writeAsync(pieces: readonly Uint8Array[], position: number): Promise<void> {
    await this.system.gate;
    this.write(pieces, position);
  }

  sync(): void {
    this.#checkOpen();
    this.system.note(`sync ${this.path}`);
  }

  async syncAsync(): Promise<void> {
    await this.system.gate;
    this.sync();
  }

  truncate(sizeBytes: number): void {
    this.#checkOpen();
    this.system.note(`truncate ${this.path} to ${sizeBytes} bytes`);
    this.system.files.set(this.path, this.system.content(this.path).slice(0, sizeBytes));
  }

  close(): void {
    if (this.#isOpen) this.system.openCount--;
    this.#isOpen = false;
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw new VarveError('VARVE_IO', `${this.path} is closed`);
  }
}
