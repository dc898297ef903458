/**
 * The lock of a directory where the kernel's locks cannot be had: every contender puts down a claim, an empty file whose
 * name says which process made it, and then looks for claims of others.
 *
 * ```
 *  LOCK-<pid>-<start ticks>-<pid namespace>-<boot id>
 *
 *  create own claim ─▶ list ─▶ no claim of a living process beside it ─────────────────────▶ owner
 *                        ▲  └▶ one with a smaller name, or one that stays ▶ remove own claim ▶ VARVE_LOCKED
 *                        └──── a few times more, where all others have greater names
 * ```
 *
 * **Invariants:**
 * 1. Of two contenders the later one to create its claim sees the claim of the other, so at most one becomes owner.
 * 2. A name is never used by a second process: removing the claim of a process that is gone cannot hit a living one.
 *    (One file that is taken over by whoever finds it stale has that gap between looking and taking.)
 * 3. A claim whose process cannot be judged, since it lives in another pid namespace, counts as alive.
 * 4. With one contender left, it wins: of those that meet, the one with the smallest name waits for the others to give up.
 */
import { join } from 'node:path';
import { systemErrorCode, type VarveError } from '../errors.js';
import type { FileSystem } from './file-system.js';
import { bootIdUnknown, type ProcessIdentity, type ProcessState, processState } from './process-identity.js';

/** A claim by somebody else. */
export interface ForeignClaim {
  readonly name: string;
  readonly owner: ProcessIdentity;
  readonly state: ProcessState;
}

const roundsMax = 40;
const roundMs = 5;

/** The name of the claim of a process. */
export function claimName(owner: ProcessIdentity): string {
  return `LOCK-${owner.pid}-${owner.startTicks}-${owner.pidNamespace}-${owner.bootId}`;
}

/** The process that a claim's name stands for, or undefined for a name that is no claim. */
export function parseClaimName(name: string): ProcessIdentity | undefined {
  const match = /^LOCK-(\d{1,15})-(\d{1,15})-(\d{1,20})-([0-9a-f-]{8,64}|unknown)$/.exec(name);
  if (match === null) return undefined;
  const owner = {
    pid: Number(match[1]),
    startTicks: Number(match[2]),
    pidNamespace: match[3] ?? '0',
    bootId: match[4] ?? bootIdUnknown,
  };
  return owner.pid > 0 && claimName(owner) === name ? owner : undefined;
}

/** All claims in the directory but that of `self`. Writes nothing. */
export function listClaims(fileSystem: FileSystem, directory: string, self: ProcessIdentity): ForeignClaim[] {
  const claims: ForeignClaim[] = [];
  for (const name of fileSystem.list(directory)) {
    const owner = parseClaimName(name);
    if (owner !== undefined && name !== claimName(self)) claims.push({ name, owner, state: processState(owner, self) });
  }
  return claims;
}

function removeIfThere(fileSystem: FileSystem, path: string): void {
  try {
    fileSystem.unlink(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}

/** Waits, without the event loop: taking the lock is one synchronous step. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, roundMs);
}

/** The first claim of others that stands in the way; claims of processes that are gone are removed. */
function standingClaim(fileSystem: FileSystem, directory: string, self: ProcessIdentity): ForeignClaim | undefined {
  const own = claimName(self);
  for (let round = 0; ; round++) {
    let smallest: ForeignClaim | undefined;
    for (const claim of listClaims(fileSystem, directory, self)) {
      if (claim.state === 'gone') removeIfThere(fileSystem, join(directory, claim.name));
      else if (smallest === undefined || claim.name < smallest.name) smallest = claim;
    }
    if (smallest === undefined || smallest.name < own || round === roundsMax) return smallest;
    pause();
  }
}

/**
 * Claims the directory for `self`; returns what gives it back. `refuse` makes the VARVE_LOCKED error for the process in the way.
 * Also where this process has a claim already (another thread), that error is thrown.
 */
export function takeClaim(
  fileSystem: FileSystem,
  directory: string,
  self: ProcessIdentity,
  refuse: (owner: ProcessIdentity) => VarveError,
): () => void {
  const path = join(directory, claimName(self));
  try {
    fileSystem.open(path, 'create').close();
  } catch (error) {
    throw systemErrorCode(error) === 'EEXIST' ? refuse(self) : error;
  }
  const remove = (): void => removeIfThere(fileSystem, path);
  try {
    const claim = standingClaim(fileSystem, directory, self);
    if (claim !== undefined) throw refuse(claim.owner);
  } catch (error) {
    remove();
    throw error;
  }
  return remove;
}
