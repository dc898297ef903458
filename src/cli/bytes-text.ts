/**
 * Keys and values as text: what is typed, what is printed, what stands in JSON.
 *
 * | form | written                                                                         | example              |
 * | text | UTF-8 as it is; backslash, control characters, U+FFFD and bytes that are no UTF-8 as escapes | `caf\xe9\x00`, `é` |
 * | hex  | two digits a byte                                                               | `00ff10`             |
 * | JSON | a string where the bytes are UTF-8, else an object                              | `{"hex":"00ff10"}`   |
 *
 * Escapes: `\\`, `\n`, `\r`, `\t` and `\xHH`. U+FFFD is what a decoder puts in the place of bytes that are no UTF-8, so where it is typed
 * nobody knows what was meant.
 *
 * Invariants:
 * 1. Every form is exact: what is printed in it reads as the same bytes.
 * 2. What is typed and is none is VARVE_INVALID_ARGUMENT, and says where.
 */
import { constants, isUtf8 } from 'node:buffer';
import { invalidArgument, VarveError } from '../errors.js';

/** How bytes are typed and printed. */
export type Form = 'text' | 'hex';

/** Said of a value whose text is longer than a string may be. */
export const tooLongMessage = 'a value is too large for text: `varve get --raw` and `varve snapshot` give any';

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const meanings: Readonly<Record<string, number>> = { '\\': 0x5c, n: 0x0a, r: 0x0d, t: 0x09 };

/** The text of bytes that are UTF-8, else undefined. */
function utf8Of(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString() : undefined;
}

const escapeByte = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;

function escapeCharacters(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\\\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffd\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return escapes[character] ?? [...Buffer.from(character)].map(escapeByte).join('');
  });
}

/** Each byte as it stands among bytes that are no UTF-8: those of ASCII as text, all others as escapes. */
const byteTexts = Array.from({ length: 256 }, (_, byte) =>
  Buffer.from(byte < 0x80 ? escapeCharacters(String.fromCharCode(byte)) : escapeByte(byte)),
);

/** Bytes that are no UTF-8. A value may be large, so the text is made in one place, and not of many small strings. */
function escapeBytes(bytes: Uint8Array): string {
  let length = 0;
  for (const byte of bytes) length += (byteTexts[byte] as Buffer).length;
  if (length > constants.MAX_STRING_LENGTH) throw new VarveError('VARVE_LIMIT', tooLongMessage);
  const text = Buffer.allocUnsafe(length);
  let at = 0;
  for (const byte of bytes) {
    const piece = byteTexts[byte] as Buffer;
    for (let i = 0; i < piece.length; i++) text[at++] = piece[i] as number;
  }
  return text.toString('latin1');
}

/** Bytes as they are printed. */
export function formatBytesAs(form: Form, bytes: Uint8Array): string {
  if (form === 'hex') return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  const text = utf8Of(bytes);
  return text === undefined ? escapeBytes(bytes) : escapeCharacters(text);
}

function parseHex(what: string, text: string): Buffer {
  if (!/^([0-9a-fA-F]{2})*$/.test(text))
    throw invalidArgument(`${what} is hexadecimal, two digits a byte, not ${JSON.stringify(text)}`);
  return Buffer.from(text, 'hex');
}

function parseText(what: string, text: string): Buffer {
  const unknown = text.indexOf('\ufffd');
  if (unknown >= 0) {
    throw invalidArgument(
      `${what} has bytes that are no UTF-8 at character ${unknown}: type them as \\xHH (the character U+FFFD is \\xef\\xbf\\xbd)`,
    );
  }
  const pieces: Buffer[] = [];
  let at = 0;
  for (const match of text.matchAll(/\\(x[0-9a-fA-F]{2}|.|$)/gsu)) {
    const escape = match[1] ?? '';
    const byte = escape.length === 3 ? Number.parseInt(escape.slice(1), 16) : meanings[escape];
    if (byte === undefined) {
      throw invalidArgument(`${what} has an unknown escape at character ${match.index}: \\\\, \\n, \\r, \\t and \\xHH are known`);
    }
    pieces.push(Buffer.from(text.slice(at, match.index)), Buffer.of(byte));
    at = match.index + match[0].length;
  }
  return Buffer.concat([...pieces, Buffer.from(text.slice(at))]);
}

/** The bytes that were typed. `what` says what they are, for the message. */
export function parseBytesAs(form: Form, what: string, text: string): Buffer {
  return form === 'hex' ? parseHex(what, text) : parseText(what, text);
}

/** Bytes as they stand in JSON. */
export function bytesToJson(bytes: Uint8Array): string | { hex: string } {
  return utf8Of(bytes) ?? { hex: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex') };
}

/** Base64 with or without padding, of whole bytes. */
function parseBase64(what: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64').replaceAll('=', '') === text.replace(/={0,2}$/, '')) return bytes;
  throw invalidArgument(`${what} is no base64`);
}

/** The bytes of a value in JSON: a string, `{"hex":…}` or `{"base64":…}`. */
export function bytesFromJson(what: string, value: unknown): Buffer {
  if (typeof value === 'string') {
    if (/\p{Surrogate}/u.test(value)) throw invalidArgument(`${what} has half of a surrogate pair, which is no character`);
    return Buffer.from(value);
  }
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 1) {
    if ('hex' in value && typeof value.hex === 'string') return parseHex(what, value.hex);
    if ('base64' in value && typeof value.base64 === 'string') return parseBase64(what, value.base64);
  }
  throw invalidArgument(`${what} is a string, {"hex":…} or {"base64":…}`);
}

/** The smallest byte string above all that begin with `prefix`; undefined where there is none. */
export function endOfPrefix(prefix: Uint8Array): Buffer | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const end = Buffer.from(prefix.subarray(0, length));
  end[length - 1] = (end[length - 1] as number) + 1;
  return end;
}
