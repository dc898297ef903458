/**
 * The line in LOCK was taken for that of an owner where the number for its start was infinite, negative or a fraction: such an owner
 * passes for gone, whatever its process does, and does not encode to the same line again.
 */
import { expect, test } from 'vitest';
import { decodeLockOwner } from '../../src/env/lock-owner.js';

test.each(['1e999', '-1', '0.5', '9007199254740993'])('a line with the start %s is none', (startTicks) => {
  const line = `{"pid":4711,"startTicks":${startTicks},"bootId":"unknown","pidNamespace":"0"}`;
  expect(decodeLockOwner(Buffer.from(line))).toBeUndefined();
});
