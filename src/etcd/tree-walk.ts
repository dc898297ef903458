/**
 * A walk over one tree of a bbolt file, from its first key to its last, without recursion.
 *
 *   level 0   root: branch ──▶ element ──▶ element …       each level has a page of its own, used for one page after the other
 *   level 1            branch ──▶ element …
 *   level n              leaf ──▶ key, value ──▶ key, value …
 *
 * Invariants:
 * 1. Keys ascend strictly. The key of an element of a branch lies above all keys before it, and not above the first one below it.
 * 2. The depth is bounded, and every page is claimed once (bolt-page.ts): whatever the file holds, the walk ends, in memory that does not
 *    depend on it.
 */
import { corruption } from '../errors.js';
import { keyBytesMax } from '../limits.js';
import { FilePage, type PageElements, type PageFile } from './bolt-page.js';

/** With two children a branch, which is the least that bbolt makes, 64 levels are more keys than there are bytes in any file. */
const depthMax = 64;

export class TreeWalk {
  private readonly pages: FilePage[] = [];
  /** From the root to where the walk is. */
  private readonly trail: PageElements[];
  private readonly lastKey = Buffer.allocUnsafeSlow(keyBytesMax);
  private lastKeyBytes = 0;
  private isLastOfBranch = false;

  /** `root` is the elements of a page that is held elsewhere, or the number of a page that was named at `namedAt`. */
  constructor(
    private readonly file: PageFile,
    root: PageElements | number,
    namedAt: number,
    /** Whether the root may be a page without keys, as in a file without buckets. */
    private readonly mayBeEmpty = false,
  ) {
    this.trail = [typeof root === 'number' ? this.load(0, root, namedAt) : root];
  }

  /** The leaf with the next key as its current element, or undefined after the last key. */
  next(): PageElements | undefined {
    const { trail } = this;
    for (let here = trail[trail.length - 1]; here !== undefined; here = trail[trail.length - 1]) {
      if (!here.next()) {
        trail.pop();
        continue;
      }
      this.takeKey(here);
      if (here.isLeaf) return here;
      if (trail.length === depthMax) throw corruption(this.path, here.offset, `the tree is deeper than ${depthMax} pages`);
      trail.push(this.load(trail.length, here.child, here.offset));
    }
    return undefined;
  }

  /** The key that `next` came to: valid until the next call. */
  get key(): Buffer {
    return this.lastKey.subarray(0, this.lastKeyBytes);
  }

  private get path(): string {
    return this.file.handle.path;
  }

  private load(level: number, id: number, namedAt: number): PageElements {
    const page = (this.pages[level] ??= new FilePage(this.file));
    const elements = page.load(id, namedAt);
    if (elements.count === 0 && !(level === 0 && this.mayBeEmpty))
      throw corruption(this.path, page.offset + 10, 'a leaf without keys: bbolt removes those');
    return elements;
  }

  private takeKey(here: PageElements): void {
    const key = here.key();
    const order = this.lastKeyBytes === 0 ? 1 : key.compare(this.lastKey, 0, this.lastKeyBytes);
    if (order < 0 || (order === 0 && !this.isLastOfBranch)) throw corruption(this.path, here.offset, 'keys do not ascend');
    key.copy(this.lastKey);
    this.lastKeyBytes = key.length;
    this.isLastOfBranch = !here.isLeaf;
  }
}
