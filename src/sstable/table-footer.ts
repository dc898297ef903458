/**
 * Footer of a table file: what comes last, and what is read first.
 *
 * | filter section 32 | index section 32 | properties section 32 | file number f64 | database id 16 | version u32 | zero u32 |
 * 0                   32                 64                      96                104              120           124
 * | checksum u64 | magic u64 |
 * 128            136         144
 *
 * and each section is
 *
 * | offset f64 | stored bytes u32 | raw bytes u32 | codec u32 | zero u32 | checksum u64 |
 * 0            8                  12              16          20         24             32
 *
 * Little-endian. The checksum of the footer is XXH64 of its first 128 bytes, that of a section XXH64 of its stored bytes.
 * The whole file: data blocks from offset 0, filter, index, properties, footer, with nothing between them, so that every
 * byte of the file is under one checksum. Sections are stored as they are (codec 0); the field is there for a later version.
 * The size of the footer and the places of version, checksum and magic stay the same in all versions.
 *
 * Invariants:
 * 1. A footer names its file and its database: a table that was moved or swapped is refused.
 */
import { corruption, VarveError } from '../errors.js';
import { checksum64 } from '../format/checksum.js';
import { codecNone } from './block-handle.js';

/** Size of the footer. */
export const footerBytes = 144;
/** Version of the table format that this release writes, and the only one it reads. */
export const tableFormatVersion = 1;
/** "varvesst" as the last eight bytes of the file. */
const magic = new Uint8Array([0x76, 0x61, 0x72, 0x76, 0x65, 0x73, 0x73, 0x74]);
const checksumAt = 128;
const sectionBytes = 32;

/** Where a section lies and what it must hash to. Offsets and sizes are bytes. */
export interface SectionHandle {
  readonly offset: number;
  readonly storedBytes: number;
  /** XXH64 of the stored bytes. */
  readonly checksum: bigint;
}

/** What a footer says. */
export interface TableFooter {
  readonly filter: SectionHandle;
  readonly index: SectionHandle;
  readonly properties: SectionHandle;
  readonly fileNumber: number;
  /** 16 bytes. */
  readonly databaseId: Uint8Array;
}

/** The footer as bytes. Needs initializeChecksum. */
export function encodeFooter(footer: TableFooter): Uint8Array {
  const bytes = new Uint8Array(footerBytes);
  const view = new DataView(bytes.buffer);
  [footer.filter, footer.index, footer.properties].forEach((section, number) => {
    const at = number * sectionBytes;
    view.setFloat64(at, section.offset, true);
    view.setUint32(at + 8, section.storedBytes, true);
    view.setUint32(at + 12, section.storedBytes, true);
    view.setUint32(at + 16, codecNone, true);
    view.setBigUint64(at + 24, section.checksum, true);
  });
  view.setFloat64(96, footer.fileNumber, true);
  bytes.set(footer.databaseId, 104);
  view.setUint32(120, tableFormatVersion, true);
  view.setBigUint64(checksumAt, checksum64(bytes.subarray(0, checksumAt)), true);
  bytes.set(magic, 136);
  return bytes;
}

/**
 * Reads the footer of a file of `fileBytes` bytes. Throws VARVE_UNSUPPORTED_VERSION for a version of the format that is not
 * known, else VARVE_CORRUPTION; the sections that it returns fill the file up to the footer.
 */
export function decodeFooter(bytes: Uint8Array, file: string, fileBytes: number): TableFooter {
  const at = fileBytes - footerBytes;
  const refuse = (message: string) => corruption(file, at, `the footer ${message}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (magic.some((byte, i) => bytes[136 + i] !== byte)) throw refuse('has not the mark of a table');
  if (view.getBigUint64(checksumAt, true) !== checksum64(bytes.subarray(0, checksumAt))) throw refuse('has a wrong checksum');
  const version = view.getUint32(120, true);
  if (version !== tableFormatVersion) {
    const message = `${file}: tables of version ${version} are not known, only of version ${tableFormatVersion}`;
    throw new VarveError('VARVE_UNSUPPORTED_VERSION', message, { file, offset: at });
  }
  if (view.getUint32(124, true) !== 0) throw refuse('has bytes that must be zero');
  const [filter, index, properties] = [0, 1, 2].map((number) => {
    const section = sectionAt(view, number * sectionBytes);
    if (section === undefined) throw refuse(`has a section ${number} of an unknown form`);
    return section;
  }) as [SectionHandle, SectionHandle, SectionHandle];
  const isFilled =
    Number.isSafeInteger(filter.offset) &&
    filter.offset >= 0 &&
    filter.offset + filter.storedBytes === index.offset &&
    index.offset + index.storedBytes === properties.offset &&
    properties.offset + properties.storedBytes === at;
  if (!isFilled) throw refuse('has sections that do not fill the file');
  return {
    filter,
    index,
    properties,
    fileNumber: view.getFloat64(96, true),
    databaseId: new Uint8Array(bytes.subarray(104, 120)),
  };
}

function sectionAt(view: DataView, at: number): SectionHandle | undefined {
  const storedBytes = view.getUint32(at + 8, true);
  const isKnown =
    view.getUint32(at + 12, true) === storedBytes &&
    view.getUint32(at + 16, true) === codecNone &&
    view.getUint32(at + 20, true) === 0;
  if (!isKnown) return undefined;
  return { offset: view.getFloat64(at, true), storedBytes, checksum: view.getBigUint64(at + 24, true) };
}
