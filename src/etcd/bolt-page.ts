/**
 * One page of a bbolt file: a branch or a leaf of a tree, or the small leaf that a bucket without many keys is.
 *
 *   offset   0        8          10         12            16
 *            page id  flags      count      overflow      elements (16 bytes each) │ keys and values, in the order of the elements
 *            u64      u16        u16        u32           leaf:   flags u32, pos u32, key size u32, value size u32; key, value
 *                     1 branch                            branch: pos u32, key size u32, child page u64; key
 *                     2 leaf                              pos counts from the start of the element
 *
 * A page with overflow goes on over that many pages more. Only its first page is held here; what lies behind is read where it is asked
 * for, through small windows, so that a page of gigabytes takes no more memory than its largest value.
 *
 * Invariants:
 * 1. Keys and values lie inside the page, behind the elements, one behind the other without a gap, as bbolt writes them; in a bucket
 *    without a page of its own up to the end. So what a page gives in all is never more than what it has in the file.
 * 2. Bytes that a page gives are valid until something else is asked of it.
 */
import type { FileHandle } from '../env/file-system.js';
import { corruption, VarveError } from '../errors.js';
import { keyBytesMax, valueBytesMax } from '../limits.js';
import { wideNumber } from './bolt-meta.js';

export const pageHeaderBytes = 16;
const elementBytes = 16;
const branchFlag = 0x01;
const leafFlag = 0x02;
const bucketFlag = 0x01;
/** Longest value of bbolt; a longer one is damage. */
const boltValueBytesMax = 2 ** 31 - 2;
const windowBytes = 64 * 1024;

/** The file that pages are read from. */
export interface PageFile {
  readonly handle: FileHandle;
  readonly pageSize: number;
  /** Notes that the pages [first, end) belong to one that is read now. Throws where one of them is no page, or belongs to another. */
  claim(first: number, end: number, offset: number): void;
}

/** Bytes of a page, wherever they are. */
interface PageBytes {
  /** Offset of the page in the file. */
  readonly offset: number;
  /** Length with everything that overflows. */
  readonly length: number;
  /** Whether the last value ends with the page. */
  readonly isFull: boolean;
  /** Bytes [at, at + length) of the page. `isElement`: they are read between keys and values, and do not take their place. */
  slice(at: number, length: number, isElement: boolean): Buffer;
}

/** A stretch of the file that is read as a whole. It stays right from page to page: the file does not change. */
class Window {
  private readonly buffer = Buffer.allocUnsafeSlow(windowBytes);
  private start = 0;
  private end = 0;

  slice(handle: FileHandle, position: number, length: number, limit: number): Buffer {
    if (length > windowBytes) return readExactly(handle, Buffer.allocUnsafeSlow(length), position);
    if (position < this.start || position + length > this.end) {
      const wanted = this.buffer.subarray(0, Math.min(windowBytes, limit - position));
      readExactly(handle, wanted, position);
      this.start = position;
      this.end = position + wanted.length;
    }
    return this.buffer.subarray(position - this.start, position - this.start + length);
  }
}

function readExactly(handle: FileHandle, target: Buffer, position: number): Buffer {
  const bytes = handle.read(target, position);
  if (bytes < target.length) throw corruption(handle.path, position + bytes, 'the file became shorter while it was read');
  return target;
}

/** A page of the file. Used for one page after the other. */
export class FilePage implements PageBytes {
  offset = 0;
  length = 0;
  readonly isFull = false;
  private readonly head: Buffer;
  private elements: Window | undefined;
  private data: Window | undefined;

  constructor(private readonly file: PageFile) {
    this.head = Buffer.allocUnsafeSlow(file.pageSize);
  }

  /** Reads page `id`, which was named at `namedAt`, and checks that it is that page. Returns its elements. */
  load(id: number, namedAt: number): PageElements {
    const { handle, pageSize } = this.file;
    this.file.claim(id, id + 1, namedAt);
    this.offset = id * pageSize;
    readExactly(handle, this.head, this.offset);
    const own = wideNumber(this.head, 0);
    if (own !== id) throw corruption(handle.path, this.offset, `the page says that it is page ${own}, not ${id}`);
    const overflow = this.head.readUInt32LE(12);
    if (overflow > 0) this.file.claim(id + 1, id + 1 + overflow, this.offset + 12);
    this.length = (1 + overflow) * pageSize;
    return new PageElements(handle.path, this);
  }

  slice(at: number, length: number, isElement: boolean): Buffer {
    const { head, offset } = this;
    if (at + length <= head.length) return head.subarray(at, at + length);
    const window = isElement ? (this.elements ??= new Window()) : (this.data ??= new Window());
    return window.slice(this.file.handle, offset + at, length, offset + this.length);
  }
}

