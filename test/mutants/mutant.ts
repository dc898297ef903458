/**
 * A mutant: one deliberate defect of the source, made by replacing a few characters.
 *
 * **Invariants:**
 * 1. What is replaced occurs exactly once in its file, so that a change of the source is noticed here.
 * 2. A mutant breaks a promise: one that changes nothing anybody could notice does not belong into the list.
 */

/** One replacement in one file. */
export interface Edit {
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** One deliberate defect. */
export interface Mutant extends Edit {
  /** Unique; kebab-case. */
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  /** Another place of the same file, where writer and reader must forget the same thing. */
  readonly also?: Edit;
  /** What goes wrong with it, in one sentence. */
  readonly breaks: string;
  /** Test files, below `test` and without `.test.ts`, tried one after the other until one of them fails. */
  readonly tests: readonly string[];
  /** The rule is that something ends: a test that reaches its time limit has caught it. Absent: that is no proof. */
  readonly isLiveness?: true;
}

/** Mutants of one kind. */
export interface MutantGroup {
  readonly title: string;
  readonly mutants: readonly Mutant[];
}
