/**
 * The kernel's lock on an open file: an open file description lock on Linux, by way of an optional library.
 *
 * | the file system knows such locks           | true; false where another descriptor holds one that excludes it |
 * | it knows none, or the library is not there | undefined: claims take its place (claim-lock.ts)                |
 *
 * **Invariants:**
 * 1. The lock belongs to the descriptor, until that is closed: no other descriptor of the same file gives it back, and the end of the
 *    process does, however it ends.
 * 2. Taking it never waits.
 * 3. The library is looked for once a thread, at the first use. Whatever keeps it from being loaded: no lock is to be had, and that is
 *    no error.
 */
import { createRequire } from 'node:module';
import { ioError } from './io-error.js';
import type { FileHandle } from './file-system.js';

/** The part of fs-native-extensions that is used. False: another descriptor holds the lock. */
interface KernelLocks {
  tryLock(descriptor: number, options: { shared: boolean }): boolean;
}

let kernelLocks: KernelLocks | 'absent' | undefined;

function isKernelLocks(value: unknown): value is KernelLocks {
  return typeof value === 'object' && value !== null && 'tryLock' in value && typeof value.tryLock === 'function';
}

/** The library, loaded at the first use; undefined where it is not installed or has no binary for this system. */
function loadKernelLocks(): KernelLocks | undefined {
  if (kernelLocks === undefined) {
    kernelLocks = 'absent';
    try {
      const loaded: unknown = createRequire(import.meta.url)('fs-native-extensions');
      if (isKernelLocks(loaded)) kernelLocks = loaded;
    } catch {
      // An optional dependency: without it claims take the place of the kernel's lock.
    }
  }
  return kernelLocks === 'absent' ? undefined : kernelLocks;
}

/** Codes of a file system that knows no such locks, as against one that refuses this lock. */
const unsupportedCodes = ['EINVAL', 'ENOLCK', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'];

/** Whether the kernel gave the lock, `shared` or not; undefined where it has none to give. VARVE_IO where it fails for another reason. */
export function tryKernelLock(file: FileHandle, shared: boolean): boolean | undefined {
  const library = loadKernelLocks();
  if (library === undefined) return undefined;
  try {
    return library.tryLock(file.descriptor, { shared });
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
    if (typeof code === 'string' && unsupportedCodes.includes(code)) return undefined;
    throw ioError('lock', file.path, error);
  }
}
