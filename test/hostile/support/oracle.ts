/**
 * What a hurt database may show: the one place that says what is right, by docs/durability.md ("torn tail or damage") and by nothing else.
 *
 *   hurt file                    right
 *   LOCK, foreign names          the newest state
 *   table, CURRENT               the newest state, or damage in that file
 *   log, from X on               damage in that file, where a witness says that more than X bytes were on disk;
 *                                else exactly the state after the groups before X
 *   manifest, from X on          damage, where a frame behind says so, or where its header or first record is hurt; else any state
 *                                of the past, or damage in some file that the lost edits would have told of
 *
 * X is where the first hurt group begins. Witnesses: a frame header behind X that is whole and says so; the header of the next
 * log; the manifest.
 */
import { Bytes } from '../../format-reader/bytes.js';
import { type Frame, frames } from '../../format-reader/frames.js';
import { readManifest } from '../../format-reader/manifest.js';
import { fileOf, type Image, namesOf } from './image.js';
import type { Outcome } from './examine.js';
import type { Shape } from './shapes.js';

/** States by their place in the history, and the files of which an error may tell; none where there must be no error. */
export interface Verdict {
  readonly states: readonly number[];
  readonly files: readonly string[];
  /** Whether `verify` must complain of the hurt file. */
  readonly mustBeFound: boolean;
}

const isHarmless = (name: string): boolean => !/^(CURRENT|MANIFEST-\d{6}|\d{6}\.(log|sst))$/.test(name);

/** Offset of the first byte that differs; the shorter length where one begins the other; -1 where they are the same. */
function firstDifference(before: Uint8Array, after: Uint8Array): number {
  const common = Math.min(before.length, after.length);
  for (let i = 0; i < common; i++) if (before[i] !== after[i]) return i;
  return before.length === after.length ? -1 : common;
}

/** Where groups begin, and the headers of all frames. */
function framesOf(bytes: Uint8Array, kind: 'log' | 'manifest'): { begins: number[]; end: number; all: Frame[] } {
  const all = kind === 'log' ? [...frames(new Bytes(bytes), 64, 'FLV', false)] : [...frames(new Bytes(bytes), 40, 'EMV', true)];
  const begins = all.filter((_, i) => i === 0 || ((all[i - 1] as Frame).flags & 1) !== 0).map(({ offset }) => offset);
  const last = all.at(-1);
  return { begins, end: last === undefined ? (kind === 'log' ? 64 : 40) : last.offset + 40 + last.payload.length, all };
}

/** How much of a file somebody else says was on disk. */
function witnessedBytes(image: Image, name: string): number {
  const [manifest = ''] = namesOf(image, 'manifest');
  const { counters } = readManifest(new Bytes(fileOf(image, manifest)));
  const number = Number.parseInt(name, 10);
  const ofManifest = counters[4] === number ? (counters[5] ?? 0) : 0;
  const nexts = namesOf(image, 'log').map((log) => new Bytes(fileOf(image, log)));
  return Math.max(ofManifest, ...nexts.filter((log) => log.f64(40) === number).map((log) => log.f64(48)));
}

interface Hurt {
  /** Where the first hurt group begins: 0 for the header of the file. */
  readonly from: number;
  readonly groupsBefore: number;
  readonly isWitnessed: boolean;
}

function hurtOf(shape: Shape, name: string, after: Uint8Array): Hurt {
  const before = fileOf(shape.image, name);
  const kind = name.endsWith('.log') ? 'log' : 'manifest';
  const { begins, end, all } = framesOf(before, kind);
  const at = firstDifference(before, after);
  const groupsBefore =
    at >= end
      ? begins.length
      : Math.max(
          0,
          begins.findLastIndex((begin) => begin <= at),
        );
  const from = at < (begins[0] ?? end) ? 0 : at >= end ? end : (begins[groupsBefore] as number);
  const survives = ({ offset }: Frame): boolean =>
    after.length >= offset + 40 &&
    firstDifference(before.subarray(offset, offset + 40), after.subarray(offset, offset + 40)) === -1;
  const promised = Math.max(
    0,
    ...all.filter((frame) => frame.offset >= from && survives(frame)).map(({ syncedBytes }) => syncedBytes),
  );
  const known = kind === 'log' ? witnessedBytes(shape.image, name) : 0;
  return { from, groupsBefore, isWitnessed: Math.max(promised, known) > from };
}

/** What an image that was made from the shape's by hurting one file may show. */
export function verdictOn(shape: Shape, name: string, after: Uint8Array): Verdict {
  const newest = shape.states.length - 1;
  const before = fileOf(shape.image, name);
  if (isHarmless(name) || firstDifference(before, after) === -1) return { states: [newest], files: [], mustBeFound: false };
  const isTableOrCurrent = !/\.log$|^MANIFEST/.test(name);
  if (isTableOrCurrent) return { states: [newest], files: [name], mustBeFound: true };
  const hurt = hurtOf(shape, name, after);
  if (name.endsWith('.log')) {
    if (hurt.isWitnessed) return { states: [], files: [name], mustBeFound: true };
    const isNewest = name === namesOf(shape.image, 'log').at(-1);
    return { states: [isNewest ? shape.statesBeforeNewestLog + hurt.groupsBefore : newest], files: [], mustBeFound: false };
  }
  if (hurt.isWitnessed || hurt.groupsBefore === 0) return { states: [], files: [name], mustBeFound: true };
  const past = shape.states.map((_, i) => i);
  // Edits that are lost may have named files that came, or not yet those that went.
  return { states: past, files: namesOf(shape.image, 'log').concat(namesOf(shape.image, 'sst'), 'any'), mustBeFound: false };
}

/** What is wrong with an outcome, or undefined. */
export function problemOf(shape: Shape, verdict: Verdict, outcome: Outcome): string | undefined {
  if ('content' in outcome) {
    if (verdict.states.some((state) => shape.states[state] === outcome.content)) return undefined;
    const shown = shape.states.lastIndexOf(outcome.content);
    return `shows ${shown < 0 ? `what never was: ${outcome.content}` : `state ${shown}`}, right would be ${verdict.states.join(' or ') || 'an error'}`;
  }
  const { code, file, offset, message } = outcome.error;
  if (code !== 'VARVE_CORRUPTION') return `${code}: ${message}`;
  if (verdict.files.length === 0) return `must not fail: ${message}`;
  if (!verdict.files.includes('any') && !verdict.files.includes(file ?? '')) return `names ${file}: ${message}`;
  return offset !== undefined && !(Number.isSafeInteger(offset) && offset >= 0) ? `gives the offset ${offset}` : undefined;
}
