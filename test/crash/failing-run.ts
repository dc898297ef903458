/**
 * One run of the workload in which calls of the file system fail, and what may be said of it afterwards.
 *
 *   a failure ─▶ every life of the workload, with reads and a commit after each step ─▶ rules ─▶ reopened without failures, three ways
 */
import { expect } from 'vitest';
import type { Backend, BackendStats } from '../../src/api.js';
import { VarveError, type VarveErrorCode } from '../../src/errors.js';
import { type CallKind, FailingFileSystem, type FileCall } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { fingerprint, Journal, shownBy } from './journal.js';
import { lives, openDatabase, path, type Step } from './workload.js';

/** How long calls of one kind fail. `undoing`: once, and whatever cleans up after it fails with EIO from then on. */
export type Duration = 'once' | 'forEver' | 'undoing';

/** What a call fails with. */
export type SystemCode = 'EIO' | 'ENOSPC' | 'EMFILE';

/** Which calls fail. */
export interface Failure {
  readonly kind: CallKind;
  /** Which call of its kind is the first to fail, counted from 0. */
  readonly at: number;
  readonly code: SystemCode;
  readonly duration: Duration;
}

/** What a failing call was about. */
type Place = 'log' | 'manifest' | 'table' | 'other';

/** Calls that take back what a failed one has left. */
const undoingKinds: readonly CallKind[] = ['unlink', 'removeDirectory', 'truncate'];
/** Calls that may poison, where they are about the log, the manifest or their names. */
const poisoningKinds: readonly CallKind[] = ['write', 'sync', 'syncDirectory', 'rename'];

/** A failure in one word, which VARVE_CALL takes. */
export function failureName({ kind, at, code, duration }: Failure): string {
  return `${kind}:${at}:${code}:${duration}`;
}

function placeOf({ path: file, target }: FileCall): Place {
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
export class Outcome {
  /** Where calls failed, in order. */
  readonly places: Place[] = [];
  readonly rejections: Rejection[] = [];
  isPoisoned = false;
  openFailed = false;
  backgroundFailures = 0;
  reopenings = 0;

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

/** Makes calls fail as `failure` says. */
function failCalls(fileSystem: FailingFileSystem, failure: Failure, places: Place[]): void {
  let calls = 0;
  fileSystem.onCall = (call) => {
    if (failure.duration === 'undoing' && places.length > 0 && undoingKinds.includes(call.kind)) {
      throw systemFailure('EIO', call.path);
    }
    if (call.kind !== failure.kind) return;
    const number = calls++;
    if (number !== failure.at && !(failure.duration === 'forEver' && number > failure.at)) return;
    places.push(placeOf(call));
    throw systemFailure(failure.code, call.path);
  };
}

/** What readers show, or the error of a read. */
function lookAt(backend: Backend, where: string): string | VarveError {
  try {
    return fingerprint(shownBy(backend.readTx()));
  } catch (error) {
    const failure = ours(error, `${where}: a read`);
    expect(failure.code, where).not.toBe('VARVE_POISONED');
    return failure;
  }
}

/** Reads go on whatever failed; one that failed itself works when it is tried again. Where a commit failed every further one is refused. */
async function probe(backend: Backend, journal: Journal, failure: Failure, outcome: Outcome, where: string): Promise<void> {
  const failedBefore = outcome.places.length;
  let shown = lookAt(backend, where);
  if (typeof shown !== 'string') {
    expect(outcome.places.length, `${where}: a read fails with a call of its own`).toBeGreaterThan(failedBefore);
    outcome.reject(shown, 'a read');
    shown = lookAt(backend, where);
  }
  const mayFail = failure.duration === 'forEver' && ['read', 'openToRead', 'sizeBytes'].includes(failure.kind);
  if (typeof shown === 'string' || !mayFail) expect(shown, `${where}: what readers see`).toBe(fingerprint(journal.visible));
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

/** Opens, a second time where the first failed. Undefined where both do: then nothing is left open. */
async function openInSpite(
  files: MemoryFileSystem,
  failing: FailingFileSystem,
  outcome: Outcome,
  where: string,
): Promise<Backend | undefined> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      outcome.reopenings++;
      return await openDatabase(failing);
    } catch (error) {
      outcome.reject(ours(error, `${where}, open`), 'open');
      expect(files.openHandles, `${where}: handles after an open that failed`).toBe(0);
    }
  }
  return undefined;
}

/** One backend from open to close; every step is begun, whatever became of those before. */
async function liveOnce(
  files: MemoryFileSystem,
  failing: FailingFileSystem,
  steps: readonly Step[],
  journal: Journal,
  failure: Failure,
  outcome: Outcome,
): Promise<void> {
  const where = failureName(failure);
  const backend = await openInSpite(files, failing, outcome, where);
  if (backend === undefined) {
    outcome.openFailed = true;
    return;
  }
  for (const step of steps) {
    try {
      await step.run(backend, journal);
    } catch (error) {
      outcome.reject(ours(error, `${where}, ${step.name}`), step.name, step.hidesFirst);
    }
    await probe(backend, journal, failure, outcome, `${where}, after ${step.name}`);
  }
  await turnsOfTheLoop(40);
  const stats: BackendStats & { backgroundFailures?: number } = backend.stats();
  outcome.backgroundFailures += stats.backgroundFailures ?? 0;
  try {
    await journal.durable(() => backend.close());
  } catch (error) {
    outcome.reject(ours(error, `${where}, close`), 'close');
  }
  expect(files.openHandles, `${where}: handles after close`).toBe(0);
}

