/**
 * A version while edits are applied to it: each at the cost of what it touches, however many tables there are.
 *
 *   version ─▶ apply(edit) ─▶ apply(edit) ─▶ … ─▶ build() ─▶ version
 *                  └ a sentence, where the edit does not fit: the builder is of no use any more
 *
 * How an edit is applied: version-edit.ts. A run knows its place without a list of its level: runs that a later edit added stand in
 * front of those of an earlier one, and those of one edit in the order in which it gives them.
 *
 * **Invariants:**
 * 1. `apply` looks at the tables and runs that the edit names, and at no other.
 * 2. What an edit adds is sound by itself, what it removes is there, and no number or id occurs twice. How the tables of a run
 *    and the runs of a level lie to each other is looked at once, by `build`.
 * 3. No argument is changed; `build` shares the runs that no edit has touched.
 */
import { assert } from '../errors.js';
import { compareKeys } from '../format/bytes.js';
import { levelCount } from '../limits.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import { checkRun, checkTable, checkVersion, type Run, type Version } from './version.js';
import type { AddedRun, VersionEdit } from './version-edit.js';

interface WorkingRun {
  readonly id: number;
  readonly level: number;
  /** The edit that added it, counted from 1; 0 for a run that was there. */
  readonly edit: number;
  /** Its place among those that came with it. */
  readonly place: number;
  readonly tables: Map<number, TableMetadata>;
  /** The run as it came, as long as nothing in it has changed. */
  unchanged: Run | undefined;
}

/** Applies edits to one version, one after the other. */
export class VersionBuilder {
  private readonly runs = new Map<number, WorkingRun>();
  /** The run of each table, by file number. */
  private readonly runOf = new Map<number, WorkingRun>();
  private editCount = 0;

  constructor(version: Version) {
    version.levels.forEach((level, index) => {
      level.runs.forEach((run, place) => {
        const problem = this.insert(run, index, place);
        assert(problem === undefined, 'a version is sound');
      });
    });
  }

  /** Applies an edit that may be wrong (it came from a file): undefined, or what is wrong with it in words. */
  apply(edit: VersionEdit): string | undefined {
    this.editCount++;
    const emptied = new Set<WorkingRun>();
    for (const fileNumber of edit.removedTables) {
      const run = this.runOf.get(fileNumber);
      if (run === undefined) return `table ${fileNumber} is removed, and is not there, or no more`;
      this.runOf.delete(fileNumber);
      run.tables.delete(fileNumber);
      run.unchanged = undefined;
      if (run.tables.size === 0) emptied.add(run);
    }
    for (let place = 0; place < edit.addedRuns.length; place++) {
      const problem = this.add(edit.addedRuns[place] as AddedRun, place);
      if (problem !== undefined) return problem;
    }
    // A run whose id another one took in this edit is no longer found under it.
    for (const run of emptied) if (run.tables.size === 0 && this.runs.get(run.id) === run) this.runs.delete(run.id);
    return undefined;
  }

  /** The version after all edits, or the first invariant of a version that it breaks, in words. */
  build(): Version | string {
    const levels = Array.from({ length: levelCount }, () => ({ runs: [] as Run[] }));
    const ordered = [...this.runs.values()].sort((a, b) => b.edit - a.edit || a.place - b.place);
    for (const run of ordered) levels[run.level]?.runs.push(run.unchanged ?? sortedRun(run));
    const version: Version = { levels };
    return checkVersion(version) ?? version;
  }

  private add({ level, runId, tables }: AddedRun, place: number): string | undefined {
    if (level >= levelCount) return `a run is added to level ${level}`;
    if (tables.length === 0) return `run ${runId} is added without tables`;
    const known = this.runs.get(runId);
    if (known === undefined || (known.level !== level && known.tables.size === 0)) {
      const run = { id: runId, tables };
      return checkRun(run) ?? this.insert(run, level, place);
    }
    if (known.level !== level || known.edit === this.editCount) return `run ${runId} occurs twice`;
    known.unchanged = undefined;
    for (const table of tables) {
      const problem = checkTable(table) ?? this.putInto(known, table);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  private insert(run: Run, level: number, place: number): string | undefined {
    const working = { id: run.id, level, edit: this.editCount, place, tables: new Map(), unchanged: run };
    this.runs.set(run.id, working);
    for (const table of run.tables) {
      const problem = this.putInto(working, table);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  private putInto(run: WorkingRun, table: TableMetadata): string | undefined {
    if (this.runOf.has(table.fileNumber)) return `table ${table.fileNumber} occurs twice`;
    this.runOf.set(table.fileNumber, run);
    run.tables.set(table.fileNumber, table);
    return undefined;
  }
}

function sortedRun({ id, tables }: WorkingRun): Run {
  return { id, tables: [...tables.values()].sort((a, b) => compareKeys(a.smallestKey, b.smallestKey)) };
}

/** The version after an edit that may be wrong: the version, or what is wrong in words. Linear in the number of tables. */
export function tryApplyEdit(version: Version, edit: VersionEdit): Version | string {
  // Most edits only raise counters.
  if (edit.removedTables.length === 0 && edit.addedRuns.length === 0) return version;
  const builder = new VersionBuilder(version);
  return builder.apply(edit) ?? builder.build();
}

/** The version after an edit of our own making; a wrong one throws VARVE_ASSERTION. */
export function applyEdit(version: Version, edit: VersionEdit): Version {
  const result = tryApplyEdit(version, edit);
  assert(typeof result !== 'string', typeof result === 'string' ? result : 'the edit is sound');
  return result;
}
