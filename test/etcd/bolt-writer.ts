/**
 * Writes files of bbolt, as its description says, in shapes that etcd makes and in some that it would only make of much more data.
 *
 *   pages 0 and 1: metas │ [free pages] │ leaves, branches above them, bucket after bucket │ root │ [freelist] │ [SHA-256]
 *
 * Nothing is taken from src/etcd: a mistake there is not made here again.
 */
import { createHash, type Hash } from 'node:crypto';

export interface BoltShape {
  /** Default 4096. */
  pageSize?: number;
  /** Most elements of a leaf and of a branch; absent: as many as fit in a page. */
  entriesPerLeaf?: number;
  childrenPerBranch?: number;
  /** Whether small buckets go into the value of their element, as bbolt does it. Default true. */
  inline?: boolean;
  /** Pages that belong to nobody, before the tree; they are filled with 0xff. */
  freePages?: number;
  /** Whether a freelist page is written. Default false, as etcd does it. */
  freelist?: boolean;
  /** Whether the SHA-256 of everything follows. Default false. */
  digest?: boolean;
  /** The page of the newest meta. Default 0, as in snapshots. */
  newestMeta?: 0 | 1;
  /** Bytes behind the last page in use, as in a member's db. */
  slackBytes?: number;
}

export type BoltEntry = readonly [key: Uint8Array, value: Uint8Array];
export type BoltBucket = readonly [name: Uint8Array, entries: Iterable<BoltEntry>];

interface Element {
  readonly flags: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

interface Child {
  readonly key: Uint8Array;
  readonly page: number;
}

const headerBytes = 16;
const elementBytes = 16;

export function fnv1a(bytes: Uint8Array): bigint {
  let hash = 14695981039346656037n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 1099511628211n) & 0xffffffffffffffffn;
  return hash;
}

/** Puts the right checksum into the meta that begins at `at`, after something in it was changed. */
export function signMeta(file: Buffer, at: number): void {
  file.writeBigUInt64LE(fnv1a(file.subarray(at + 16, at + 72)), at + 72);
}

function header(page: Buffer, id: number, flags: number, count: number, overflow: number): void {
  page.writeBigUInt64LE(BigInt(id), 0);
  page.writeUInt16LE(flags, 8);
  page.writeUInt16LE(count, 10);
  page.writeUInt32LE(overflow, 12);
}

function leafBytes(elements: readonly Element[]): number {
  return elements.reduce((sum, { key, value }) => sum + elementBytes + key.length + value.length, headerBytes);
}

function fillLeaf(page: Buffer, elements: readonly Element[]): void {
  let data = headerBytes + elements.length * elementBytes;
  elements.forEach(({ flags, key, value }, index) => {
    const at = headerBytes + index * elementBytes;
    page.writeUInt32LE(flags, at);
    page.writeUInt32LE(data - at, at + 4);
    page.writeUInt32LE(key.length, at + 8);
    page.writeUInt32LE(value.length, at + 12);
    page.set(key, data);
    page.set(value, data + key.length);
    data += key.length + value.length;
  });
}

/** Writes one file, forwards but for the metas, through `put`. */
export class BoltWriter {
  private readonly pageSize: number;
  private next: number;

  constructor(
    private readonly put: (bytes: Buffer, position: number) => void,
    private readonly shape: BoltShape = {},
  ) {
    this.pageSize = shape.pageSize ?? 4096;
    this.next = 2;
    for (let i = 0; i < (shape.freePages ?? 0); i++) this.put(Buffer.alloc(this.pageSize, 0xff), this.next++ * this.pageSize);
  }

  /** Writes everything but the digest; returns the bytes of the file. */
  write(buckets: Iterable<BoltBucket>): number {
    const root = this.tree(this.rootElements(buckets));
    const freelist = this.shape.freelist === true ? this.freelist() : 0xffffffffffffffffn;
    const newest = this.shape.newestMeta ?? 0;
    this.meta(newest, root, freelist, 46n - BigInt(newest % 2));
    this.meta(1 - newest, root, freelist, 45n - BigInt(newest % 2));
    const end = this.next * this.pageSize;
    const { slackBytes = 0 } = this.shape;
    if (slackBytes > 0) this.put(Buffer.alloc(slackBytes), end);
    return end + slackBytes;
  }

  private *rootElements(buckets: Iterable<BoltBucket>): Generator<Element> {
    for (const [name, entries] of buckets) yield { flags: 1, key: name, value: this.bucket(entries) };
  }