/** What a commit that met a failure of the log is told, and those after it. */
function expectLogRules(failure: Failure, outcome: Outcome, direct: VarveErrorCode, where: string): void {
  const { rejections, isPoisoned } = outcome;
  const [first] = rejections;
  if (failure.kind === 'create') {
    // Nothing was written, so nothing is poisoned. Who is not awaited (a log that is made in place) is not told.
    if (first?.hidesFirst === false) expect(first.code, `${where}: the commit that met the failure`).toBe(direct);
    return;
  }
  // Where no commit met the failure, the next one is told of it.
  const isTold = first?.hidesFirst === true && first.code === 'VARVE_POISONED';
  expect(isTold ? first.beneath : first?.code, `${where}: the commit that met the failure`).toBe(direct);
  const isRefused = isPoisoned || rejections.some(({ code }) => code === 'VARVE_POISONED');
  expect(isRefused || first?.during === 'close', `${where}: poisoned`).toBe(true);
}

/** What may be said of every run by what failed in it. */
function expectRules(failure: Failure, outcome: Outcome, where: string): void {
  const { places, rejections, isPoisoned, openFailed, backgroundFailures } = outcome;
  const direct = failure.code === 'ENOSPC' ? 'VARVE_NO_SPACE' : 'VARVE_IO';
  const isLasting = failure.duration === 'forEver';
  // What cleans up may be the only call that fails where it is asked for: then that is the first error.
  const allowed = failure.duration === 'undoing' ? [direct, 'VARVE_IO', 'VARVE_POISONED'] : [direct, 'VARVE_POISONED'];
  for (const { code } of rejections) expect(allowed, where).toContain(code);
  if (failure.duration === 'undoing' && rejections[0]?.hidesFirst === false) {
    expect([direct, 'VARVE_POISONED'], `${where}: the first error is the one that is told`).toContain(rejections[0].code);
  }
  if (failure.kind === 'unlink') expect(rejections, `${where}: a file that cannot be removed is nobody's failure`).toEqual([]);
  if (!poisoningKinds.includes(failure.kind)) expect(isPoisoned, `${where}: poisoned`).toBe(false);
  if (failure.duration === 'once') expect(openFailed, `${where}: the second attempt to open`).toBe(false);
  const isAtOpen = rejections[0]?.during === 'open';
  if (openFailed || isAtOpen || !['create', 'write', 'sync'].includes(failure.kind)) return;
  if (places[0] === 'log') expectLogRules(failure, outcome, direct, where);
  if (places[0] === 'table') {
    expect(backgroundFailures, `${where}: failures are counted`).toBeGreaterThan(0);
    if (!places.includes('log') && !places.includes('manifest')) expect(isPoisoned, `${where}: poisoned`).toBe(false);
    if (!isLasting) for (const { during } of rejections) expect(during, where).toBe('defrag over writes');
  }
}

/** Opens again without failures, after a restart of the process and after a loss of power: all must show a prefix, and work on. */
async function expectPrefix(files: MemoryFileSystem, journal: Journal, outcome: Outcome, where: string): Promise<void> {
  const images: [string, MemoryFileSystem][] = [
    ['restarted', files.clone()],
    ['without what was not synced', files.crash(1, 'dropUnsynced')],
    ['with some of what was not synced', files.crash(2, 'keepRandom')],
  ];
  for (const [how, image] of images) {
    outcome.reopenings++;
    const backend = await openDatabase(image).catch((error: unknown) => expect.fail(`${where}, ${how}: ${String(error)}`));
    const complaint = journal.complaintAbout(shownBy(backend.readTx()));
    if (complaint !== undefined) expect.fail(`${where}, ${how}: ${complaint}`);
    backend.update((tx) => tx.unsafeCreateBucket('after'));
    await backend.close();
    expect(image.openHandles, `${where}, ${how}: handles`).toBe(0);
  }
}

/** Runs the workload with a failure, and judges it. */
export async function runWith(failure: Failure): Promise<Outcome> {
  const where = failureName(failure);
  const files = new MemoryFileSystem();
  const failing = new FailingFileSystem(files);
  const journal = new Journal();
  const outcome = new Outcome();
  failCalls(failing, failure, outcome.places);
  for (const steps of lives) {
    await liveOnce(files, failing, steps, journal, failure, outcome);
    if (outcome.isPoisoned || outcome.openFailed) break;
    // A close that failed took back what it could not commit.
    if (outcome.rejections.some(({ during }) => during === 'close')) break;
  }
  failing.onCall = undefined;
  expectRules(failure, outcome, where);
  await expectPrefix(files, journal, outcome, where);
  return outcome;
}

/** How many calls of each kind the workload makes. */
export async function countCalls(): Promise<Record<CallKind, number>> {
  const files = new MemoryFileSystem();
  const failing = new FailingFileSystem(files);
  const journal = new Journal();
  const failure: Failure = { kind: 'read', at: -1, code: 'EIO', duration: 'once' };
  for (const steps of lives) await liveOnce(files, failing, steps, journal, failure, new Outcome());
  return failing.counts;
}
