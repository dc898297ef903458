/**
 * The line that an owner leaves in LOCK: who holds the directory, for the message of those who are refused.
 *
 * ```
 *  {"pid":4711,"startTicks":88123,"bootId":"…","pidNamespace":"4026531836","startedAt":"2026-01-02T03:04:05.678Z"}\n
 * ```
 *
 * **Invariants:**
 * 1. The line is shorter than `lockOwnerBytesMax`, so that one read takes it whole.
 * 2. Any other bytes decode to undefined; they are no damage, since nothing durable depends on them.
 */
import { bootIdUnknown, type ProcessIdentity } from './process-identity.js';

/** Longest line, in bytes. */
export const lockOwnerBytesMax = 512;

/** The line for `owner`, a process that began at `startedAt`. */
export function encodeLockOwner(owner: ProcessIdentity, startedAt: Date): Uint8Array {
  const { pid, startTicks, bootId, pidNamespace } = owner;
  return Buffer.from(`${JSON.stringify({ pid, startTicks, bootId, pidNamespace, startedAt: startedAt.toISOString() })}\n`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The owner that wrote the line, or undefined where it is none (LOCK is empty, or the line is torn). */
export function decodeLockOwner(bytes: Uint8Array): ProcessIdentity | undefined {
  const value = parse(Buffer.from(bytes).toString('utf8'));
  if (typeof value !== 'object' || value === null) return undefined;
  const pid = 'pid' in value && typeof value.pid === 'number' ? value.pid : 0;
  const startTicks = 'startTicks' in value && typeof value.startTicks === 'number' ? value.startTicks : 0;
  const bootId = 'bootId' in value && typeof value.bootId === 'string' ? value.bootId : bootIdUnknown;
  const pidNamespace = 'pidNamespace' in value && typeof value.pidNamespace === 'string' ? value.pidNamespace : '0';
  // The pid is given to the system: 0 and below stand for groups of processes there.
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid > 2 ** 31 - 1) return undefined;
  // A number with an exponent may be infinite.
  if (!Number.isSafeInteger(startTicks) || startTicks < 0) return undefined;
  return { pid, startTicks, bootId, pidNamespace };
}