  /** The value of a bucket's element. */
  private bucket(entries: Iterable<BoltEntry>): Buffer {
    const bucketHeader = Buffer.alloc(16);
    bucketHeader.writeBigUInt64LE(7n, 8);
    const elements = function* (): Generator<Element> {
      for (const [key, value] of entries) yield { flags: 0, key, value };
    };
    const first: Element[] = [];
    const rest = elements();
    // As much is looked at as an inline bucket may have.
    let isWhole = false;
    while (!isWhole && leafBytes(first) <= this.pageSize / 4) {
      const { done, value } = rest.next();
      if (done === true) isWhole = true;
      else first.push(value);
    }
    const isSmall = isWhole && leafBytes(first) <= this.pageSize / 4;
    if (isSmall && (this.shape.inline !== false || first.length === 0)) {
      const page = Buffer.alloc(leafBytes(first));
      header(page, 0, 2, first.length, 0);
      fillLeaf(page, first);
      return Buffer.concat([bucketHeader, page]);
    }
    const all = function* (): Generator<Element> {
      yield* first;
      yield* rest;
    };
    bucketHeader.writeBigUInt64LE(BigInt(this.tree(all())), 0);
    return bucketHeader;
  }

  /** Writes a tree; returns its root page. */
  private tree(elements: Iterable<Element>): number {
    let children = this.leaves(elements);
    while (children.length > 1) children = this.branches(children);
    return (children[0] as Child).page;
  }

  private leaves(elements: Iterable<Element>): Child[] {
    const children: Child[] = [];
    let held: Element[] = [];
    let bytes = headerBytes;
    const flush = (): void => {
      children.push({
        key: held[0]?.key ?? Buffer.alloc(0),
        page: this.append(2, held.length, bytes, (page) => fillLeaf(page, held)),
      });
      held = [];
      bytes = headerBytes;
    };
    for (const element of elements) {
      const more = elementBytes + element.key.length + element.value.length;
      const isFull = bytes + more > this.pageSize || held.length >= (this.shape.entriesPerLeaf ?? 65_000);
      if (held.length > 0 && isFull) flush();
      held.push(element);
      bytes += more;
    }
    if (held.length > 0 || children.length === 0) flush();
    return children;
  }

  private branches(children: readonly Child[]): Child[] {
    const most = Math.max(2, this.shape.childrenPerBranch ?? 65_000);
    const above: Child[] = [];
    for (let from = 0; from < children.length;) {
      let end = from;
      let bytes = headerBytes;
      for (; end < children.length && end - from < most; end++) {
        const more = elementBytes + (children[end] as Child).key.length;
        if (end - from >= 2 && bytes + more > this.pageSize) break;
        bytes += more;
      }
      const group = children.slice(from, end);
      above.push({
        key: (group[0] as Child).key,
        page: this.append(1, group.length, bytes, (page) => {
          let data = headerBytes + group.length * elementBytes;
          group.forEach((child, index) => {
            const at = headerBytes + index * elementBytes;
            page.writeUInt32LE(data - at, at);
            page.writeUInt32LE(child.key.length, at + 4);
            page.writeBigUInt64LE(BigInt(child.page), at + 8);
            page.set(child.key, data);
            data += child.key.length;
          });
        }),
      });
      from = end;
    }
    return above;
  }

  private append(flags: number, count: number, bytes: number, fill: (page: Buffer) => void): number {
    const pages = Math.ceil(bytes / this.pageSize);
    const page = Buffer.alloc(pages * this.pageSize);
    const id = this.next;
    header(page, id, flags, count, pages - 1);
    fill(page);
    this.put(page, id * this.pageSize);
    this.next += pages;
    return id;
  }

  private freelist(): bigint {
    const { freePages = 0 } = this.shape;
    const id = this.append(0x10, freePages, headerBytes + 8 * freePages, (page) => {
      for (let i = 0; i < freePages; i++) page.writeBigUInt64LE(BigInt(2 + i), headerBytes + 8 * i);
    });
    return BigInt(id);
  }

  private meta(id: number, root: number, freelist: bigint, transactionId: bigint): void {
    const page = Buffer.alloc(this.pageSize);
    header(page, id, 4, 0, 0);
    page.writeUInt32LE(0xed0cdaed, 16);
    page.writeUInt32LE(2, 20);
    page.writeUInt32LE(this.pageSize, 24);
    page.writeBigUInt64LE(BigInt(root), 32);
    page.writeBigUInt64LE(freelist, 48);
    page.writeBigUInt64LE(BigInt(this.next), 56);
    page.writeBigUInt64LE(transactionId, 64);
    signMeta(page, 0);
    this.put(page, id * this.pageSize);
  }
}

/** A whole file in memory. */
export function boltFile(buckets: Iterable<BoltBucket>, shape: BoltShape = {}): Buffer {
  const pieces: [Buffer, number][] = [];
  const bytes = new BoltWriter((piece, position) => pieces.push([Buffer.from(piece), position]), shape).write(buckets);
  const file = Buffer.alloc(bytes);
  for (const [piece, position] of pieces) piece.copy(file, position);
  return shape.digest === true ? withDigest(file) : file;
}

/** The pages with their SHA-256 behind them. */
export function withDigest(pages: Uint8Array): Buffer {
  const hash: Hash = createHash('sha256').update(pages);
  return Buffer.concat([pages, hash.digest()]);
}
