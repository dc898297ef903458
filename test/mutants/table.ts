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

/** What caught each mutant, as the page says: by name. Empty where there is no page. */
export function readCatches(): Map<string, string> {
  const catches = new Map<string, string>();
  let text = '';
  try {
    text = readFileSync(page, 'utf8');
  } catch {
    return catches;
  }
  for (const line of text.split('\n')) {
    const row = /^\| `([a-z0-9-]+)` \| .* \|(?: (`test\/[^`]+`: .*))? \|$/.exec(line);
    if (row !== null) catches.set(row[1] ?? '', row[2] ?? '');
  }
  return catches;
}

/** Writes the page anew, with the catches of this run. */
export function writeCatches(groups: readonly MutantGroup[], catches: ReadonlyMap<string, Catch>): void {
  const known = readCatches();
  const sections = groups.map(({ title, mutants }) => {
    const lines = mutants.map(({ name, breaks, isLiveness }) => {
      const caught = catches.get(name);
      const mark = isLiveness === true ? ' (ends)' : '';
      const shown = caught === undefined ? known.get(name) : `\`test/${caught.file}.test.ts\`: ${cell(caught.test)}${mark}`;
      return `| \`${name}\` | ${cell(breaks)} | ${shown ?? ''} |`;
    });
    return [`## ${title}`, '', '| defect | what it breaks | caught by |', '|---|---|---|', ...lines].join('\n');
  });
  writeFileSync(page, `${introduction}\n${sections.join('\n\n')}\n`);
}
