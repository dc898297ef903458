/**
 * A decoder to be fuzzed: how right input is made, where its fields are, how its checksums are made right again, and what must hold of
 * whatever comes out.
 */
import { VarveError, type VarveErrorCode } from '../../src/errors.js';
import { AllocationMeter } from './allocation.js';
import type { Chance } from './chance.js';
import type { Field } from './mutation.js';

/** A rule that was broken. */
export class Complaint extends Error {}

export interface Target<Value = unknown> {
  readonly name: string;
  /** Right input, made by the real encoder. */
  sample(chance: Chance): Uint8Array;
  /** Where the numbers are. The bytes may be anything. */
  fields(bytes: Uint8Array): readonly Field[];
  /** Makes checksums right again, in place, as far as the bytes have any. */
  seal?(bytes: Uint8Array): void;
  decode(bytes: Uint8Array): Value | Promise<Value>;
  /** Throws a Complaint where the value cannot be right; `original` is what the bytes were before, where no checksum was made right. */
  check?(value: Value, bytes: Uint8Array, original: Uint8Array | undefined): void;
  /** What errors must name as their file; undefined: the decoder never throws. */
  readonly file: string | RegExp | undefined;
  /** Codes of errors; absent: VARVE_CORRUPTION and VARVE_UNSUPPORTED_VERSION. */
  readonly codes?: readonly VarveErrorCode[];
  /** Bytes that one allocation may have, for input of that size. Absent: eight times the input, and 1 KiB. */
  largestAllocation?(sizeBytes: number): number;
  /** Size of the file that the input is the end of; absent: the input is the file. */
  readonly fileBytes?: number;
}

const usualCodes: readonly VarveErrorCode[] = ['VARVE_CORRUPTION', 'VARVE_UNSUPPORTED_VERSION'];

/** States a rule. */
export function must(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Complaint(rule);
}

function checkError(target: Target, error: unknown, sizeBytes: number): string {
  if (!(error instanceof VarveError)) throw error;
  const { code, file, offset, message } = error;
  must((target.codes ?? usualCodes).includes(code), `${code} is not one of its errors: ${message}`);
  must(target.file !== undefined, `it never throws, but: ${message}`);
  must(
    file !== undefined && (typeof target.file === 'string' ? file === target.file : target.file.test(file)),
    `the file is ${file}`,
  );
  must(
    offset === undefined || (Number.isSafeInteger(offset) && offset >= 0 && offset <= (target.fileBytes ?? sizeBytes)),
    `the offset is ${offset}`,
  );
  return `${code}: ${message.replace(/0x[0-9a-f]+|[-+]?\d+(\.\d+)?(e[+-]\d+)?|NaN|Infinity/g, '#')}`;
}

/** Decodes and judges; gives in words what came of it, the same for all inputs that end alike. Throws a Complaint, or what is no error of ours. */
export async function judge(target: Target, bytes: Uint8Array, original: Uint8Array | undefined): Promise<string> {
  const meter = new AllocationMeter();
  let value: unknown;
  let error: unknown;
  meter.start();
  try {
    const decoded = target.decode(bytes);
    value = decoded instanceof Promise ? await decoded : decoded;
  } catch (thrown) {
    error = thrown ?? new Complaint('undefined was thrown');
  } finally {
    meter.stop();
  }
  const most = target.largestAllocation?.(bytes.length) ?? 8 * bytes.length + 1024;
  must(meter.largest <= most, `it asks for ${meter.largest} bytes at once, for an input of ${bytes.length}`);
  if (error !== undefined) return checkError(target, error, bytes.length);
  target.check?.(value, bytes, original);
  return value === undefined || value === false ? 'nothing' : 'a value';
}
