/** The range of keys that switches describe: which switches there are, and the options of a walk that they mean. */
import type { IterateOptions } from '../api.js';
import { invalidArgument } from '../errors.js';
import { endOfPrefix, type Form, parseBytesAs } from './bytes-text.js';
import type { Call, Switch } from './command.js';

/** Switches of commands that walk over keys. */
export const rangeSwitches: readonly Switch[] = [
  { flags: '-p, --prefix <key>', summary: 'keys that begin so' },
  { flags: '--from <key>', summary: 'keys from this one on' },
  { flags: '--after <key>', summary: 'keys above this one' },
  { flags: '--to <key>', summary: 'keys below this one' },
  { flags: '--through <key>', summary: 'keys up to this one' },
  { flags: '-n, --limit <count>', summary: 'so many at most' },
  { flags: '-r, --reverse', summary: 'from the last to the first' },
];

/** Keys and values as hexadecimal, both ways. */
export const hexSwitch: Switch = { flags: '-x, --hex', summary: 'keys and values are hexadecimal, given and printed' };

/** How the caller types and reads bytes. */
export function formOf(call: Call): Form {
  return call.has('hex') ? 'hex' : 'text';
}

/** The walk that the switches ask for. */
export function readRange(call: Call): IterateOptions {
  const form = formOf(call);
  const bound = (option: string): Buffer | undefined => {
    const given = call.text(option);
    return given === undefined ? undefined : parseBytesAs(form, `--${option}`, given);
  };
  const limit = call.count('limit');
  if (limit === 0) throw invalidArgument('--limit is 1 or more');
  const prefix = bound('prefix');
  const isBounded = ['from', 'after', 'to', 'through'].some((option) => call.text(option) !== undefined);
  if (prefix !== undefined && isBounded) throw invalidArgument('--prefix is a range of its own: give it, or bounds');
  const bounds = {
    gte: prefix ?? bound('from'),
    gt: bound('after'),
    lt: prefix === undefined ? bound('to') : endOfPrefix(prefix),
  };
  const all = { ...bounds, lte: bound('through'), limit };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return { reverse: call.has('reverse'), ...Object.fromEntries(given) };
}
