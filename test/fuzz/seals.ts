/**
 * Checksums that are made right again after a change, so that what stands behind them is reached. Everything is looked at as it is: what
 * does not fit ends the work.
 */
import { checksum64 } from '../../src/format/checksum.js';
import type { Field } from './mutation.js';

export const frameHeaderBytes = 40;

/** The low half of XXH64 over a header without its checksum, which stands at 12. */
export function sealHeader(bytes: Uint8Array, headerBytes: number): void {
  if (bytes.length < headerBytes) return;
  const checked = Buffer.concat([bytes.subarray(0, 12), bytes.subarray(16, headerBytes)]);
  viewOf(bytes).setUint32(12, Number(checksum64(checked) & 0xffff_ffffn), true);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A frame as its header says. */
export interface FramePlace {
  readonly at: number;
  readonly payloadAt: number;
  readonly end: number;
}

/** Frames one behind the other, as far as their lengths fit. */
export function framesIn(bytes: Uint8Array, from: number): FramePlace[] {
  const frames: FramePlace[] = [];
  for (let at = from; at + frameHeaderBytes <= bytes.length;) {
    const payloadAt = at + frameHeaderBytes;
    const end = payloadAt + viewOf(bytes).getUint32(at + 8, true);
    if (end > bytes.length || end % 8 !== 0) {
      frames.push({ at, payloadAt, end: payloadAt });
      break;
    }
    frames.push({ at, payloadAt, end });
    at = end;
  }
  return frames;
}

/** Fields of a frame header. */
export function frameFields(at: number): Field[] {
  return [
    { at, kind: 'u32' },
    { at: at + 4, kind: 'u8' },
    { at: at + 8, kind: 'u32' },
    { at: at + 12, kind: 'u32' },
    { at: at + 16, kind: 'f64' },
    { at: at + 24, kind: 'f64' },
    { at: at + 32, kind: 'u64' },
  ];
}

/** Makes the header of a frame at `at` fit, in a file of that id and number. */
export function sealFrame(
  bytes: Uint8Array,
  at: number,
  databaseId: Uint8Array,
  fileNumber: number,
  payloadChecksum: bigint,
): void {
  const view = viewOf(bytes);
  view.setBigUint64(at + 32, payloadChecksum, true);
  const place = Buffer.alloc(16);
  place.writeDoubleLE(fileNumber, 0);
  place.writeDoubleLE(at, 8);
  const bound = Buffer.concat([bytes.subarray(at + 4, at + frameHeaderBytes), databaseId, place]);
  view.setUint32(at, Number(checksum64(bound) & 0xffff_ffffn), true);
}

const footerBytes = 144;

/** Makes the checksums of a table fit: of the blocks that its index names, of its sections, of its footer. */
export function sealTable(bytes: Uint8Array): void {
  if (bytes.length < footerBytes) return;
  const view = viewOf(bytes);
  const footer = bytes.length - footerBytes;
  const stretch = (at: number): Uint8Array | undefined => {
    const offset = view.getFloat64(at, true);
    const length = view.getUint32(at + 8, true);
    return Number.isSafeInteger(offset) && offset >= 0 && offset + length <= footer
      ? bytes.subarray(offset, offset + length)
      : undefined;
  };
  for (const at of handlesIn(bytes)) {
    const block = stretch(at);
    if (block !== undefined) view.setBigUint64(at + 32, checksum64(block), true);
  }
  for (const at of [footer, footer + 32, footer + 64]) {
    const section = stretch(at);
    if (section !== undefined) view.setBigUint64(at + 24, checksum64(section), true);
  }
  view.setBigUint64(footer + 128, checksum64(bytes.subarray(footer, footer + 128)), true);
}

/** Where the handles of the blocks stand in a table, as its footer and its index say. */
export function handlesIn(bytes: Uint8Array): number[] {
  if (bytes.length < footerBytes) return [];
  const view = viewOf(bytes);
  const footer = bytes.length - footerBytes;
  const index = view.getFloat64(footer + 32, true);
  const end = index + view.getUint32(footer + 40, true);
  if (!Number.isSafeInteger(index) || index < 0 || end > footer || end - index < 16) return [];
  const count = view.getUint32(index, true);
  const first = index + 16 + 8 * count + view.getUint32(index + 8, true);
  const handles: number[] = [];
  for (let i = 0; i < count && first + 40 * (i + 1) <= end; i++) handles.push(first + 40 * i);
  return handles;
}

/** Makes the checksums of the headers of a tar fit. */
export function sealTar(bytes: Uint8Array): void {
  for (const at of tarHeadersIn(bytes)) {
    const header = Buffer.from(bytes.buffer, bytes.byteOffset + at, 512);
    header.fill(0x20, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
}

/** Where the headers of a tar stand, as far as their sizes lead. */
export function tarHeadersIn(bytes: Uint8Array): number[] {
  const headers: number[] = [];
  for (let at = 0; at + 512 <= bytes.length;) {
    const size = Number.parseInt(Buffer.from(bytes.subarray(at + 124, at + 136)).toString('latin1'), 8);
    if (bytes[at] === 0) break;
    headers.push(at);
    if (!Number.isSafeInteger(size) || size < 0) break;
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return headers;
}
