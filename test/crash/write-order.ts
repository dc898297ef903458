/**
 * The order in which things must become durable, as rules over a trace. Each gives in words what breaks it.
 *
 * **Invariants:**
 * 1. A rule knows what the file system promises, and nothing of how the engine goes about it.
 * 2. Paths are those of one database directory and of the directories above it, and of copies that are restored.
 */
import { currentFileName, parseFileName } from '../../src/format/file-names.js';
import type { Said, TraceEvent } from './trace.js';

/** What is known of a disk at one place of a trace. */
class Known {
  /** Paths with writes that no sync has covered. */
  readonly dirty = new Set<string>();
  /** Paths whose names no sync of their directory has covered. */
  readonly nameless = new Set<string>();
  /** What the manifests say that are written, and what their syncs made durable. */
  readonly written = new Map<string, Said>();
  readonly durable = new Map<string, Said>();
  /** The manifest that CURRENT names, and the one that it names durably. */
  live = '';
  durablyLive = '';

  take(event: TraceEvent): void {
    const { kind, path } = event;
    if (kind === 'create' || kind === 'makeDirectory') this.nameless.add(path);
    if (kind === 'write' || kind === 'truncate') this.dirty.add(path);
    if (event.says !== undefined) this.written.set(path, event.says);
    if (kind === 'sync') {
      this.dirty.delete(path);
      const said = this.written.get(path);
      if (said !== undefined) this.durable.set(path, said);
    }
    if (kind === 'rename') this.rename(path, event);
    if (kind === 'syncDirectory') {
      for (const name of this.nameless) if (directoryOf(name) === path) this.nameless.delete(name);
      if (directoryOf(this.live) === path) this.durablyLive = this.live;
    }
    if (kind === 'unlink' || kind === 'removeDirectory') for (const set of [this.dirty, this.nameless]) set.delete(path);
  }

  isDurable(path: string): boolean {
    return !this.dirty.has(path) && !this.nameless.has(path);
  }

