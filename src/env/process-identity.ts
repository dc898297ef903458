/**
 * Which process this is, in a form that another process can check: who holds a lock, and whether it is still alive.
 *
 * ```
 *  pid           reused by the system sooner or later
 *  startTicks    /proc/PID/stat, field 22: with the pid, unique until the machine restarts; 0 where unknown
 *  bootId        /proc/sys/kernel/random/boot_id: unique to a start of the machine; 'unknown' without /proc
 *  pidNamespace  the namespace in which the pid means something; '0' where unknown
 * ```
 *
 * **Invariants:**
 * 1. `processState` says 'gone' only of a process that cannot run again. In doubt it says 'alive' or 'foreign'.
 * 2. A process that was killed and whose parent has not collected it yet (a zombie) is gone.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { systemErrorCode } from '../errors.js';

/** What tells one process from all others, past and present, of this machine. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
  readonly bootId: string;
  readonly pidNamespace: string;
}

/** alive: it runs. gone: it does not and never will. foreign: its pid has no meaning here, so nothing can be said. */
export type ProcessState = 'alive' | 'gone' | 'foreign';

/** Stands for a boot id where the system has none. */
export const bootIdUnknown = 'unknown';

function readOr(read: () => string, absent: string): string {
  try {
    return read();
  } catch {
    return absent;
  }
}

/** State letter and start of a process out of /proc/PID/stat, or undefined where the system does not show it. */
function readStat(pid: number | 'self'): { readonly letter: string; readonly startTicks: number } | undefined {
  const text = readOr(() => readFileSync(`/proc/${pid}/stat`, 'latin1'), '');
  // The second field is the name of the program in brackets, and it may contain spaces and brackets of its own.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const startTicks = Number(fields[19]);
  const letter = fields[0] ?? '';
  return text.length > 0 && Number.isSafeInteger(startTicks) && startTicks >= 0 ? { letter, startTicks } : undefined;
}

/** The identity of this process. */
export function currentProcess(): ProcessIdentity {
  const bootId = readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'), '').trim();
  const namespaceLink = readOr(() => readlinkSync('/proc/self/ns/pid'), '');
  return {
    pid: process.pid,
    startTicks: readStat('self')?.startTicks ?? 0,
    bootId: /^[0-9a-f-]{8,64}$/.test(bootId) ? bootId : bootIdUnknown,
    pidNamespace: /^pid:\[(\d{1,20})\]$/.exec(namespaceLink)?.[1] ?? '0',
  };
}

/** What has become of `other`, as seen from `self`. */
export function processState(other: ProcessIdentity, self: ProcessIdentity): ProcessState {
  if (other.bootId !== self.bootId && other.bootId !== bootIdUnknown && self.bootId !== bootIdUnknown) return 'gone';
  if (other.pidNamespace !== self.pidNamespace) return 'foreign';
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    // Anything else than "no such process", above all "not permitted", means that there is one.
    if (systemErrorCode(error) === 'ESRCH') return 'gone';
  }
  const stat = readStat(other.pid);
  if (stat === undefined) return 'alive';
  if (stat.letter === 'Z' || stat.letter === 'X') return 'gone';
  return other.startTicks === 0 || stat.startTicks === other.startTicks ? 'alive' : 'gone';
}
