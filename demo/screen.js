/**
 * What the demonstration shows: numbered steps, claims with a tick or a cross, and one line of progress that, on a
 * terminal, rewrites itself. Where the output is no terminal there is no progress and no colour.
 */
const terminal = process.stdout.isTTY === true;
const coloured = terminal && process.env['NO_COLOR'] === undefined;
const progressIntervalMs = 80;

let progressShown = false;
let progressAtMs = 0;
let stepCount = 0;
let claimCount = 0;
let falseCount = 0;

/** @type {(code: number, text: string) => string} */
const paint = (code, text) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);
/** @type {(text: string) => string} */
export const bold = (text) => paint(1, text);
/** @type {(text: string) => string} */
export const faint = (text) => paint(2, text);

/** 171075 as "171,075". @type {(number: number) => string} */
export const count = (number) => Math.round(number).toLocaleString('en-US');
/** A size in bytes, in megabytes of a million. @type {(bytes: number) => string} */
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
/** @type {(ms: number) => string} */
export const duration = (ms) =>
  ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
/** @type {(operations: number, ms: number) => string} */
export const rate = (operations, ms) => `${count(operations / Math.max(ms, 1))}k ops/s`;

/** @param {string} text */
export function line(text = '') {
  if (progressShown) process.stdout.write('\r\x1b[K');
  progressShown = false;
  process.stdout.write(`${text}\n`);
}

/** Begins the next numbered step. @param {string} text */
export function step(text) {
  stepCount += 1;
  line();
  line(`${bold(`${stepCount}  ${text}`)}`);
}

/** A line below a step. @param {string} text */
export function note(text) {
  line(`     ${faint(text)}`);
}

/** Shows how far something is, on a terminal and not too often. @param {() => string} text */
export function progress(text) {
  const nowMs = performance.now();
  if (!terminal || nowMs - progressAtMs < progressIntervalMs) return;
  progressAtMs = nowMs;
  progressShown = true;
  process.stdout.write(`\r\x1b[K   ${paint(36, '…')} ${text()}`);
}

/** Something that has to be true. One that is not makes the demonstration fail, at its end. @type {(holds: boolean, text: string) => void} */
export function claim(holds, text) {
  claimCount += 1;
  if (!holds) falseCount += 1;
  line(`   ${holds ? paint(32, '✓') : paint(31, '✗')} ${text}${holds ? '' : paint(31, '  ← this is not so')}`);
}

/** Claims made so far, and how many of them were false. */
export function claims() {
  return { made: claimCount, untrue: falseCount };
}
