/**
 * A table file. Written from docs/format.md alone. Blocks that are compressed are refused: this reader has no codec.
 */
import { Bytes, check, xxh64 } from './bytes.js';

export interface TableEntry {
  readonly key: string;
  readonly sequence: number;
  readonly value: Uint8Array | undefined;
}

/** The entries of one block in their order. */
export function blockEntries(block: Bytes): TableEntry[] {
  const count = block.u32(0);
  const hasSequences = block.u32(4) === 1;
  const keyEndsAt = 16 + (hasSequences ? 8 * count : 0);
  const valueEndsAt = keyEndsAt + 4 * count;
  const keysAt = valueEndsAt + 4 * count;
  const valuesAt = keysAt + block.u32(8);
  check(valuesAt + block.u32(12) === block.bytes.length, 'a block of another size than its header says');
  const entries: TableEntry[] = [];
  let [keyStart, valueStart] = [0, 0];
  for (let i = 0; i < count; i++) {
    const keyEnd = block.u32(keyEndsAt + 4 * i);
    const valueWord = block.u32(valueEndsAt + 4 * i);
    const valueEnd = valueWord % 2 ** 31;
    entries.push({
      key: block.text(keysAt + keyStart, keysAt + keyEnd),
      sequence: hasSequences ? block.f64(16 + 8 * i) : 0,
      value: valueWord >= 2 ** 31 ? undefined : block.slice(valuesAt + valueStart, valuesAt + valueEnd),
    });
    [keyStart, valueStart] = [keyEnd, valueEnd];
  }
  return entries;
}

/** A section of the file by its description in the footer; 0: filter, 1: index, 2: properties. */
export function section(file: Bytes, number: number): Bytes {
  const at = file.bytes.length - 144 + 32 * number;
  const bytes = file.slice(file.f64(at), file.f64(at) + file.u32(at + 8));
  check(xxh64(bytes) === file.u64(at + 24), `section ${number} does not match its checksum`);
  return new Bytes(bytes);
}

/** All entries of a table. */
export function tableEntries(file: Bytes): TableEntry[] {
  const footer = new Bytes(file.slice(file.bytes.length - 144, file.bytes.length));
  check(footer.text(136, 144) === 'varvesst' && footer.u32(120) === 1, 'no table of version 1');
  check(xxh64(footer.slice(0, 128)) === footer.u64(128), 'the footer does not match its checksum');
  return blockEntries(section(file, 1)).flatMap(({ value: handleBytes }) => {
    const handle = new Bytes(handleBytes ?? new Uint8Array());
    check(handle.u8(16) === 0, 'a block that is compressed');
    const stored = file.slice(handle.f64(0), handle.f64(0) + handle.u32(8));
    check(xxh64(stored) === handle.u64(32), 'a block does not match its checksum');
    const entries = blockEntries(new Bytes(stored));
    check(entries.length === handle.u32(20), 'a block of another number of entries than its handle says');
    return entries;
  });
}

/** Whether the filter of a table lets a key with this hash pass. */
export function filterPasses(filter: Bytes, hash: number): boolean {
  const [probes, lines] = [filter.u32(4), filter.u32(8)];
  if (lines === 0) return true;
  const line = 16 + 64 * Math.floor((hash * lines) / 2 ** 32);
  let bits = Math.imul(hash, 0xb5297a4d);
  for (let probe = 0; probe < probes; probe++) {
    if (((filter.u32(line + 4 * (bits >>> 28)) >>> ((bits >>> 23) & 31)) & 1) === 0) return false;
    bits = Math.imul(bits, 0x68e31da5);
  }
  return true;
}
