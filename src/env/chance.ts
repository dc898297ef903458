/**
 * Bytes that nobody can foresee: ids of new databases, and names that no other process takes. The one place where chance comes in.
 */
import { randomBytes } from 'node:crypto';

/** That many random bytes, in memory of their own. */
export function unforeseenBytes(lengthBytes: number): Uint8Array {
  return new Uint8Array(randomBytes(lengthBytes));
}

/** Twelve hexadecimal digits, which nobody else comes upon. */
export function unforeseenName(): string {
  return randomBytes(6).toString('hex');
}
