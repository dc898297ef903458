/**
 * Files that lie with checksums that are right: a file is taken apart into its fields by docs/format.md, some are changed, and it is
 * put together again. Shares no code with the library.
 *
 *   file ─ fieldsOf ─▶ fields ─ one is set to an extreme ─▶ reseal ─▶ a file whose checksums all match
 */
import { Bytes, f64Bytes, joined, u64Bytes, xxh64, xxh64Low } from '../../format-reader/bytes.js';
import { frames } from '../../format-reader/frames.js';

/** A number at a fixed place of a file. */
export interface Field {
  readonly what: string;
  readonly at: number;
  readonly type: 'u8' | 'u16' | 'u32' | 'f64';
}

const field = (what: string, at: number, type: Field['type']): Field => ({ what, at, type });

export function readField(bytes: Uint8Array, { at, type }: Field): number {
  const view = new Bytes(bytes);
  return { u8: view.u8, u16: view.u16, u32: view.u32, f64: view.f64 }[type](at);
}

function writeField(bytes: Uint8Array, { at, type }: Field, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (type === 'u8') view.setUint8(at, value);
  else if (type === 'u16') view.setUint16(at, value, true);
  else if (type === 'u32') view.setUint32(at, value, true);
  else view.setFloat64(at, value, true);
}

/** What a field of that type can lie with, around its true value and at its limits. */
export function extremesOf({ type }: Field, value: number): number[] {
  const bits = { u8: 8, u16: 16, u32: 32, f64: 53 }[type];
  const max = 2 ** bits - 1;
  const near = [0, 1, 2, value - 1, value + 1, value * 2, value + 8, value - 8];
  const far = [max - 1, max, 2 ** (bits - 1), 2 ** (bits - 1) - 1, 2 ** 31, 2 ** 32, 2 ** 52, 2 ** 53];
  const odd = type === 'f64' ? [-1, -0, 0.5, value + 0.5, 2 ** 64, 1e300, Number.NaN, Number.POSITIVE_INFINITY] : [];
  const all = [...near, ...far.filter((each) => type === 'f64' || each <= max), ...odd];
  return [...new Set(all)]
    .filter((each) => type === 'f64' || (each >= 0 && each <= max))
    .filter((each) => !Object.is(each, value));
}

// ------------------------------------------------------------------------------------------------ logs and manifests

const headerBytesOf = (kind: 'log' | 'manifest'): number => (kind === 'log' ? 64 : 40);

/** Fields of the header, of each frame, and of the records of a log. */
function fieldsOfFrames(file: Uint8Array, kind: 'log' | 'manifest'): Field[] {
  const start = headerBytesOf(kind);
  const fields = [field('version', 8, 'u32'), field('database id', 16, 'u8'), field('number', 32, 'f64')];
  if (kind === 'log') {
    fields.push(field('previous log', 40, 'f64'), field('previous bytes', 48, 'f64'), field('first sequence', 56, 'f64'));
  }
  const all = [...frames(new Bytes(file), start, kind === 'log' ? 'FLV' : 'EMV', kind === 'manifest')];
  all.forEach(({ offset, payload }, i) => {
    const name = `frame ${i}: `;
    fields.push(field(`${name}flags`, offset + 4, 'u8'), field(`${name}payload bytes`, offset + 8, 'u32'));
    fields.push(field(`${name}entry count`, offset + 12, 'u32'), field(`${name}first sequence`, offset + 16, 'f64'));
    fields.push(field(`${name}synced bytes`, offset + 24, 'f64'));
    if (kind === 'log') fields.push(...fieldsOfRecords(payload, offset + 40, name));
  });
  return fields;
}

function fieldsOfRecords(payload: Uint8Array, offset: number, name: string): Field[] {
  const view = new Bytes(payload);
  const fields: Field[] = [];
  for (let at = 0, n = 0; at < payload.length; n++) {
    const each = `${name}record ${n}: `;
    fields.push(field(`${each}value length`, offset + at, 'u32'), field(`${each}key length`, offset + at + 4, 'u16'));
    fields.push(field(`${each}kind`, offset + at + 6, 'u8'), field(`${each}zero`, offset + at + 7, 'u8'));
    fields.push(field(`${each}bucket`, offset + at + 8, 'u8'));
    at = Math.ceil((at + 8 + view.u16(at + 4) + view.u32(at)) / 8) * 8;
  }
  return fields;
}

