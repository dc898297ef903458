/**
 * The disk of a model test in memory, which can lose power in the middle of whatever is going on.
 *
 * ```
 *   open ─▶ … ─▶ losePower: activity begins ─▶ the n-th operation from there, or rest ─▶ what a crash leaves is the disk from now on
 * ```
 */
import type { Backend, BackendConfig } from '../../src/api.js';
import { VarveError } from '../../src/errors.js';
import { expect } from 'vitest';
import { openOn, type StoredSizes } from './memory-database.js';
import { MemoryFileSystem, PowerLoss } from './memory-file-system.js';

/** One disk. Files of backends that were open when the power went are gone for them. */
export class MemoryDisk {
  private fileSystem = new MemoryFileSystem();

  constructor(private readonly sizes: StoredSizes) {}

  open(config: BackendConfig): Promise<Backend> {
    return openOn(this.fileSystem, config, this.sizes);
  }

  /** Loses power at operation `lossAt` of `activity`, or at its end. What it throws once the power is gone is nothing. */
  async losePower(lossAt: number, seed: number, activity: () => Promise<void>): Promise<void> {
    const { fileSystem } = this;
    let operations = 0;
    let isGone = false;
    fileSystem.onOperation = () => {
      if (operations++ < lossAt) return;
      isGone = true;
      throw new PowerLoss();
    };
    try {
      await activity();
    } catch (error) {
      if (!isGone || !(error instanceof VarveError)) throw error;
    }
    this.fileSystem = fileSystem.crash(seed, 'keepRandom');
    fileSystem.onOperation = () => {
      throw new PowerLoss();
    };
  }

  /** Files that are open: none after a close, or after an open that failed. */
  expectNoHandles(): void {
    expect(this.fileSystem.openHandles).toBe(0);
  }
}
