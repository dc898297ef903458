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

/** Bytes of a key. */
export const keyBytes = 16;
const digitZero = 48;
const poolPieces = 40_000;

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
 * Writes the key of an entry into `target`, which is used again and again: the library copies what it keeps.
 * @param {Uint8Array} target of keyBytes bytes
 * @param {number} entry
 */
export function writeKey(target, entry) {
  writeDigits(target, entry * 2);
}

/**
 * Writes a key that is not there and would lie just after that of the entry.
 * @param {Uint8Array} target of keyBytes bytes
 * @param {number} entry
 */
export function writeMissingKey(target, entry) {
  writeDigits(target, entry * 2 + 1);
}

/**
 * @param {Uint8Array} target
 * @param {number} number
 */
function writeDigits(target, number) {
  let left = number;
  for (let i = keyBytes - 1; i >= 0; i--) {
    const tenth = Math.floor(left / 10);
    target[i] = digitZero + left - tenth * 10;
    left = tenth;
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
    const pool = Buffer.alloc(valueBytes * poolPieces);
    /** @type {Buffer[]} */
    this.pieces = [];
    for (let i = 0; i < poolPieces; i++) {
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
    return this.pieces[(entry * 7919 + generation * 13) % poolPieces];
  }
}
