/**
 * What the tests of varve/level start from: directories and databases that are gone when the test ends, and errors told by their code.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DatabaseOptions, VarveLevel } from 'varve/level';
import { expect, onTestFinished } from 'vitest';

/** A fresh directory, removed when the test ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'varve-level-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A path below a fresh directory at which nothing is yet. */
export const freshPath = (): string => join(temporaryDirectory(), 'db');

/** A database that is closed when the test ends. */
export function level<K = string, V = string>(location = freshPath(), options: DatabaseOptions<K, V> = {}): VarveLevel<K, V> {
  const db = new VarveLevel<K, V>(location, options);
  onTestFinished(() => db.close());
  return db;
}

/** An error with a code, as Level gives them. */
export interface CodedError extends Error {
  readonly code: string;
  readonly cause?: CodedError;
}

/** What the promise rejects with, which has that code. */
export async function rejection(promise: Promise<unknown>, code: string): Promise<CodedError> {
  const error = await promise.then(
    (value) => expect.fail(`expected ${code}, but it resolved with ${String(value)}`),
    (reason: unknown) => reason as CodedError,
  );
  expect(error.code, error.message).toBe(code);
  return error;
}
