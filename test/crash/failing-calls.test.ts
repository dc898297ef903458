/**
 * The n-th call of one kind fails, once or from then on for ever, as a full disk or a broken one makes it fail. Errors are ours and have
 * the right code, nothing hangs, reads go on, and after reopening everything that was acknowledged is there.
 *
 * VARVE_CRASH=all takes every call as the one that fails, instead of every so many.
 */
import { describe, expect, test } from 'vitest';
import type { Backend, BackendStats } from '../../src/api.js';
import { VarveError, type VarveErrorCode } from '../../src/errors.js';
import {
  MemoryFileSystem,
  type MemoryOperation,
  type OperationKind,
  operationKinds,
  systemFailure,
} from '../support/memory-file-system.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { fingerprint, Journal, shownBy } from './journal.js';
import { lives, openDatabase, path, type Step } from './workload.js';

const { VARVE_CRASH } = process.env;

/** Calls of one kind that fail in a quick run, each in every way. */
const callsSampled = 6;

/** Which calls fail. */
interface Failure {
  readonly kind: OperationKind;
  readonly at: number;
  readonly code: 'EIO' | 'ENOSPC';
  readonly forEver: boolean;
}

/** What files a failing call was about. */
type Place = 'log' | 'manifest' | 'table' | 'other';

function placeOf({ path: file, target }: MemoryOperation): Place {
  if (file.endsWith('.log')) return 'log';
  if (file.includes('MANIFEST-') || target !== undefined) return 'manifest';
  return file.endsWith('.tmp') || file === path || !file.startsWith(path) || file.endsWith('LOCK') ? 'other' : 'table';
}

/** A call that rejected or threw. */
interface Rejection {
  readonly code: VarveErrorCode;
  /** Code of the error beneath, where it is one of ours. */
  readonly beneath: VarveErrorCode | undefined;
  /** The step that met it. */
  readonly during: string;
  readonly hidesFirst: boolean;
}

/** What was seen of one run, in order. */
class Outcome {
  /** Where calls failed, in order. */
  readonly places: Place[] = [];
  readonly rejections: Rejection[] = [];
  isPoisoned = false;
  openFailed = false;
  backgroundFailures = 0;

  reject(error: VarveError, during: string, hidesFirst = false): void {
    const beneath = error.cause instanceof VarveError ? error.cause.code : undefined;
    this.rejections.push({ code: error.code, beneath, during, hidesFirst });
  }
}

/** What a call gives up with must be an error of ours, and no defect. */
function ours(error: unknown, where: string): VarveError {
  if (!(error instanceof VarveError)) throw error;
  expect(['VARVE_IO', 'VARVE_NO_SPACE', 'VARVE_POISONED'], `${where}: ${error.message}`).toContain(error.code);
  return error;
}

/** Makes calls fail as `failure` says. A write that fails has written half of something. */
function failCalls(fileSystem: MemoryFileSystem, failure: Failure, places: Place[]): void {
  let calls = 0;
  let isInside = false;
  fileSystem.onOperation = (operation) => {
    if (isInside || operation.kind !== failure.kind) return;
    const call = calls++;
    if (call !== failure.at && !(failure.forEver && call > failure.at)) return;
    places.push(placeOf(operation));
    if (operation.kind === 'write') {
      isInside = true;
      const file = fileSystem.open(operation.path, 'modify');
      file.write([new Uint8Array((operation.sizeBytes ?? 0) >> 1).fill(0x5a)], operation.position ?? 0);
      file.close();
      isInside = false;
    }
    throw systemFailure(failure.code, operation.path);
  };
}

/** Reads go on whatever failed. Where a commit failed every further one is refused. */
async function probe(backend: Backend, journal: Journal, outcome: Outcome, where: string): Promise<void> {
  expect(fingerprint(shownBy(backend.readTx())), `${where}: what readers see`).toBe(fingerprint(journal.visible));
  const error = await journal
    .durable(() => backend.forceCommit())
    .then(
      () => undefined,
      (reason: unknown) => ours(reason, where),
    );
  if (outcome.isPoisoned) expect(error?.code, `${where}: the error of a commit after one that failed`).toBe('VARVE_POISONED');
  if (error?.code === 'VARVE_POISONED') outcome.isPoisoned = true;
  else if (error !== undefined) outcome.reject(error, 'a commit that nobody needed');
}

/** One backend from open to close; every step is begun, whatever became of those before. */
async function liveOnce(
  fileSystem: MemoryFileSystem,
  steps: readonly Step[],
  journal: Journal,
  outcome: Outcome,
  where: string,
): Promise<void> {
  let backend: Backend;
  try {
    backend = await openDatabase(fileSystem);
  } catch (error) {
    outcome.reject(ours(error, where), 'open');
    outcome.openFailed = true;
    expect(fileSystem.openHandles, `${where}: handles after an open that failed`).toBe(0);
    return;
  }
  for (const step of steps) {
    try {
      await step.run(backend, journal);
    } catch (error) {
      outcome.reject(ours(error, `${where}, ${step.name}`), step.name, step.hidesFirst);
    }
    await probe(backend, journal, outcome, `${where}, after ${step.name}`);
  }
  await turnsOfTheLoop(40);
  const stats: BackendStats & { backgroundFailures?: number } = backend.stats();
  outcome.backgroundFailures += stats.backgroundFailures ?? 0;
  try {
    await journal.durable(() => backend.close());
  } catch (error) {
    outcome.reject(ours(error, `${where}, close`), 'close');
  }
  expect(fileSystem.openHandles, `${where}: handles after close`).toBe(0);
}

