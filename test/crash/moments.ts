/**
 * Every moment of the workload, by number, and which of them a run looks at.
 *
 * **Invariant:** the workload has the same moments each time (a test holds that), so a number always means the same one.
 */
import { type CrashMode, crashModes } from '../support/crash-persona.js';
import { MemoryFileSystem, type MemoryOperation, PowerLoss } from '../support/memory-file-system.js';
import { isDeep } from '../support/tier.js';
import { atEachMoment, type DiskLife, live } from './disk-life.js';
import { Journal } from './journal.js';
import { Phases } from './phases.js';

const { VARVE_MOMENT } = process.env;

/** Whether everything is done at each moment that is looked at. */
export const isThorough = isDeep || VARVE_MOMENT !== undefined;

/** A moment. */
export interface Moment {
  readonly number: number;
  /** In words. */
  readonly what: string;
  /** The parts of the workload and kinds of step that it is a moment of. */
  readonly names: readonly string[];
}

/** A disk after a loss of power, with what may be on it. */
export interface Left {
  readonly disk: MemoryFileSystem;
  readonly journal: Journal;
  readonly moment: Moment;
  /** The process killed: everything is left, as the system has it in memory. */
  readonly mode: CrashMode | 'killed';
}

function momentOf(number: number, operation: MemoryOperation | undefined, phases: Phases): Moment {
  const what = operation === undefined ? 'an acknowledgement' : `${operation.kind} ${operation.path}`;
  return { number, what: `${what} in ${phases.part}`, names: phases.namesOf(operation) };
}

/** All moments of a life without a loss. */
export async function allMoments(life: DiskLife = {}): Promise<Moment[]> {
  const disk = new MemoryFileSystem();
  const journal = new Journal();
  const phases = new Phases();
  const moments: Moment[] = [];
  atEachMoment(disk, journal, (number, operation) => moments.push(momentOf(number, operation, phases)));
  await live(disk, journal, { ...life, phases });
  return moments;
}

/** In a thorough run all of them; else some, at least one of each name. VARVE_MOMENT: that one. */
export function chosen(moments: readonly Moment[], fewest: number): Moment[] {
  if (VARVE_MOMENT !== undefined) return moments.filter(({ number }) => number === Number(VARVE_MOMENT));
  if (isThorough) return [...moments];
  const byName = new Map<string, Moment[]>();
  for (const moment of moments) for (const name of moment.names) byName.set(name, [...(byName.get(name) ?? []), moment]);
  const some = new Set<Moment>();
  // One in the middle of each: its first and last operations are the borders that everybody thinks of.
  for (const each of byName.values()) if (!each.some((moment) => some.has(moment))) some.add(each[each.length >> 1] as Moment);
  for (let i = 0; some.size < fewest; i++) some.add(moments[Math.floor((i * moments.length) / fewest)] as Moment);
  return [...some].sort((one, other) => one.number - other.number);
}

/** What a loss of power at each of the moments leaves on each of the disks, and what a kill of the process leaves. */
export async function lossesAt(
  moments: readonly Moment[],
  modesOf: (moment: Moment) => readonly CrashMode[],
  life: DiskLife = {},
): Promise<Left[]> {
  const disk = new MemoryFileSystem();
  const journal = new Journal();
  const wanted = new Map(moments.map((moment) => [moment.number, moment]));
  const last = Math.max(...wanted.keys());
  const left: Left[] = [];
  atEachMoment(disk, journal, (number, operation) => {
    if (number > last && operation !== undefined) throw new PowerLoss();
    const moment = wanted.get(number);
    if (moment === undefined) return;
    const common = { journal: journal.copy(), moment };
    for (const mode of modesOf(moment))
      left.push({ ...common, disk: disk.crash(number * 7919 + crashModes.indexOf(mode), mode), mode });
    left.push({ ...common, disk: disk.clone(), mode: 'killed' });
  });
  await live(disk, journal, life);
  return left;
}
