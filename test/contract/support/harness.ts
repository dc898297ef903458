/**
 * What every contract test starts from: a directory of its own, backends that are closed afterwards, and errors told by
 * their code. The tests know the library by its public names alone.
 *
 * **Invariants**
 * 1. Whatever a test opens through here is closed, and whatever directory it gets is removed, the last first, when the test ends.
 * 2. A backend opened without further options commits only when it is told to: its interval is an hour, its limit out of reach.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backend, type BackendConfig, openBackend, VarveError, type VarveErrorCode } from 'varve';
import { expect, onTestFinished } from 'vitest';

/** An interval at which nothing commits while a test runs. */
export const hourMs = 3_600_000;

/** A fresh directory, removed when the test ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'varve-contract-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A path below a fresh directory at which nothing is yet. */
export function freshPath(): string {
  return join(temporaryDirectory(), 'db');
}

/** Closes the backend when the test ends; closing it before that is fine. */
export function closeLater(backend: Backend): Backend {
  onTestFinished(() => backend.close());
  return backend;
}

/** Opens a backend that commits only when told to, in a fresh directory where no path is given; the end of the test closes it. */
export async function open(config: Partial<BackendConfig> = {}): Promise<Backend> {
  const path = config.path ?? freshPath();
  return closeLater(await openBackend({ batchIntervalMs: hourMs, batchLimit: 1_000_000_000, ...config, path }));
}

function expectVarveError(error: unknown, code: VarveErrorCode): VarveError {
  expect(error).toBeInstanceOf(VarveError);
  if (!(error instanceof VarveError)) throw error;
  expect(error.code, error.message).toBe(code);
  expect(error.message).not.toBe('');
  return error;
}

/** Expects the call itself to throw a VarveError of this code, and returns it. */
export function expectCode(run: () => unknown, code: VarveErrorCode): VarveError {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    return expectVarveError(error, code);
  }
  return expect.fail(`expected ${code}, but the call returned ${String(result)}`);
}

/** Expects the promise of a call to reject with a VarveError of this code, and returns it. */
export async function expectRejection(run: () => Promise<unknown>, code: VarveErrorCode): Promise<VarveError> {
  let result: unknown;
  try {
    result = await run();
  } catch (error) {
    return expectVarveError(error, code);
  }
  return expect.fail(`expected ${code}, but the call resolved with ${String(result)}`);
}

/** What a call throws, whatever it is; fails where it throws nothing. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return expect.fail('expected a throw');
}

/** What a promise rejects with, whatever it is; fails where it resolves. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return expect.fail('expected a rejection');
}

/** Lets the event loop turn until the condition holds. No sleep: it ends as soon as it may, and fails where it never does. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, limitMs = 20_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) expect.fail(`waited ${limitMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Lets everything that is ready to run run: turns of the event loop, not time. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