/** What may be said of every run by what failed in it. */
function expectRules(failure: Failure, outcome: Outcome, where: string): void {
  const { places, rejections, isPoisoned, openFailed, backgroundFailures } = outcome;
  const direct = failure.code === 'ENOSPC' ? 'VARVE_NO_SPACE' : 'VARVE_IO';
  for (const { code } of rejections) expect([direct, 'VARVE_POISONED'], where).toContain(code);
  const isWriting = failure.kind === 'create' || failure.kind === 'write' || failure.kind === 'sync';
  if (failure.kind === 'unlink') expect(rejections, `${where}: a file that cannot be removed is nobody's failure`).toEqual([]);
  if (openFailed || !isWriting) return;
  if (places[0] === 'log') {
    // Where no commit met the failure, the next one is told of it.
    const [first] = rejections;
    const isTold = first?.hidesFirst === true && first.code === 'VARVE_POISONED';
    expect(isTold ? first.beneath : first?.code, `${where}: the commit that met the failure`).toBe(direct);
    const isRefused = isPoisoned || rejections.some(({ code }) => code === 'VARVE_POISONED');
    expect(isRefused || first?.during === 'close', `${where}: poisoned`).toBe(true);
  }
  if (places[0] === 'table') {
    expect(backgroundFailures, `${where}: failures are counted`).toBeGreaterThan(0);
    if (!places.includes('log') && !places.includes('manifest')) expect(isPoisoned, `${where}: poisoned`).toBe(false);
    if (!failure.forEver) for (const { during } of rejections) expect(during, where).toBe('defrag over writes');
  }
}

/** Opens again without failures, after a restart of the process and after a loss of power: both must show a prefix. */
async function expectPrefix(fileSystem: MemoryFileSystem, journal: Journal, where: string): Promise<void> {
  fileSystem.onOperation = undefined;
  const images: [string, MemoryFileSystem][] = [
    ['restarted', fileSystem.clone()],
    ['without what was not synced', fileSystem.crash(1, 'dropUnsynced')],
    ['with some of what was not synced', fileSystem.crash(2, 'keepRandom')],
  ];
  for (const [how, image] of images) {
    const backend = await openDatabase(image).catch((error: unknown) => expect.fail(`${where}, ${how}: ${String(error)}`));
    const complaint = journal.complaintAbout(shownBy(backend.readTx()));
    if (complaint !== undefined) expect.fail(`${where}, ${how}: ${complaint}`);
    await backend.close();
    expect(image.openHandles, `${where}, ${how}: handles`).toBe(0);
  }
}

async function runWith(failure: Failure): Promise<void> {
  const where = `${failure.kind} ${failure.at} fails with ${failure.code} ${failure.forEver ? 'for ever' : 'once'}`;
  const fileSystem = new MemoryFileSystem();
  const journal = new Journal();
  const outcome = new Outcome();
  failCalls(fileSystem, failure, outcome.places);
  for (const steps of lives) {
    await liveOnce(fileSystem, steps, journal, outcome, where);
    if (outcome.isPoisoned || outcome.openFailed) break;
    // A close that failed took back what it could not commit.
    if (outcome.rejections.some(({ during }) => during === 'close')) break;
  }
  expectRules(failure, outcome, where);
  await expectPrefix(fileSystem, journal, where);
}

/** How many calls of each kind the workload makes. */
async function countCalls(): Promise<Record<OperationKind, number>> {
  const fileSystem = new MemoryFileSystem();
  const journal = new Journal();
  for (const steps of lives) await liveOnce(fileSystem, steps, journal, new Outcome(), 'without a failure');
  return fileSystem.counts;
}

describe('a call that fails', () => {
  test.each(operationKinds.filter((kind) => kind !== 'truncate' && kind !== 'removeDirectory'))(
    '%s: errors are ours and name the cause, nothing hangs, reads go on, and what was acknowledged is there after reopening',
    async (kind) => {
      const count = (await countCalls())[kind];
      expect(count).toBeGreaterThan(0);
      const step = VARVE_CRASH === 'all' ? 1 : Math.max(1, count / callsSampled);
      for (let at = 0; at < count; at += step) {
        const ways = [['EIO', false], ['ENOSPC', true], ...(VARVE_CRASH === 'all' ? ([['EIO', true]] as const) : [])] as const;
        for (const [code, forEver] of ways) await runWith({ kind, at: Math.floor(at), code, forEver });
      }
    },
    900_000,
  );
});
