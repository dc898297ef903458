/**
 * docs/mutants.md: every mutant, what it breaks, and which test catches it.
 *
 * **Invariants:**
 * 1. The page is a function of the list and of what caught each mutant: no times, no dates, no order of running.
 * 2. Rows of mutants that a run left out stay as they are.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MutantGroup } from './mutant.js';
import { root } from './tree.js';

const page = join(root, 'docs/mutants.md');

const introduction = `# Deliberate defects

Each row is a defect that was put into the source on purpose, one at a time, and the test that failed because of it. A defect that
no test notices would be a missing test. \`test/mutants\` holds the list: file, what is replaced, by what.

\`npm run test:mutants\` makes them all, one after the other, in a copy of the project, and fails where one is not caught.
\`VARVE_MUTANT=<part of a name>\` runs some of them, \`UPDATE_MUTANTS=1\` writes this page. A test that runs into its time limit
counts only where the rule is that something ends; those are marked (ends).
`;

/** Which test caught a mutant: its file and its name. */
export interface Catch {
  readonly file: string;
  readonly test: string;
}

const cell = (text: string): string => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();

/** The rows of the page by the name of the mutant. Empty where there is no page. */
export function readRows(): Map<string, string> {
  const rows = new Map<string, string>();
  let text = '';
  try {
    text = readFileSync(page, 'utf8');
  } catch {
    return rows;
  }
  for (const line of text.split('\n')) {
    const name = /^\| `([a-z0-9-]+)` \|/.exec(line)?.[1];
    if (name !== undefined) rows.set(name, line);
  }
  return rows;
}

/** Writes the page anew, with the catches of this run. */
export function writeRows(groups: readonly MutantGroup[], catches: ReadonlyMap<string, Catch>): void {
  const rows = readRows();
  const sections = groups.map(({ title, mutants }) => {
    const lines = mutants.map(({ name, breaks, isLiveness }) => {
      const caught = catches.get(name);
      if (caught === undefined) return rows.get(name) ?? `| \`${name}\` | ${cell(breaks)} | |`;
      const mark = isLiveness === true ? ' (ends)' : '';
      return `| \`${name}\` | ${cell(breaks)} | \`test/${caught.file}.test.ts\`: ${cell(caught.test)}${mark} |`;
    });
    return [`## ${title}`, '', '| defect | what it breaks | caught by |', '|---|---|---|', ...lines].join('\n');
  });
  writeFileSync(page, `${introduction}\n${sections.join('\n\n')}\n`);
}
