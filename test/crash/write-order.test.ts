/**
 * What must be durable before what, read off the operations of a whole life: the rules that the crash tests try out at chosen moments
 * hold at all of them. That a rule can be broken is shown by a trace in which its barriers are left out.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../src/api.js';
import type { Journal } from './journal.js';
import type { Life } from './later-lives.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { type TraceEvent, traceOf } from './trace.js';
import { acknowledgementRule, breaches, rules } from './write-order.js';

/** A life in which nothing is under way when something is acknowledged: rotation, flush, defrag, close, and another opening. */
const patientLives: readonly Life[] = [0, 1].map((life) => ({
  steps: [
    {
      name: 'commits, one after the other',
      run: async (backend: Backend, journal: Journal) => {
        for (let round = 0; round < 12; round++) {
          journal.update(backend, (section) => {
            section.create('a');
            section.puts('a', round * 7 + life, 25, 150);
          });
          await journal.durable(() => backend.batchTx().commit());
          await turnsOfTheLoop(3);
        }
        await journal.durable(() => backend.defrag());
      },
    },
  ],
}));

let whole: TraceEvent[] = [];
let patient: TraceEvent[] = [];

beforeAll(async () => {
  whole = await traceOf({});
  patient = await traceOf({ lives: patientLives });
});

/** The trace without what makes it right. */
function without(trace: readonly TraceEvent[], isBarrier: (event: TraceEvent) => boolean): TraceEvent[] {
  return trace.filter((event) => !isBarrier(event));
}

const syncs = ({ kind }: TraceEvent): boolean => kind === 'sync';
const directorySyncs = ({ kind }: TraceEvent): boolean => kind === 'syncDirectory';
const edits = ({ kind, path }: TraceEvent): boolean => kind === 'sync' && path.includes('MANIFEST');

/** Of each rule, barriers whose loss breaks it. */
const barriers: Readonly<Record<keyof typeof rules, readonly ((event: TraceEvent) => boolean)[]>> = {
  'a manifest names a table only when the table and its name are durable': [syncs, directorySyncs],
  'a log is removed only when a durable manifest needs it no more': [edits],
  'a table is removed only when no durable manifest names it': [],
  'a manifest is removed only when CURRENT durably names another one': [],
  'CURRENT is replaced only by whole bytes, and names a manifest that is durable with its name': [syncs, directorySyncs, edits],
  'a log is created only when the one before it is synced': [syncs],
  'a manifest names the newest log only when the name of the log is durable': [directorySyncs],
  'a file is made only in a directory whose own name is durable': [directorySyncs],
  'a table is not written to once a manifest names it': [],
  'a copy takes its place only when all in it is durable': [syncs, directorySyncs],
  'CURRENT comes to a copy in a directory that was there only when the other files are durable': [directorySyncs],
};

describe('in a whole life', () => {
  test.each(Object.entries(rules))('%s', (_name, rule) => {
    expect(whole.length).toBeGreaterThan(500);
    expect(breaches(whole, rule)).toEqual([]);
    expect(breaches(patient, rule)).toEqual([]);
  });

  test.each(Object.entries(acknowledgementRule))('%s', (_name, rule) => {
    expect(patient.filter(({ kind }) => kind === 'acknowledged').length).toBeGreaterThan(20);
    expect(breaches(patient, rule)).toEqual([]);
  });
});

describe('a rule sees what is left out', () => {
  const cases = Object.entries(rules).flatMap(([name, rule]) =>
    barriers[name as keyof typeof rules].map((barrier, i) => ({ name, rule, barrier, i })),
  );

  test.each(cases)('$name (barrier $i)', ({ rule, barrier }) => {
    expect(breaches(without(whole, barrier), rule)).not.toEqual([]);
  });

  test.each([syncs, directorySyncs])(
    'a commit is acknowledged only when its logs are durable with their names (barrier %#)',
    (barrier) => {
      for (const rule of Object.values(acknowledgementRule)) expect(breaches(without(patient, barrier), rule)).not.toEqual([]);
    },
  );

  test('a table or manifest that is removed while it is named, a table that is written to', () => {
    const named = whole.findIndex(({ kind, says }) => kind === 'write' && (says?.tables.size ?? 0) > 0);
    const { path = '', says } = whole[named] ?? {};
    const directory = path.slice(0, path.lastIndexOf('/'));
    const table = `${directory}/${String([...(says?.tables ?? [])][0]).padStart(6, '0')}.sst`;
    const upTo = whole.slice(0, named + 1);
    const synced: TraceEvent[] = [...upTo, { kind: 'sync', path }];
    expect(
      breaches([...synced, { kind: 'unlink', path: table }], rules['a table is removed only when no durable manifest names it']),
    ).toHaveLength(1);
    expect(
      breaches([...synced, { kind: 'write', path: table }], rules['a table is not written to once a manifest names it']),
    ).toHaveLength(1);
    const rule = rules['a manifest is removed only when CURRENT durably names another one'];
    expect(breaches([...synced, { kind: 'unlink', path }], rule)).toHaveLength(1);
  });
});
