/**
 * The names of a file system in memory: as they are, as the disk is known to have them, and every change between the two.
 *
 * ```
 *  add     name → node                    create, make directory
 *  remove  name                           unlink, remove directory
 *  rename  from → to, with the node       in one step, also between directories
 * ```
 *
 * **Invariants:**
 * 1. A change concerns one directory, or two (rename); syncing either of them makes the whole change durable.
 * 2. Each change carries its node, so that any part of the changes, in order, gives a tree: a file whose creation was lost
 *    but whose rename was kept is there under its new name only.
 * 3. Syncing a file makes no name durable.
 */
import type { MemoryFile } from './memory-file.js';

export type MemoryNode = MemoryFile | MemoryDirectory;

/** A directory: its entries now, and those that a loss of power cannot take. */
export class MemoryDirectory {
  readonly kind = 'directory';
  entries = new Map<string, MemoryNode>();
  durable = new Map<string, MemoryNode>();
}

/** One change of names that is not durable yet. */
export type EntryChange =
  | { readonly kind: 'add'; readonly directory: MemoryDirectory; readonly name: string; readonly node: MemoryNode }
  | { readonly kind: 'remove'; readonly directory: MemoryDirectory; readonly name: string }
  | {
      readonly kind: 'rename';
      readonly directory: MemoryDirectory;
      readonly name: string;
      readonly target: MemoryDirectory;
      readonly targetName: string;
      readonly node: MemoryNode;
    };

/** Whether syncing `directory` makes the change durable. */
export function concerns(change: EntryChange, directory: MemoryDirectory): boolean {
  return change.directory === directory || (change.kind === 'rename' && change.target === directory);
}

/** Applies a change to the entries that `entriesOf` gives for a directory. */
export function applyChange(change: EntryChange, entriesOf: (directory: MemoryDirectory) => Map<string, MemoryNode>): void {
  const entries = entriesOf(change.directory);
  if (change.kind === 'add') entries.set(change.name, change.node);
  else if (change.kind === 'remove') entries.delete(change.name);
  else {
    // Where an earlier rename was lost, the node is still under a name that this change does not know. It has one name only.
    for (const [name, node] of entries) if (node === change.node) entries.delete(name);
    entriesOf(change.target).set(change.targetName, change.node);
  }
}
