/**
 * The operations of a life, one after the other, with what each of them said where that matters for their order.
 *
 * ```
 *   create 000005.log · write · sync · syncDirectory · write MANIFEST-000001 { newest log 5 } · sync · acknowledged
 * ```
 *
 * **Invariant:** an event stands where its effect is complete: an asynchronous sync stands before all that its caller does afterwards.
 */
import { parseFileName } from '../../src/format/file-names.js';
import type { ManifestState } from '../../src/version/manifest-state.js';
import { readCurrent } from '../../src/version/current-file.js';
import { readManifest } from '../../src/version/manifest-reader.js';
import { versionTables } from '../../src/version/version.js';
import { MemoryFileSystem, type MemoryOperation } from '../support/memory-file-system.js';
import { type DiskLife, live } from './disk-life.js';
import { Journal } from './journal.js';

/** What a manifest says. */
export interface Said {
  readonly tables: ReadonlySet<number>;
  readonly oldestLog: number;
  readonly newestLog: number;
}

/** What an operation means for what comes after it. */
interface Meaning {
  /** Of a write to a manifest with a whole record: what the manifest says from then on. */
  readonly says?: Said;
  /** Of a rename to CURRENT: the path of the manifest that it names. */
  readonly names?: string;
}

/** One operation, or a caller that was told that all is durable. */
export type TraceEvent = (MemoryOperation | { readonly kind: 'acknowledged'; readonly path: ''; readonly target?: string }) &
  Meaning;

function saidBy({ version, oldestLogNumber, newestLogNumber }: ManifestState): Said {
  const tables = new Set([...versionTables(version)].map((table) => table.fileNumber));
  return { tables, oldestLog: oldestLogNumber, newestLog: newestLogNumber };
}

function meaningOf(disk: MemoryFileSystem, operation: MemoryOperation): Meaning {
  const directory = operation.path.slice(0, operation.path.lastIndexOf('/'));
  const parsed = parseFileName(operation.path.slice(directory.length + 1));
  if (operation.kind === 'rename' && operation.target?.endsWith('/CURRENT') === true) {
    const number = readCurrent(disk, directory) ?? 0;
    return { names: `${directory}/MANIFEST-${String(number).padStart(6, '0')}` };
  }
  if (operation.kind !== 'write' || parsed?.kind !== 'manifest') return {};
  try {
    return { says: saidBy(readManifest(disk, directory, parsed.number)) };
  } catch {
    // Its header alone, so far.
    return {};
  }
}

/** The trace of a life. */
export async function traceOf(life: DiskLife): Promise<TraceEvent[]> {
  const disk = new MemoryFileSystem();
  const journal = new Journal();
  const trace: TraceEvent[] = [];
  let last: MemoryOperation | undefined;
  // What an operation meant can be read when it is over: at the latest when the next one comes.
  const complete = (): void => {
    if (last !== undefined) trace.push({ ...last, ...meaningOf(disk, last) });
    last = undefined;
  };
  disk.onOperation = (operation) => {
    complete();
    last = operation;
  };
  journal.onAcknowledged = () => {
    complete();
    trace.push({ kind: 'acknowledged', path: '' });
  };
  await live(disk, journal, life);
  complete();
  return trace;
}