/** The leaf page inside the value of a bucket. `bytes` are kept. */
export function inlineElements(path: string, bytes: Buffer, offset: number): PageElements {
  const slice = (at: number, length: number): Buffer => bytes.subarray(at, at + length);
  const elements = new PageElements(path, { offset, length: bytes.length, isFull: true, slice });
  if (!elements.isLeaf) throw corruption(path, offset + 8, 'a bucket without a page of its own is a branch');
  return elements;
}

/** The elements of a page, one after the other. */
export class PageElements {
  readonly isLeaf: boolean;
  /** Offset in the file of the current element. */
  offset = 0;
  /** Of the current element of a leaf: whether its value is a bucket. */
  isBucket = false;
  /** Of the current element of a branch. */
  child = 0;
  readonly count: number;
  private index = 0;
  /** Where the next key begins. */
  private free: number;
  private keyStart = 0;
  private keyBytes = 0;
  private valueBytes = 0;

  constructor(
    private readonly path: string,
    private readonly page: PageBytes,
  ) {
    const header = page.slice(0, pageHeaderBytes, true);
    const flags = header.readUInt16LE(8);
    this.isLeaf = flags === leafFlag;
    if (!this.isLeaf && flags !== branchFlag)
      throw corruption(path, page.offset + 8, `the page is neither a branch nor a leaf (flags ${flags})`);
    this.count = header.readUInt16LE(10);
    if (this.count === 0 && !this.isLeaf) throw corruption(path, page.offset + 10, 'the branch has no children');
    this.free = pageHeaderBytes + this.count * elementBytes;
    if (this.free > page.length)
      throw corruption(path, page.offset + 10, `the page has ${this.count} elements, more than its ${page.length} bytes hold`);
  }

  /** Goes to the next element; false after the last. */
  next(): boolean {
    if (this.index === this.count) {
      if (this.page.isFull) this.checkFull();
      return false;
    }
    const at = pageHeaderBytes + this.index++ * elementBytes;
    const element = this.page.slice(at, elementBytes, true);
    this.offset = this.page.offset + at;
    const skip = this.isLeaf ? 4 : 0;
    this.keyStart = at + element.readUInt32LE(skip);
    this.keyBytes = element.readUInt32LE(skip + 4);
    this.valueBytes = this.isLeaf ? element.readUInt32LE(12) : 0;
    if (this.isLeaf) this.isBucket = this.readFlags(element.readUInt32LE(0));
    else this.child = wideNumber(element, 8);
    this.checkPlace();
    return true;
  }

  /** The key of the current element. */
  key(): Buffer {
    return this.page.slice(this.keyStart, this.keyBytes, false);
  }

  /** The value of the current element of a leaf. */
  value(): Buffer {
    return this.page.slice(this.valueStart, this.valueBytes, false);
  }

  /** Bytes of the value, which may be many. */
  get valueLength(): number {
    return this.valueBytes;
  }

  /** Offset of the value in the file. */
  get valueOffset(): number {
    return this.page.offset + this.valueStart;
  }

  private get valueStart(): number {
    return this.keyStart + this.keyBytes;
  }

  private readFlags(flags: number): boolean {
    if (flags > bucketFlag) throw corruption(this.path, this.offset, `the element has flags that bbolt does not know (${flags})`);
    return flags === bucketFlag;
  }

  private checkFull(): void {
    const { path, page, free } = this;
    if (free !== page.length)
      throw corruption(path, page.offset + free, `a bucket of ${page.length} bytes without a page of its own ends after ${free}`);
  }

  private checkPlace(): void {
    const { path, offset, keyBytes, valueBytes, page } = this;
    if (keyBytes < 1 || keyBytes > keyBytesMax)
      throw corruption(path, offset, `a key of ${keyBytes} bytes: bbolt's have 1 to ${keyBytesMax}`);
    if (valueBytes > boltValueBytesMax)
      throw corruption(path, offset, `a value of ${valueBytes} bytes: bbolt's have at most ${boltValueBytesMax}`);
    const end = this.valueStart + valueBytes;
    if (this.keyStart !== this.free || end > page.length) {
      const place = `from byte ${this.keyStart} to ${end} of its page`;
      throw corruption(path, offset, `the element lies ${place}: it begins at ${this.free}, and the page ends at ${page.length}`);
    }
    this.free = end;
    if (valueBytes > valueBytesMax)
      throw new VarveError('VARVE_LIMIT', `${path} at offset ${offset}: a value of ${valueBytes} bytes, above ${valueBytesMax}`, {
        file: path,
        offset,
      });
  }
}
