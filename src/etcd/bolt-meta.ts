/**
 * The first two pages of a bbolt file, which say where everything else is: they are written in turn, so that one of them is always whole.
 *
 *   offset in page   16    20       24         28     32         40         48        56          64    72
 *                    magic version  page size  flags  root page  sequence   freelist  high water  txid  FNV-1a 64 of bytes 16 to 71
 *                    u32   u32      u32        u32    u64        u64        u64       u64         u64   u64
 *
 * Page 0 lies at offset 0, page 1 at the page size, which only a whole meta page tells: where page 0 is damaged, page 1 is looked for at
 * every size that a page can have.
 *
 * Invariants:
 * 1. A meta page counts where magic, version, page size and checksum are right; of two the one with the higher transaction id is taken.
 * 2. The file reaches to the high-water mark, and the root page lies below it.
 */
import type { FileHandle } from '../env/file-system.js';
import { corruption, VarveError } from '../errors.js';

const magic = 0xed0cdaed;
const magicOfOtherByteOrder = 0xedda0ced;
const formatVersion = 2;
const metaOffset = 16;
const metaBytes = 64;
const checkedBytes = 56;
/** Sizes of pages of the systems that etcd runs on are 4, 16 and 64 KiB; bbolt begins to look at 1 KiB. */
const pageBytesMin = 1024;
const pageBytesMax = 65_536;
/** Bits of the set of pages that were seen fit in 64 MiB: 2 TiB in pages of 4 KiB. */
const pagesMax = 2 ** 29;

/** What the meta page in use says. */
export interface BoltMeta {
  /** Bytes. */
  readonly pageSize: number;
  readonly rootPage: number;
  /** One past the last page that was ever in use. */
  readonly highWater: number;
}

interface FoundMeta extends BoltMeta {
  readonly transactionId: bigint;
}

type Finding = 'absent' | 'damaged' | 'other byte order' | 'other version' | 'unusual pages' | FoundMeta;

/** FNV-1a, 64 bits. */
function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

/** A u64 as a number: exact up to 2^53, and above that still above every number of pages that there can be. */
export function wideNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}

function metaAt(file: FileHandle, position: number): Finding {
  const bytes = Buffer.alloc(metaBytes);
  const there = file.read(bytes, position + metaOffset);
  const given = there < 4 ? 0 : bytes.readUInt32LE(0);
  if (given === magicOfOtherByteOrder) return 'other byte order';
  if (given !== magic) return 'absent';
  if (there < metaBytes || fnv1a(bytes.subarray(0, checkedBytes)) !== bytes.readBigUInt64LE(checkedBytes)) return 'damaged';
  if (bytes.readUInt32LE(4) !== formatVersion) return 'other version';
  const pageSize = bytes.readUInt32LE(8);
  const isPower = pageSize > 0 && (pageSize & (pageSize - 1)) === 0;
  if (!isPower || pageSize < pageBytesMin || pageSize > pageBytesMax) return 'unusual pages';
  return {
    pageSize,
    rootPage: wideNumber(bytes, 16),
    highWater: wideNumber(bytes, 40),
    transactionId: bytes.readBigUInt64LE(48),
  };
}

/** Both meta pages, each as it is found. */
function findMetas(file: FileHandle): Finding[] {
  const first = metaAt(file, 0);
  if (typeof first === 'object') {
    const second = metaAt(file, first.pageSize);
    return [first, typeof second === 'object' && second.pageSize !== first.pageSize ? 'damaged' : second];
  }
  const findings: Finding[] = [first];
  for (let pageSize = pageBytesMin; pageSize <= pageBytesMax; pageSize *= 2) {
    const second = metaAt(file, pageSize);
    if (typeof second !== 'object' || second.pageSize === pageSize) findings.push(second);
  }
  return findings;
}

function refusal(path: string, findings: readonly Finding[]): VarveError {
  const has = (finding: Finding): boolean => findings.includes(finding);
  if (has('damaged')) return corruption(path, metaOffset, 'no meta page of this bbolt file is whole');
  const details = { file: path, offset: metaOffset };
  const unsupported = (reason: string): VarveError =>
    new VarveError('VARVE_UNSUPPORTED_VERSION', `${path} is a bbolt file ${reason}`, details);
  if (has('other version')) return unsupported(`of a version other than ${formatVersion}`);
  if (has('unusual pages'))
    return unsupported(`whose pages have a size other than a power of two from ${pageBytesMin} to ${pageBytesMax}`);
  if (has('other byte order'))
    return unsupported('of a machine with big-endian numbers: only those with little-endian ones are read');
  return new VarveError(
    'VARVE_INVALID_ARGUMENT',
    `${path} is no bbolt file: its magic number is neither where the first page has it nor where the second one does`,
    details,
  );
}

/** Reads the meta page in use. `dataBytes` is what of the file is pages. */
export function readMeta(file: FileHandle, dataBytes: number): BoltMeta {
  const { path } = file;
  const findings = findMetas(file);
  const whole = findings.filter((finding) => typeof finding === 'object');
  const [meta] = whole.sort((a, b) => (a.transactionId > b.transactionId ? -1 : 1));
  if (meta === undefined) throw refusal(path, findings);
  const { pageSize, rootPage, highWater } = meta;
  if (rootPage < 2 || rootPage >= highWater)
    throw corruption(path, metaOffset, `the root is page ${rootPage}, the high-water mark ${highWater}`);
  if (dataBytes < highWater * pageSize) {
    throw corruption(
      path,
      dataBytes,
      `the file was cut off: its ${highWater} pages of ${pageSize} bytes need ${highWater * pageSize}`,
    );
  }
  if (highWater > pagesMax) {
    throw new VarveError('VARVE_LIMIT', `${path} has ${highWater} pages: at most ${pagesMax} are read`, { file: path });
  }
  return meta;
}
