/**
 * What the engine tells whoever watches it: one message when something has ended, with how long it took. docs/observability.md lists all.
 *
 * | channel          | told                                                                                           |
 * |------------------|------------------------------------------------------------------------------------------------|
 * | varve:flush      | the tables of a memtable are installed                                                         |
 * | varve:compaction | a compaction is installed                                                                      |
 * | varve:stall      | a writer that was held up goes on                                                              |
 * | varve:commit     | a group of sections is durable                                                                 |
 * | varve:error      | a job of the background failed, or the backend was poisoned                                    |
 *
 * Invariants:
 * 1. Where nobody subscribes, nothing is made and no clock is looked at for it. A put never comes here.
 * 2. A message is told when the state that it tells of has come to be; messages are plain values, made for it.
 */
import type { JobFailure } from '../compaction/job.js';
import { namedTopic, type Topic } from '../env/diagnostics.js';
import { VarveError } from '../errors.js';

/** What every message begins with. */
interface MessageBase {
  /** Directory of the database. */
  readonly database: string;
}

/** On `varve:flush`. */
export interface FlushMessage extends MessageBase {
  /** From the start of the job until its tables were installed. */
  readonly durationMs: number;
  /** Records of the memtable. */
  readonly entriesRead: number;
  /** Records in the new tables. */
  readonly entriesWritten: number;
  /** Bytes of the new tables. */
  readonly bytesWritten: number;
  /** New tables. */
  readonly tablesWritten: number;
}

/** On `varve:compaction`. */
export interface CompactionMessage extends MessageBase {
  /** From the start of the job until its tables were installed. */
  readonly durationMs: number;
  /** Level that the result lies in. */
  readonly targetLevel: number;
  /** Whether it is that of a defrag. */
  readonly isFull: boolean;
  /** Records of the tables that were merged, those in copied blocks included; 0 where tables were only moved. */
  readonly entriesRead: number;
  /** Records in the new tables. */
  readonly entriesWritten: number;
  /** Bytes of the blocks of the tables that were merged, as they are stored. */
  readonly bytesRead: number;
  /** Bytes of the new tables. */
  readonly bytesWritten: number;
  /** Blocks that went to the new tables as they were. */
  readonly blocksCopied: number;
  /** Tables that are gone, their content being in the new ones. */
  readonly tablesRemoved: number;
  /** New tables. */
  readonly tablesWritten: number;
  /** Tables that went to the level as they are. */
  readonly tablesMoved: number;
}

/**
 * How a writer was held up. `slowed`: the acknowledgement of its commit was held back for some milliseconds. `waiting`: it was held back until
 * there was room. `blocked`: the thread was blocked in the first write of a section.
 */
export type StallKind = 'slowed' | 'waiting' | 'blocked';

/** On `varve:stall`. */
export interface StallMessage extends MessageBase {
  /** How it was held up. */
  readonly kind: StallKind;
  /** From the call that was held up until it went on. */
  readonly durationMs: number;
}

/** On `varve:commit`. */
export interface CommitMessage extends MessageBase {
  /** From the first write to a log until all of the group was synced. */
  readonly durationMs: number;
  /** Bytes written to logs. */
  readonly bytesWritten: number;
}

/** On `varve:error`. */
export interface ErrorMessage extends MessageBase {
  /** `flush` and `compaction` are tried again; `poison` is the failure after which nothing is committed any more. */
  readonly origin: 'flush' | 'compaction' | 'poison';
  /** A code of VarveError; VARVE_IO for what is no VarveError. */
  readonly code: string;
  /** What went wrong, in words. */
  readonly message: string;
  /** Whether the work is tried again: always, but for `poison`. */
  readonly willRetry: boolean;
}

/**
 * Who is told. A channel of Node's is a topic.
 *
 * @internal
 */
export interface Observer {
  readonly flush: Topic<FlushMessage>;
  readonly compaction: Topic<CompactionMessage>;
  readonly stall: Topic<StallMessage>;
  readonly commit: Topic<CommitMessage>;
  readonly error: Topic<ErrorMessage>;
}

/**
 * The channels of this process.
 *
 * @internal
 */
export const processObserver: Observer = {
  flush: namedTopic('varve:flush'),
  compaction: namedTopic('varve:compaction'),
  stall: namedTopic('varve:stall'),
  commit: namedTopic('varve:commit'),
  error: namedTopic('varve:error'),
};

/**
 * The message of a failure that poisons.
 *
 * @internal
 */
export function poisonMessage(database: string, cause: unknown): ErrorMessage {
  const code = cause instanceof VarveError ? cause.code : 'VARVE_IO';
  const message = cause instanceof Error ? cause.message : String(cause);
  return { database, origin: 'poison', code, message, willRetry: false };
}

/**
 * The message of a job that failed.
 *
 * @internal
 */
export function failureMessage(database: string, origin: 'flush' | 'compaction', { code, message }: JobFailure): ErrorMessage {
  return { database, origin, code, message, willRetry: true };
}
