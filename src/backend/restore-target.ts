/**
 * Where a database that is made as a whole comes to be (a snapshot that is restored, a file that is imported): a workplace in which it
 * is written and verified, and the steps from there to the target.
 *
 *   missing     PARENT/restoring-…  ── rename ─▶ TARGET, then the parent is synced
 *   empty       TARGET/restoring/*  ── rename ─▶ TARGET/*, synced; then CURRENT likewise; then the workplace is removed
 *
 * A target that is there is kept: it may be a link, a mount point, the only directory that its owner may write to, and it has a
 * mode and an owner of its own. So nothing beside it is touched, and it is never replaced.
 *
 * Invariants:
 * 1. At no moment is there a database at the target that is not whole and durable: CURRENT comes last, after a sync of the others.
 * 2. `abandon` takes back all that was made, CURRENT first; a target that was there is empty again.
 * 3. Of two that restore into one empty directory one makes the workplace, and the other is refused. Files that came meanwhile are
 *    never replaced.
 * 4. Names that are made up are short, whatever the target is called.
 */
import { invalidArgument, systemErrorCode, VarveError } from '../errors.js';
import { unforeseenName } from '../env/chance.js';
import type { FileSystem } from '../env/file-system.js';
import { joinPath } from '../env/path.js';
import { currentFileName } from '../format/file-names.js';
import { makeDurableDirectory } from '../engine/database-directory.js';

/** Name of the workplace in a target that is there: one name, so that its making tells who came first. */
const workplaceName = 'restoring';

/** A target that is taken. */
export interface RestoreTarget {
  /** An empty directory, for the files of the snapshot and nothing else. */
  readonly workplace: string;
  /** Makes what is in the workplace the database at the target, durably. The files must be synced. */
  publish(): void;
  /** Takes back everything, published or not. Never throws: the error that led here matters more. */
  abandon(): void;
}

/** Steps of taking back, each done whether the one before succeeded or not. */
function undo(steps: readonly (() => void)[]): void {
  for (const step of steps) {
    try {
      step();
    } catch {
      // What is left has a name that says what it is.
    }
  }
}

function removeFilled(files: FileSystem, directory: string): void {
  if (files.status(directory) === undefined) return;
  for (const name of files.list(directory)) files.unlink(joinPath(directory, name));
  files.removeDirectory(directory);
}

/** A target that is missing, and perhaps its parents. */
class NewTarget implements RestoreTarget {
  readonly workplace: string;
  private readonly made: string[] = [];
  private isRenamed = false;

  constructor(
    private readonly files: FileSystem,
    private readonly target: string,
  ) {
    const parent = joinPath(target, '..');
    this.workplace = joinPath(parent, `restoring-${unforeseenName()}`);
    try {
      this.made.push(...makeDurableDirectory(files, parent));
      files.makeDirectory(this.workplace);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  publish(): void {
    this.files.syncDirectory(this.workplace);
    this.files.rename(this.workplace, this.target);
    this.isRenamed = true;
    // Its name is ours to make durable, so a parent that lets us write but not read it refuses us, as it refuses a new database.
    this.files.syncDirectory(joinPath(this.target, '..'));
  }

  abandon(): void {
    const { files, made } = this;
    undo([
      () => removeFilled(files, this.isRenamed ? this.target : this.workplace),
      ...[...made].reverse().map((directory) => () => files.removeDirectory(directory)),
    ]);
  }
}

/** A target that is an empty directory, or a link to one. */
class EmptyTarget implements RestoreTarget {
  readonly workplace: string;
  private readonly moved: string[] = [];

  constructor(
    private readonly files: FileSystem,
    private readonly target: string,
  ) {
    this.workplace = joinPath(target, workplaceName);
    // A caller may have made the directory a moment ago: its name is to be as durable as what comes into it.
    makeDurableDirectory(files, target);
    if (files.makeDirectory(this.workplace).length === 0) throw notEmpty(target, [workplaceName]);
    try {
      this.checkUnshared();
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  publish(): void {
    const { files, target, workplace } = this;
    const names = files.list(workplace).filter((name) => name !== currentFileName);
    files.syncDirectory(workplace);
    this.checkUnshared();
    for (const name of names) this.moveUp(name);
    // Barrier: CURRENT makes a database of the others, so they must be there before it.
    files.syncDirectory(target);
    this.moveUp(currentFileName);
    files.removeDirectory(workplace);
    files.syncDirectory(target);
  }

  abandon(): void {
    const { files, target } = this;
    undo([
      ...[...this.moved].reverse().map((name) => () => files.unlink(joinPath(target, name))),
      () => removeFilled(files, this.workplace),
      () => files.syncDirectory(target),
    ]);
  }

  private moveUp(name: string): void {
    this.files.rename(joinPath(this.workplace, name), joinPath(this.target, name));
    this.moved.push(name);
  }

  private checkUnshared(): void {
    const others = this.files.list(this.target).filter((name) => name !== workplaceName);
    if (others.length > 0) throw notEmpty(this.target, others);
  }
}

function notEmpty(target: string, names: readonly string[]): VarveError {
  const advice = names.includes(workplaceName)
    ? ` (another restore or import is at work there, or one was cut short: then remove ${joinPath(target, workplaceName)} and what lies beside it)`
    : '';
  return invalidArgument(`${target} is not empty${advice}: a database is restored or imported into a new or empty directory`);
}

/** Names in a directory, through a link too; undefined for what is none. */
function namesIn(files: FileSystem, path: string): string[] | undefined {
  try {
    return files.list(path);
  } catch (error) {
    if (['ENOTDIR', 'ENOENT', 'ELOOP'].includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * Takes the target, an absolute path. VARVE_INVALID_ARGUMENT where it is something else than missing or an empty directory (a link to
 * one is one); VARVE_IO where the file system refuses. Then nothing was changed.
 */
export function takeTarget(files: FileSystem, target: string): RestoreTarget {
  if (files.status(target) === undefined) return new NewTarget(files, target);
  const names = namesIn(files, target);
  if (names === undefined) {
    throw invalidArgument(`${target} exists and is no directory: a database is restored or imported into a new or empty one`);
  }
  if (names.length > 0) throw notEmpty(target, names);
  return new EmptyTarget(files, target);
}
