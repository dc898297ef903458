/**
 * Measurements by series and time: written in order, read by ranges, and forgotten a day at a time.
 *
 *   bucket     key                                     value
 *   2026-11-26 name of the series ‖ 0 ‖ time, ms (8 bytes)   the measurement, a double (8 bytes)
 *
 * A bucket a day: to forget a day is to delete its bucket, which takes constant time however much it holds. Within a bucket the measurements
 * of one series stand together, in the order of their times.
 *
 * Run it: node examples/time-series.js [directory]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openBackend } from 'varve';

const dayMs = 86_400_000;

/** @param {number} timeMs @returns {string} */
const dayOf = (timeMs) => new Date(timeMs).toISOString().slice(0, 10);

/** @param {string} series @param {number} timeMs @returns {Buffer} */
function keyOf(series, timeMs) {
  const name = Buffer.from(series);
  const key = Buffer.alloc(name.length + 9);
  name.copy(key);
  key.writeBigUInt64BE(BigInt(timeMs), name.length + 1);
  return key;
}

export class TimeSeries {
  /** @param {string} directory */
  static async open(directory) {
    return new TimeSeries(await openBackend({ path: directory, compaction: 'write' }));
  }

  /** @param {import('varve').Backend} backend */
  constructor(backend) {
    this.backend = backend;
    this.days = new Set(backend.readTx().unsafeBuckets().map(String));
  }

  /**
   * Adds measurements; they are durable within `batchIntervalMs`.
   * @param {{ series: string, timeMs: number, value: number }[]} measurements
   */
  append(measurements) {
    this.backend.update((tx) => {
      const value = Buffer.alloc(8);
      for (const measurement of measurements) {
        const day = dayOf(measurement.timeMs);
        if (!this.days.has(day)) tx.unsafeCreateBucket(day);
        value.writeDoubleBE(measurement.value);
        tx.unsafePut(day, keyOf(measurement.series, measurement.timeMs), value);
      }
    });
    // Not earlier: a section that throws has made no bucket.
    for (const { timeMs } of measurements) this.days.add(dayOf(timeMs));
  }

  /**
   * Calls `visit` with each measurement of a series from `fromMs` to `endMs`, exclusive, in order.
   * @param {string} series
   * @param {number} fromMs
   * @param {number} endMs
   * @param {(timeMs: number, value: number) => void} visit
   */
  read(series, fromMs, endMs, visit) {
    this.backend.view((tx) => {
      for (let day = fromMs - (fromMs % dayMs); day < endMs; day += dayMs) {
        const range = { gte: keyOf(series, Math.max(fromMs, day)), lt: keyOf(series, Math.min(endMs, day + dayMs)) };
        for (const [key, value] of tx.unsafeIterate(dayOf(day), range)) {
          visit(Number(key.readBigUInt64BE(key.length - 8)), value.readDoubleBE());
        }
      }
    });
  }

  /**
   * Forgets all days before that of `timeMs`.
   * @param {number} timeMs
   * @returns {string[]} the days
   */
  forgetBefore(timeMs) {
    const oldest = dayOf(timeMs);
    const gone = [...this.days].filter((day) => day < oldest).sort();
    this.backend.update((tx) => gone.forEach((day) => tx.unsafeDeleteBucket(day)));
    gone.forEach((day) => this.days.delete(day));
    return gone;
  }

  close() {
    return this.backend.close();
  }
}

async function main(given) {
  const directory = given ?? mkdtempSync(join(tmpdir(), 'varve-series-'));
  const store = await TimeSeries.open(directory);
  const begin = Date.UTC(2026, 10, 24);
  for (let minute = 0; minute < 3 * 1440; minute++) {
    const timeMs = begin + minute * 60_000;
    const degrees = 10 + 5 * Math.sin((minute / 1440) * 2 * Math.PI);
    store.append([
      { series: 'inside', timeMs, value: 21 },
      { series: 'outside', timeMs, value: degrees },
    ]);
  }
  let count = 0;
  let warmest = -Infinity;
  store.read('outside', begin + dayMs / 2, begin + 2 * dayMs, (_timeMs, value) => {
    count++;
    warmest = Math.max(warmest, value);
  });
  console.log(`${count} measurements in 36 hours, the warmest ${warmest.toFixed(1)} degrees`);
  console.log(`forgotten: ${store.forgetBefore(begin + 2 * dayMs).join(', ')}`);
  let left = 0;
  store.read('outside', begin, begin + 3 * dayMs, () => left++);
  console.log(`${left} measurements are left`);
  await store.close();
  if (given === undefined) rmSync(directory, { recursive: true });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv[2]);