  private rename(from: string, { target = '', names }: TraceEvent): void {
    for (const set of [this.dirty, this.nameless]) {
      for (const path of set) {
        if (path !== from && !path.startsWith(`${from}/`)) continue;
        set.delete(path);
        set.add(target + path.slice(from.length));
      }
    }
    this.nameless.add(target);
    if (names !== undefined) this.live = names;
  }
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Before an event: in words what it should have waited for, or undefined. */
type Check = (event: TraceEvent, known: Known) => string | undefined | false;

const isLog = (path: string): boolean => parseFileName(nameOf(path))?.kind === 'log';
const isTable = (path: string): boolean => parseFileName(nameOf(path))?.kind === 'table';
const isManifest = (path: string): boolean => parseFileName(nameOf(path))?.kind === 'manifest';
const numberOf = (path: string): number => parseFileName(nameOf(path))?.number ?? 0;
/** A workplace and what comes out of it: files there have no manifest that is being written. */
const isCopy = (path: string): boolean => /\/(restoring[^/]*|copies|empty)(\/|$)/.test(path);

const hasDurableTables: Check = ({ says, path }, known) => {
  if (isCopy(path)) return undefined;
  for (const number of says?.tables ?? []) {
    const table = `${directoryOf(path)}/${String(number).padStart(6, '0')}.sst`;
    if (!known.isDurable(table)) return `${nameOf(path)} names ${nameOf(table)}, which is not durable`;
  }
  return undefined;
};

const logIsNeedless: Check = ({ kind, path }, { durable, durablyLive }) => {
  if (kind !== 'unlink' || !isLog(path) || isCopy(path)) return undefined;
  const oldest = durable.get(durablyLive)?.oldestLog ?? 0;
  return numberOf(path) >= oldest && `${nameOf(path)} is removed, the oldest log that is needed is ${oldest}`;
};

const tableIsNeedless: Check = ({ kind, path }, { durable, durablyLive }) => {
  if (kind !== 'unlink' || !isTable(path) || isCopy(path)) return undefined;
  return durable.get(durablyLive)?.tables.has(numberOf(path)) === true && `${nameOf(path)} is removed, the manifest names it`;
};

const manifestIsReplaced: Check = ({ kind, path }, { durablyLive }) =>
  kind === 'unlink' &&
  isManifest(path) &&
  !isCopy(path) &&
  path === durablyLive &&
  `${nameOf(path)} is removed, CURRENT names it`;

const manifestIsWhole: Check = ({ names, path }, known) => {
  if (names === undefined || isCopy(path)) return undefined;
  if (known.dirty.has(path)) return `${currentFileName} takes the place of another one before its bytes are synced`;
  return !known.isDurable(names) && `${currentFileName} names ${nameOf(names)}, which is not durable`;
};

const logBeforeIsSynced: Check = ({ kind, path }, { dirty }) => {
  if (kind !== 'create' || !isLog(path) || isCopy(path)) return undefined;
  const open = [...dirty].find((other) => isLog(other) && directoryOf(other) === directoryOf(path));
  return open !== undefined && `${nameOf(path)} is created, ${nameOf(open)} is not synced`;
};

const newestLogIsDurable: Check = ({ says, path }, known) => {
  if (says === undefined || isCopy(path) || says.newestLog < says.oldestLog || says.newestLog === 0) return undefined;
  const log = `${directoryOf(path)}/${String(says.newestLog).padStart(6, '0')}.log`;
  return known.nameless.has(log) && `${nameOf(path)} names ${nameOf(log)}, whose name is not durable`;
};

const directoryIsDurable: Check = ({ kind, path }, { nameless }) => {
  const directory = directoryOf(path);
  // The workplace of a copy gets its name when it becomes the copy.
  if (kind !== 'create' || isCopy(directory)) return undefined;
  return nameless.has(directory) && `${nameOf(path)} is made in ${directory}, whose name is not durable`;
};

const tablesStay: Check = ({ kind, path }, { durable, written }) => {
  if ((kind !== 'write' && kind !== 'truncate') || !isTable(path) || isCopy(path)) return undefined;
  const isNamed = [...durable.values(), ...written.values()].some(({ tables }) => tables.has(numberOf(path)));
  return isNamed && `${nameOf(path)} is written to, a manifest names it`;
};

const copyIsWhole: Check = (event, { dirty, nameless }) => {
  if (event.kind !== 'rename' || !isCopy(event.path)) return undefined;
  const inside = (path: string): boolean => path === event.path || path.startsWith(`${event.path}/`);
  const open = [...dirty].find(inside) ?? [...nameless].find((path) => path.startsWith(`${event.path}/`));
  return open !== undefined && `${event.path} takes its place, ${open} is not durable`;
};

const currentComesLast: Check = (event, { nameless }) => {
  if (event.kind !== 'rename' || !isCopy(event.path) || nameOf(event.path) !== currentFileName) return undefined;
  const target = directoryOf(event.target ?? '');
  const open = [...nameless].find((path) => directoryOf(path) === target && parseFileName(nameOf(path)) !== undefined);
  return open !== undefined && `${currentFileName} comes to ${target}, ${nameOf(open)} is not durable there`;
};

const allIsDurable: Check = ({ kind }, { dirty, nameless, durable, durablyLive }) => {
  if (kind !== 'acknowledged') return undefined;
  const said = durable.get(durablyLive);
  for (const path of [...dirty, ...nameless]) {
    if (isLog(path) && numberOf(path) >= (said?.oldestLog ?? 0)) return `${nameOf(path)} is not durable`;
  }
  return said === undefined && 'no manifest is durable';
};

/** Every rule, by what it says. */
export const rules = {
  'a manifest names a table only when the table and its name are durable': hasDurableTables,
  'a log is removed only when a durable manifest needs it no more': logIsNeedless,
  'a table is removed only when no durable manifest names it': tableIsNeedless,
  'a manifest is removed only when CURRENT durably names another one': manifestIsReplaced,
  'CURRENT is replaced only by whole bytes, and names a manifest that is durable with its name': manifestIsWhole,
  'a log is created only when the one before it is synced': logBeforeIsSynced,
  'a manifest names the newest log only when the name of the log is durable': newestLogIsDurable,
  'a file is made only in a directory whose own name is durable': directoryIsDurable,
  'a table is not written to once a manifest names it': tablesStay,
  'a copy takes its place only when all in it is durable': copyIsWhole,
  'CURRENT comes to a copy in a directory that was there only when the other files are durable': currentComesLast,
} as const satisfies Record<string, Check>;

/** The rule of a life in which every commit is waited for. */
export const acknowledgementRule = { 'a commit is acknowledged only when its logs are durable with their names': allIsDurable };

/** Where a trace breaks a rule. */
export function breaches(trace: readonly TraceEvent[], check: Check): string[] {
  const known = new Known();
  const found: string[] = [];
  trace.forEach((event, at) => {
    const breach = check(event, known);
    if (typeof breach === 'string') found.push(`operation ${at}, ${event.kind} ${event.path}: ${breach}`);
    known.take(event);
  });
  return found;
}