/** Makes the checksums right of a log or manifest whose frames began where those of `before` do. */
function resealFrames(file: Uint8Array, before: Uint8Array, kind: 'log' | 'manifest'): void {
  const start = headerBytesOf(kind);
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  view.setUint32(12, xxh64Low(joined(file.slice(0, 12), file.slice(16, start))), true);
  let chain = 0n;
  for (const { offset, payload } of frames(new Bytes(before), start, kind === 'log' ? 'FLV' : 'EMV', kind === 'manifest')) {
    // What the frame claims, as far as it is there; else what it had.
    const claimed = view.getUint32(offset + 8, true);
    const length = offset + 40 + claimed <= file.length ? claimed : payload.length;
    const content = file.slice(offset + 40, offset + 40 + length);
    const isClosing = ((file[offset + 4] as number) & 2) !== 0;
    const checksum = xxh64(kind === 'manifest' && !isClosing ? joined(u64Bytes(chain), content) : content);
    if (!isClosing) chain = checksum;
    view.setBigUint64(offset + 32, checksum, true);
    sealFrame(file, offset);
  }
}

/** The checksum of a frame header at its place in its file. */
function sealFrame(file: Uint8Array, offset: number): void {
  const bound = joined(file.slice(offset + 4, offset + 40), file.slice(16, 32), file.slice(32, 40), f64Bytes(offset));
  new DataView(file.buffer, file.byteOffset).setUint32(offset, xxh64Low(bound), true);
}

/** A log or manifest of these payloads behind the header of `before`; each frame its own group, one that promises nothing. */
export function framesFile(
  before: Uint8Array,
  kind: 'log' | 'manifest',
  payloads: readonly { bytes: Uint8Array; entryCount: number; firstSequence: number }[],
): Uint8Array {
  const start = headerBytesOf(kind);
  const file = new Uint8Array(payloads.reduce((sum, { bytes }) => sum + 40 + bytes.length, start));
  file.set(before.subarray(0, start));
  const view = new DataView(file.buffer);
  let at = start;
  let chain = 0n;
  for (const { bytes, entryCount, firstSequence } of payloads) {
    file.set([1, ...Buffer.from(kind === 'log' ? 'FLV' : 'EMV')], at + 4);
    view.setUint32(at + 8, bytes.length, true);
    view.setUint32(at + 12, entryCount, true);
    view.setFloat64(at + 16, firstSequence, true);
    chain = xxh64(kind === 'manifest' ? joined(u64Bytes(chain), bytes) : bytes);
    view.setBigUint64(at + 32, chain, true);
    file.set(bytes, at + 40);
    sealFrame(file, at);
    at += 40 + bytes.length;
  }
  return file;
}

/** A record of the catalogue in a log: a bucket that is created, or, without an id, deleted. */
export function bucketRecord(name: string, id?: number | Buffer): Buffer {
  const key = Buffer.from(`\0${name}`);
  const value =
    typeof id === 'number' ? Buffer.from([id >>> 24, (id >>> 16) & 255, (id >>> 8) & 255, id & 255]) : (id ?? Buffer.alloc(0));
  const bytes = Buffer.alloc(Math.ceil((8 + key.length + value.length) / 8) * 8);
  bytes.writeUInt32LE(value.length, 0);
  bytes.writeUInt16LE(key.length, 4);
  bytes[6] = id === undefined ? 2 : 1;
  bytes.set(key, 8);
  bytes.set(value, 8 + key.length);
  return bytes;
}

// ------------------------------------------------------------------------------------------------ tables

/** Where the parts of a table lie. */
export interface TableLayout {
  readonly footer: number;
  /** Filter, index, properties. */
  readonly sections: readonly { at: number; bytes: number }[];
  /** Where the handle of each data block lies, and its block. */
  readonly blocks: readonly { handle: number; at: number; bytes: number }[];
}

export function layoutOf(table: Uint8Array): TableLayout {
  const view = new Bytes(table);
  const footer = table.length - 144;
  const sections = [0, 1, 2].map((n) => ({ at: view.f64(footer + 32 * n), bytes: view.u32(footer + 32 * n + 8) }));
  const index = sections[1]?.at ?? 0;
  const count = view.u32(index);
  const handles = index + 16 + 8 * count + view.u32(index + 8);
  const blocks = Array.from({ length: count }, (_, i) => {
    const handle = handles + 40 * i;
    return { handle, at: view.f64(handle), bytes: view.u32(handle + 8) };
  });
  return { footer, sections, blocks };
}

