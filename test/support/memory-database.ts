/**
 * A database on a file system in memory, all of it in one thread: jobs run inline, time passes in turns of the event loop. The same
 * calls give the same operations in the same order, so that a failure at the n-th of them happens again.
 */
import { EngineBackend } from '../../src/backend/backend.js';
import { InlineRunner } from '../../src/compaction/inline-runner.js';
import type { Environment } from '../../src/engine/environment.js';
import { openEngine } from '../../src/engine/open.js';
import type { FileSystem } from '../../src/env/file-system.js';
import { resolveOptions } from '../../src/options.js';
import type { BackendConfig } from '../../src/api.js';
import { EagerClock } from './eager-clock.js';

/** Sizes of blocks, tables and parts of compactions in bytes; absent: as in src/limits.ts. */
export interface StoredSizes {
  readonly blockBytes?: number;
  readonly targetTableBytes?: number;
  readonly mergePartBytesMin?: number;
}

/** Small enough that a few thousand bytes are many blocks and several tables, and that they are merged in parts. */
export const smallSizes: StoredSizes = { blockBytes: 512, targetTableBytes: 4096, mergePartBytesMin: 1024 };

/** An environment over `fileSystem` in this thread; `msPerLook` pass with each look at its clock. */
export function inlineEnvironment(fileSystem: FileSystem, sizes: StoredSizes, msPerLook = 0): Environment {
  return {
    ...sizes,
    fileSystem,
    clock: new EagerClock(msPerLook),
    createRunner: (settings, handler) => new InlineRunner(fileSystem, settings, handler),
    createDatabaseId: () => new Uint8Array(16).fill(7),
  };
}

/** Between two looks at the clock: a sync is short by it, so that logs are synced in place (engine/sync-place.ts). */
export const shortSyncMs = 0.3;

/** Opens or creates a database. Nothing commits unless it is told to. */
export async function openOn(
  fileSystem: FileSystem,
  config: BackendConfig,
  sizes: StoredSizes,
  msPerLook = 0,
): Promise<EngineBackend> {
  const options = resolveOptions({ batchIntervalMs: 3_600_000, batchLimit: 1_000_000_000, ...config });
  return new EngineBackend(await openEngine(options, inlineEnvironment(fileSystem, sizes, msPerLook)));
}
