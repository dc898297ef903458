/**
 * The workload on a disk in memory, and every moment of it at which power may be lost: before each operation, and when a caller was
 * told that something is durable.
 */
import { expect } from 'vitest';
import type { Backend, BackendConfig } from '../../src/api.js';
import { EngineBackend } from '../../src/backend/backend.js';
import { openEngine } from '../../src/engine/open.js';
import type { FileSystem } from '../../src/env/file-system.js';
import { VarveError } from '../../src/errors.js';
import { resolveOptions } from '../../src/options.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { type MemoryFileSystem, type MemoryOperation, PowerLoss } from '../support/memory-file-system.js';
import type { Journal } from './journal.js';
import { type Life, wholeLife } from './later-lives.js';
import { Phases } from './phases.js';
import { config } from './workload.js';

/** Opens the database of the workload, its jobs known to `phases`. */
export async function openNoted(fileSystem: FileSystem, options: Partial<BackendConfig>, phases: Phases): Promise<Backend> {
  const environment = {
    ...inlineEnvironment(fileSystem, smallSizes),
    createRunner: phases.createRunner.bind(phases, fileSystem),
  };
  const resolved = resolveOptions({ batchIntervalMs: 3_600_000, batchLimit: 1_000_000_000, ...config, ...options });
  return new EngineBackend(await openEngine(resolved, environment));
}

/** How a workload goes on a disk. */
export interface DiskLife {
  readonly lives?: readonly Life[];
  readonly phases?: Phases;
  /** The files as the database sees them; absent: as the disk gives them. */
  readonly files?: (disk: MemoryFileSystem) => FileSystem;
}

/** Lives until the power is lost, or to the end. What was open is closed, and must have let go of its files. */
export async function live(disk: MemoryFileSystem, journal: Journal, life: DiskLife = {}): Promise<void> {
  const { lives = wholeLife, phases = new Phases(), files = (each) => each } = life;
  let backend: Backend | undefined;
  try {
    phases.part = 'the first creation';
    for (const { config: options = {}, steps } of lives) {
      backend = undefined;
      backend = await openNoted(files(disk), options, phases);
      for (const step of steps) {
        phases.part = step.name;
        await step.run(backend, journal, disk);
      }
      phases.part = 'a close';
      const opened = backend;
      await journal.durable(() => opened.close());
      phases.part = 'an opening';
    }
  } catch (error) {
    if (!(error instanceof VarveError) || disk.hasPower) throw error;
    await backend?.close().catch(() => {});
  }
  expect(disk.openHandles, 'handles after the end').toBe(0);
}

/** Calls `look` at each moment, with its number from 0 on. What it throws is thrown by the operation. */
export function atEachMoment(
  disk: MemoryFileSystem,
  journal: Journal,
  look: (moment: number, operation: MemoryOperation | undefined) => void,
): void {
  let moment = 0;
  disk.onOperation = (operation) => look(moment++, operation);
  journal.onAcknowledged = () => {
    if (disk.hasPower) look(moment++, undefined);
  };
}

/** Takes the power for good at moment `lossAt`; an acknowledgement cannot be refused, so there it is the next operation that fails. */
export function losePowerAt(disk: MemoryFileSystem, journal: Journal, lossAt: number): void {
  atEachMoment(disk, journal, (moment, operation) => {
    if (moment >= lossAt && operation !== undefined) throw new PowerLoss();
  });
}
