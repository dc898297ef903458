/**
 * Keys and values of the workloads: the same in every run, from a seed and never from Math.random.
 *
 * Keys are 16 decimal digits, as in etcd's benchmarks and in db_bench of LevelDB and RocksDB:
 *
 *   entry 0 ─▶ 0000000000000000      entry 1 ─▶ 0000000000000002      entry 1 is missed as 0000000000000003
 *
 * Entries have even numbers, so that a key that is missed lies between two that are there, and no bound of any table rules it out.
 * The leading zeros are shared by all keys: comparisons have to go through them, as they have to with real keys.
 *
 * A value is a piece of a pool: the first half of its bytes random, the second half one byte repeated. So tables
 * compress to about half, and making a value costs the workload next to nothing.
 */
import { createRequire } from 'node:module';

/** Bytes of a key. */
export const keyBytes = 16;
const digitZero = 48;
/** Bytes of all pieces together, and the most pieces: more would be memory of the harness, not of the store. */
const poolBytes = 4_000_000;
const poolPiecesMax = 40_000;

/** xorshift32 (George Marsaglia, "Xorshift RNGs", 2003). */
export class Random {
  /** @param {number} seed any whole number but 0 */
  constructor(seed) {
    this.state = seed | 0 || 1;
  }

  /** @returns {number} a whole number in [0, 2^32) */
  next() {
    let state = this.state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.state = state;
    return state >>> 0;
  }

  /**
   * @param {number} end
   * @returns {number} a whole number in [0, end)
   */
  below(end) {
    return Math.floor((this.next() / 0x1_0000_0000) * end);
  }
}

/**
 * The numbers from 0 to count - 1 in an order that the seed gives (Fisher and Yates).
 * @param {number} count
 * @param {number} seed
 * @returns {Uint32Array}
 */
export function permutation(count, seed) {
  const random = new Random(seed);
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  for (let i = count - 1; i > 0; i--) {
    const other = random.below(i + 1);
    const moved = order[i];
    order[i] = order[other];
    order[other] = moved;
  }
  return order;
}

/**
 * Keys by the number of their entry: 16 decimal digits. Buffers are used again, one a slot.
 */
export class DigitKeys {
  /** @param {number} slots how many keys are in use at a time */
  constructor(slots) {
    this.slots = Array.from({ length: slots }, () => Buffer.alloc(keyBytes));
  }

  /**
   * @param {number} entry
   * @param {number} slot
   * @returns {Buffer}
   */
  of(entry, slot) {
    return writeDigits(this.slots[slot], entry * 2);
  }

  /**
   * A key that is not there and would lie just behind that of the entry.
   * @param {number} entry
   * @param {number} slot
   * @returns {Buffer}
   */
  missing(entry, slot) {
    return writeDigits(this.slots[slot], entry * 2 + 1);
  }
}

/** The names of the packages of npm as keys, in the order in which that package lists them; of every length, with long shared prefixes. */
export class NameKeys {
  /** @param {number} count */
  constructor(count) {
    const names = createRequire(import.meta.url)('all-the-package-names');
    this.names = names.length > count ? names.slice(0, count) : names;
  }

  /** @returns {number} */
  get count() {
    return this.names.length;
  }

  /**
   * @param {number} entry
   * @returns {Buffer}
   */
  of(entry) {
    return Buffer.from(this.names[entry]);
  }

  /**
   * @param {number} entry
   * @returns {Buffer}
   */
  missing(entry) {
    return Buffer.from(`${this.names[entry]} `);
  }
}

/**
 * @param {Buffer} target
 * @param {number} number
 * @returns {Buffer} target
 */
function writeDigits(target, number) {
  let left = number;
  for (let i = keyBytes - 1; i >= 0; i--) {
    const tenth = Math.floor(left / 10);
    target[i] = digitZero + left - tenth * 10;
    left = tenth;
  }
  return target;
}

/**
 * Numbers in [0, count) of which few are drawn often, with the exponent 0.99 that YCSB uses (Jim Gray et al., "Quickly Generating
 * Billion-Record Synthetic Databases", 1994); the popular ones are spread over the whole range.
 */
export class Zipf {
  /**
   * @param {number} count
   * @param {Random} random
   */
  constructor(count, random) {
    this.count = count;
    this.random = random;
    this.theta = 0.99;
    this.zeta = 0;
    for (let i = 1; i <= count; i++) this.zeta += 1 / i ** this.theta;
    const zetaOfTwo = 1 + 0.5 ** this.theta;
    this.alpha = 1 / (1 - this.theta);
    this.eta = (1 - (2 / count) ** (1 - this.theta)) / (1 - zetaOfTwo / this.zeta);
  }

  /** @returns {number} */
  next() {
    const uniform = this.random.next() / 0x1_0000_0000;
    const scaled = uniform * this.zeta;
    let rank = 0;
    if (scaled >= 1)
      rank = scaled < 1 + 0.5 ** this.theta ? 1 : Math.floor(this.count * (this.eta * uniform - this.eta + 1) ** this.alpha);
    return Number((BigInt(Math.min(rank, this.count - 1)) * 2_654_435_761n) % BigInt(this.count));
  }
}

/** The values, by entry and by how often the entry was written. */
export class Values {
  /**
   * @param {number} valueBytes
   * @param {number} seed
   */
  constructor(valueBytes, seed) {
    const random = new Random(seed);
    const count = Math.max(64, Math.min(poolPiecesMax, Math.floor(poolBytes / valueBytes)));
    const pool = Buffer.alloc(valueBytes * count);
    /** @type {Buffer[]} */
    this.pieces = [];
    for (let i = 0; i < count; i++) {
      const piece = pool.subarray(i * valueBytes, (i + 1) * valueBytes);
      const half = Math.ceil(valueBytes / 2);
      for (let at = 0; at < half; at++) piece[at] = random.next() >>> 24;
      piece.fill(random.next() >>> 24, half);
      this.pieces.push(piece);
    }
  }

  /**
   * @param {number} entry
   * @param {number} generation 0 for the first value of an entry, 1 for the one that overwrites it
   * @returns {Buffer} not to be written to
   */
  of(entry, generation) {
    return this.pieces[(entry * 7919 + generation * 13) % this.pieces.length];
  }
}
