/**
 * Inputs that reached something rare, kept for every run: one file a decoder, one line an input.
 *
 * ```
 *   <what comes of it>\t<the bytes in hexadecimal digits>
 * ```
 *
 * What comes of an input is a value, nothing, or the code and the words of the error, its numbers left out. One input is kept for each.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Longest input that is kept. */
const bytesMax = 1200;

/** An input, and what came of it. */
export interface KeptInput {
  readonly outcome: string;
  readonly bytes: Uint8Array;
}

const fileOf = (target: string): string => join(import.meta.dirname, 'corpus', `${target}.txt`);

/** The kept inputs of a target. */
export function readCorpus(target: string): KeptInput[] {
  if (!existsSync(fileOf(target))) return [];
  const lines = readFileSync(fileOf(target), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const [outcome = '', hex = ''] = line.split('\t');
      return { outcome, bytes: new Uint8Array(Buffer.from(hex, 'hex')) };
    });
}

/** Gathers the smallest input for each outcome. */
export class Gathering {
  private readonly kept = new Map<string, Uint8Array>();

  constructor(private readonly target: string) {
    for (const { outcome, bytes } of readCorpus(target)) this.kept.set(outcome, bytes);
  }

  add(outcome: string, bytes: Uint8Array): void {
    const known = this.kept.get(outcome);
    if (bytes.length <= bytesMax && (known === undefined || bytes.length < known.length))
      this.kept.set(outcome, new Uint8Array(bytes));
  }

  write(): void {
    const lines = [...this.kept].map(([outcome, bytes]) => `${outcome}\t${Buffer.from(bytes).toString('hex')}`);
    writeFileSync(fileOf(this.target), `${lines.sort().join('\n')}\n`);
  }
}
