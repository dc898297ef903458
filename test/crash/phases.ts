/**
 * What a database is doing when an operation comes: the part of the workload, and the kind of durable step. A tester that never loses power
 * in the middle of one of them says nothing about it.
 */
import { InlineRunner } from '../../src/compaction/inline-runner.js';
import type { Job, JobHandler, JobSettings } from '../../src/compaction/job.js';
import type { FileSystem } from '../../src/env/file-system.js';
import { parseFileName } from '../../src/format/file-names.js';
import type { MemoryOperation } from '../support/memory-file-system.js';

/** Every kind of durable step. */
export const stepKinds = [
  'a new directory',
  'the lock',
  'the header of a log',
  'a group of a log',
  'a table of a flush',
  'a table of a compaction',
  'a new manifest',
  'a manifest change',
  'a switch of CURRENT',
  'a removal',
  'a directory sync',
  'a file of a copy',
] as const;

export type StepKind = (typeof stepKinds)[number];

/** Where the workload is. */
export class Phases {
  /** The part of the workload. */
  part = 'nothing';
  private readonly jobs: Job['kind'][] = [];

  /** A runner whose jobs are known here. */
  createRunner(fileSystem: FileSystem, settings: JobSettings, handler: JobHandler): InlineRunner {
    const { jobs } = this;
    jobs.length = 0;
    const noted: JobHandler = {
      onResult: (result) => {
        jobs.shift();
        handler.onResult(result);
      },
      onProgress: (id, bytesRead) => handler.onProgress(id, bytesRead),
      onWorkerGone: (lost) => handler.onWorkerGone(lost),
    };
    return new (class extends InlineRunner {
      override submit(job: Job): void {
        jobs.push(job.kind);
        super.submit(job);
      }
    })(fileSystem, settings, noted);
  }

  /** What a moment is part of: a part of the workload, and a kind of step where it is an operation. */
  namesOf(operation: MemoryOperation | undefined): string[] {
    const during = `during ${this.part}`;
    return operation === undefined ? [during] : [during, this.kindOf(operation)];
  }

  private kindOf({ kind, path, position }: MemoryOperation): StepKind {
    if (kind === 'makeDirectory') return 'a new directory';
    if (kind === 'syncDirectory') return 'a directory sync';
    if (kind === 'unlink' || kind === 'removeDirectory') return 'a removal';
    if (/restoring/.test(path)) return 'a file of a copy';
    const file = parseFileName(path.slice(path.lastIndexOf('/') + 1))?.kind;
    if (file === 'lock') return 'the lock';
    if (file === 'temporary' || file === 'current') return 'a switch of CURRENT';
    if (file === 'log') return kind === 'create' || position === 0 ? 'the header of a log' : 'a group of a log';
    if (file === 'table') return this.jobs[0] === 'flush' ? 'a table of a flush' : 'a table of a compaction';
    return kind === 'create' || position === 0 ? 'a new manifest' : 'a manifest change';
  }
}
