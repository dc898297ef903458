/**
 * What an engine takes from outside: files, time, threads. Tests bring their own.
 */
import type { JobHandler, JobRunner, JobSettings } from '../compaction/job.js';
import { checkWorkerFile } from '../compaction/worker-file.js';
import { WorkerRunner, workerThreads } from '../compaction/worker-runner.js';
import { unforeseenBytes } from '../env/chance.js';
import { type Clock, systemClock } from '../env/clock.js';
import type { FileSystem } from '../env/file-system.js';
import { nodeFileSystem } from '../env/node-file-system.js';
import { type Observer, processObserver } from './observer.js';

export interface Environment {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  createRunner(settings: JobSettings, handler: JobHandler): JobRunner;
  /** Throws where a runner could never run a job; asked before a database that is to be written is touched. Absent: any can. */
  checkRunner?(): void;
  /** 16 bytes for the id of a new database. */
  createDatabaseId(): Uint8Array;
  /** Who is told what happens; absent: the channels of this process. */
  readonly observer?: Observer;
  /** Uncompressed size at which blocks of tables are closed, and stored size at which tables are; absent: as in limits.ts. */
  readonly blockBytes?: number;
  readonly targetTableBytes?: number;
  /** Stored bytes from which on it is worth while that another thread takes a part of a compaction; absent: as in limits.ts. */
  readonly mergePartBytesMin?: number;
}

export const systemEnvironment: Environment = {
  fileSystem: nodeFileSystem,
  clock: systemClock,
  createRunner: (settings, handler) => new WorkerRunner(settings, handler, systemClock, { threads: workerThreads() }),
  checkRunner: () => checkWorkerFile(),
  createDatabaseId: () => unforeseenBytes(16),
  observer: processObserver,
};
