/**
 * Running one job, wherever that is: in the worker, or in the thread of a test that brings its own file system.
 *
 * Invariant: whatever a job throws comes out as a JobFailure; an execution never throws.
 */
import { systemErrorCode, VarveError } from '../errors.js';
import type { FileSystem } from '../env/file-system.js';
import { whileLocked } from '../env/locked-files.js';
import { withoutSyncs } from '../env/no-sync-file-system.js';
import { withReserve } from '../env/reserve-file-system.js';
import { loadCodec } from '../format/compression.js';
import { OpenTables } from '../sstable/open-tables.js';
import type { TableFileContext } from '../sstable/table-context.js';
import { runFlush } from './flush.js';
import type { Job, JobFailure, JobResult, JobSettings } from './job.js';
import { runCompaction } from './merge.js';
import type { WritingContext } from './run-writer.js';

/** The message of an error, with that of its cause where it says more: a cause does not cross threads. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  const says = cause instanceof Error ? (systemErrorCode(cause) ?? cause.message) : '';
  return cause instanceof Error && !message.includes(says) ? `${message}: ${cause.message}` : message;
}

/** What was thrown, as plain data that can cross a thread. What is no VarveError is a defect: VARVE_ASSERTION. */
export function jobFailure(id: number, error: unknown): JobFailure {
  const known = error instanceof VarveError ? error : undefined;
  return {
    id,
    ok: false,
    code: known?.code ?? 'VARVE_ASSERTION',
    message: messageOf(error),
    file: known?.file,
    offset: known?.offset,
    systemCode: systemErrorCode(error),
  };
}

/** The files and the codec with which the jobs of one database run. */
export class JobExecutor {
  private readonly flushing: WritingContext;
  private readonly compacting: WritingContext;
  private readonly reading: TableFileContext;

  constructor(fileSystem: FileSystem, settings: JobSettings, beat: () => void = () => {}) {
    const owned = whileLocked(fileSystem, settings.lock);
    const files = settings.unsafeNoFsync ? withoutSyncs(owned) : owned;
    const codec = loadCodec();
    const { directory, databaseId } = settings;
    const writing = { settings, codec: settings.compress ? codec : undefined, beat };
    this.flushing = { ...writing, fileSystem: withReserve(files, settings.flushReserveBytes) };
    this.compacting = { ...writing, fileSystem: withReserve(files, settings.compactionReserveBytes) };
    this.reading = { fileSystem: files, directory, databaseId, codec, openTables: new OpenTables(files, directory) };
  }

  /** The job in slices: each yield gives the bytes read so far; ending the generator early removes the job's output. */
  *run(job: Job): Generator<number, JobResult, void> {
    try {
      if (job.kind === 'flush') return runFlush(job, this.flushing);
      return yield* runCompaction(job, this.compacting, this.reading);
    } catch (error) {
      return jobFailure(job.id, error);
    }
  }
}