function fieldsOfBlock(table: Uint8Array, at: number, name: string): Field[] {
  const view = new Bytes(table);
  const count = view.u32(at);
  const sequences = view.u32(at + 4) === 1 ? count : 0;
  const fields = ['entry count', 'flags', 'key area bytes', 'value area bytes'].map((what, i) =>
    field(`${name}${what}`, at + 4 * i, 'u32'),
  );
  for (let i = 0; i < count; i++) {
    if (sequences > 0) fields.push(field(`${name}sequence ${i}`, at + 16 + 8 * i, 'f64'));
    fields.push(field(`${name}key end ${i}`, at + 16 + 8 * sequences + 4 * i, 'u32'));
    fields.push(field(`${name}value end ${i}`, at + 16 + 8 * sequences + 4 * (count + i), 'u32'));
  }
  return fields;
}

function fieldsOfTable(table: Uint8Array): Field[] {
  const { footer, sections, blocks } = layoutOf(table);
  const [filter, index, properties] = sections.map(({ at }) => at) as [number, number, number];
  const fields: Field[] = [field('version', footer + 120, 'u32'), field('zero of the footer', footer + 124, 'u32')];
  fields.push(field('file number', footer + 96, 'f64'), field('database id', footer + 104, 'u8'));
  ['filter', 'index', 'properties'].forEach((name, n) => {
    const at = footer + 32 * n;
    fields.push(field(`${name}: offset`, at, 'f64'), field(`${name}: stored bytes`, at + 8, 'u32'));
    fields.push(
      field(`${name}: raw bytes`, at + 12, 'u32'),
      field(`${name}: codec`, at + 16, 'u32'),
      field(`${name}: zero`, at + 20, 'u32'),
    );
  });
  ['kind', 'probes', 'lines', 'keys'].forEach((what, n) => fields.push(field(`filter ${what}`, filter + 4 * n, 'u32')));
  ['smallest sequence', 'largest sequence', 'entries', 'tombstones', 'raw bytes'].forEach((what, n) =>
    fields.push(field(`property ${what}`, properties + 8 * n, 'f64')),
  );
  ['flags', 'smallest key bytes', 'largest key bytes', 'zero'].forEach((what, n) =>
    fields.push(field(`property ${what}`, properties + 40 + 4 * n, 'u32')),
  );
  fields.push(...fieldsOfBlock(table, index, 'index: '));
  blocks.forEach(({ handle, at }, i) => {
    const name = `handle ${i}: `;
    fields.push(
      field(`${name}offset`, handle, 'f64'),
      field(`${name}stored bytes`, handle + 8, 'u32'),
      field(`${name}raw bytes`, handle + 12, 'u32'),
    );
    fields.push(
      field(`${name}codec`, handle + 16, 'u8'),
      field(`${name}flags`, handle + 17, 'u8'),
      field(`${name}zero`, handle + 18, 'u16'),
    );
    fields.push(
      field(`${name}entry count`, handle + 20, 'u32'),
      field(`${name}tombstones`, handle + 24, 'u32'),
      field(`${name}zero 2`, handle + 28, 'u32'),
    );
    if (table[handle + 16] === 0) fields.push(...fieldsOfBlock(table, at, `block ${i}: `));
  });
  return fields;
}

/** Makes the checksums right of a table whose parts lie where `layout` says. */
export function resealTable(table: Uint8Array, { footer, sections, blocks }: TableLayout): void {
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  for (const { handle, at, bytes } of blocks) view.setBigUint64(handle + 32, xxh64(table.slice(at, at + bytes)), true);
  sections.forEach(({ at, bytes }, n) => view.setBigUint64(footer + 32 * n + 24, xxh64(table.slice(at, at + bytes)), true));
  view.setBigUint64(footer + 128, xxh64(table.slice(footer, footer + 128)), true);
}

// ------------------------------------------------------------------------------------------------ any of them

type Kind = 'log' | 'manifest' | 'table';
export const kindOf = (name: string): Kind | undefined =>
  name.endsWith('.log') ? 'log' : name.endsWith('.sst') ? 'table' : name.startsWith('MANIFEST') ? 'manifest' : undefined;

/** All numbers of a file, by its name. */
export function fieldsOf(name: string, bytes: Uint8Array): Field[] {
  const kind = kindOf(name);
  if (kind === undefined) return [];
  return kind === 'table' ? fieldsOfTable(bytes) : fieldsOfFrames(bytes, kind);
}

/** The file after `change`, with checksums that are right where they stood before. */
export function forged(name: string, bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  change(copy);
  const kind = kindOf(name);
  if (kind === 'table') resealTable(copy, layoutOf(bytes));
  else if (kind !== undefined) resealFrames(copy, bytes, kind);
  return copy;
}

/** The file with one field set. */
export function withField(name: string, bytes: Uint8Array, target: Field, value: number): Uint8Array {
  return forged(name, bytes, (copy) => writeField(copy, target, value));
}
