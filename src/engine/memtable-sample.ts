/**
 * Samples the memtables: what would be left of their records after a flush and a full compaction.
 *
 *   addresses   | r1 | r2 |        r3        | r4 | … | rn |        in units of 8 bytes
 *   points         ·          ·         ·         ·        ·
 *
 * A point falls on a record with a probability that is proportional to its size; see table-sample.ts. Records lie in the order in
 * which they were written, and nothing asks for the order of their keys: making it is what a memtable puts off until somebody
 * reads a range, and asking for a size should not be what costs it.
 *
 * Invariants:
 * 1. Small memtables are not sampled: every record is looked at once.
 * 2. Records of an open section, dead ones, tombstones, and the free rest of a chunk of the arena count as nothing.
 */
import type { Codec } from '../format/compression.js';
import type { Memtable } from '../memtable/memtable.js';
import { kindValue, recordBytes, recordHeaderBytes } from '../memtable/record.js';
import { addStoredBytes, noStoredBytes, type StoredBytes, StoredBytesMeter } from './stored-bytes.js';
import type { Survival } from './survival.js';
import type { SampleLimits } from './table-sample.js';

const pointCount = 512;
/** Odd, so that every point is taken; apart, so that those taken first are spread over all. */
const pointStride = 389;
const addressUnitBytes = 8;

/** Estimates what a full compaction would leave of the memtables. */
export function sampleMemtables(survival: Survival, codec: Codec | undefined, limits: SampleLimits): StoredBytes {
  let sum = noStoredBytes;
  for (let place = 0; place < survival.memtables.length; place++) {
    const memtable = survival.memtables[place] as Memtable;
    const sample = new MemtableSample(survival, memtable, place, new StoredBytesMeter(codec, limits.compressedBytes));
    const isSmall = memtable.recordCount <= limits.exactRecords && memtable.usedBytes <= limits.exactBytes;
    sum = addStoredBytes(sum, isSmall ? sample.takeAll() : sample.takePoints(), 1);
  }
  return sum;
}

class MemtableSample {
  constructor(
    private readonly survival: Survival,
    private readonly memtable: Memtable,
    private readonly place: number,
    private readonly meter: StoredBytesMeter,
  ) {}

  takeAll(): StoredBytes {
    for (let ordinal = 1; ordinal <= this.memtable.recordCount; ordinal++) this.takeRecord(this.record(ordinal), ordinal, 1);
    return this.meter.finish();
  }

  takePoints(): StoredBytes {
    const { recordCount, addressColumn: addresses } = this.memtable;
    const firstUnit = addresses[1] as number;
    const units = (addresses[recordCount] as number) + unitsOf(this.record(recordCount)) - firstUnit;
    for (let i = 0; i < pointCount; i++) {
      const point = (i * pointStride) % pointCount;
      const unit = firstUnit + ((point + 0.5) / pointCount) * units;
      const ordinal = lastUpTo(addresses, recordCount, unit);
      const record = this.record(ordinal);
      const recordUnits = unitsOf(record);
      if (unit < (addresses[ordinal] as number) + recordUnits) this.takeRecord(record, ordinal, 1 / recordUnits);
    }
    return addStoredBytes(noStoredBytes, this.meter.finish(), units / pointCount);
  }

  private record(ordinal: number): DataView {
    const bytes = this.memtable.recordAt(ordinal);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  private takeRecord(record: DataView, ordinal: number, weight: number): void {
    const { survival, memtable } = this;
    survival.work += 5;
    if (memtable.firstSequence + ordinal - 1 > survival.viewSequence || record.getUint8(6) !== kindValue) return;
    const bytes = new Uint8Array(record.buffer, record.byteOffset, record.byteLength);
    const keyEnd = recordHeaderBytes + record.getUint16(4, true);
    const value = bytes.subarray(keyEnd, keyEnd + record.getUint32(0, true));
    if (!survival.keepsRecord(this.place, bytes, recordHeaderBytes, keyEnd, value)) return;
    this.meter.addEntry(bytes, recordHeaderBytes, keyEnd, value, 0, value.length, weight);
  }
}

function unitsOf(record: DataView): number {
  return recordBytes(record.getUint16(4, true), record.getUint32(0, true)) / addressUnitBytes;
}

/** The last ordinal whose address is not above `unit`. */
function lastUpTo(addresses: Uint32Array, recordCount: number, unit: number): number {
  let low = 1;
  let high = recordCount;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((addresses[middle] as number) <= unit) low = middle;
    else high = middle - 1;
  }
  return low;
}
