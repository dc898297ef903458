/**
 * The n-th call of one kind fails, once or from then on for ever, as a full disk, a broken one or a limit of the process makes it fail.
 * Errors are ours and have the right code, nothing hangs, reads go on, and after reopening everything that was acknowledged is there.
 *
 * The quick tier takes some calls of each kind; the deep one takes every call, and of reads as many as its minutes allow.
 * VARVE_CALL=kind:number:code:duration runs a single one again; that is how a failure is named.
 */
import { describe, expect, test } from 'vitest';
import { type CallKind, callKinds } from '../support/failing-file-system.js';
import { byTier, deepSearch, isDeep, report, seedOf } from '../support/tier.js';
import { seededRandom } from '../support/memory-file-system.js';
import { countCalls, type Duration, type Failure, failureName, runWith, type SystemCode } from './failing-run.js';

const { VARVE_CALL } = process.env;

/** Calls of one kind that fail in a quick run, each in one way. */
const callsSampled = 3;

/** What calls of each kind may fail with. */
const codesOf: Readonly<Record<CallKind, readonly SystemCode[]>> = {
  openToRead: ['EMFILE', 'EIO'],
  openToModify: ['EMFILE', 'EIO'],
  create: ['EMFILE', 'ENOSPC', 'EIO'],
  status: ['EIO'],
  list: ['EMFILE', 'EIO'],
  sizeBytes: ['EIO'],
  read: ['EIO'],
  write: ['ENOSPC', 'EIO'],
  sync: ['EIO', 'ENOSPC'],
  truncate: ['EIO'],
  rename: ['EIO', 'ENOSPC'],
  unlink: ['EIO'],
  makeDirectory: ['EIO', 'ENOSPC', 'EMFILE'],
  removeDirectory: ['EIO'],
  syncDirectory: ['EIO', 'EMFILE'],
};

/** Whether the workload makes calls of the kind; a directory is removed only where making another one failed. */
const isMade = (kind: CallKind): boolean => kind !== 'removeDirectory';

function waysOf(kind: CallKind): [SystemCode, Duration][] {
  const codes = codesOf[kind];
  const durations: Duration[] = ['once', 'forEver'];
  const ways = durations.flatMap((duration) => codes.map((code): [SystemCode, Duration] => [code, duration]));
  return [...ways, [codes[0] as SystemCode, 'undoing']];
}

/** The failures of one kind in this tier, in the order in which they are tried. */
function failuresOf(kind: CallKind, count: number): Failure[] {
  const ways = waysOf(kind);
  if (isDeep) {
    return ways.flatMap(([code, duration]) => Array.from({ length: count }, (_, at) => ({ kind, at, code, duration })));
  }
  const step = Math.max(1, count / callsSampled);
  const calls = Array.from({ length: Math.min(count, callsSampled) }, (_, sample) => Math.floor(sample * step));
  return calls.map((at, sample) => {
    const [code, duration] = ways[sample % ways.length] as [SystemCode, Duration];
    return { kind, at, code, duration };
  });
}

function parseFailure(text: string): Failure {
  const [kind, at, code, duration] = text.split(':');
  return { kind: kind as CallKind, at: Number(at), code: code as SystemCode, duration: duration as Duration };
}

/** Runs failures one after the other; returns how many calls failed in them, and how often a database was opened. */
async function runAll(
  failures: readonly Failure[],
  goesOn: () => boolean,
): Promise<{ runs: number; faults: number; opens: number }> {
  const sum = { runs: 0, faults: 0, opens: 0 };
  for (const failure of failures) {
    if (!goesOn()) break;
    const { places, reopenings } = await runWith(failure);
    sum.runs++;
    sum.faults += places.length;
    sum.opens += reopenings;
  }
  return sum;
}

function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const random = seededRandom(seed);
  return items
    .map((item) => ({ item, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

describe('a call that fails', () => {
  test.each(callKinds.filter(isMade))(
    '%s: errors are ours and name the cause, nothing hangs, reads go on, and what was acknowledged is there after reopening',
    async (kind) => {
      if (VARVE_CALL !== undefined) {
        if (parseFailure(VARVE_CALL).kind === kind) await runWith(parseFailure(VARVE_CALL));
        return;
      }
      const count = (await countCalls())[kind];
      expect(count).toBeGreaterThan(0);
      const all = failuresOf(kind, count);
      // Reads are so many that a deep run takes them in an order of chance, for its minutes.
      const isSearch = isDeep && all.length > 2000;
      const failures = isSearch ? shuffled(all, seedOf(`failing ${kind}`)) : all;
      const { runs, faults, opens } = await runAll(failures, isSearch ? deepSearch() : () => true);
      report(`failing ${kind}`, `${count} calls, ${runs} of ${all.length} failures, ${faults} faults, ${opens} opens`);
      expect(runs, failureName(failures[0] as Failure)).toBeGreaterThan(0);
    },
    byTier(60_000, 3_600_000),
  );
});
