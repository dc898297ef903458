/**
 * Table memory: what a job works in that writes tables, one after the other, which the next job of the thread takes over.
 *
 *   take ─▶ a job's ── give ─▶ spare ── take ─▶ the next job's
 *              └─ a job that failed: left to the collector
 *
 * A thread mostly runs one job at a time, some of them a few hundred times a second, and each would leave more than a mebibyte of
 * free memory behind, of which the collector learns late.
 *
 * Invariants:
 * 1. Memory has one owner: who has given it away does not touch it again.
 * 2. What large values made grow is not kept.
 */
import { blockBytesDefault, internalKeyBytesMax } from '../limits.js';
import { BlockBuilder } from './block-builder.js';

const stagingBytes = 1024 * 1024;
/** Where a flush lays records, and a merge of up to sixteen runs the blocks that it reads, on their way to a block. */
const entryWindowBytes = 16 * 2 * blockBytesDefault;
/** Areas of a builder of ordinary blocks stay below. */
const keptBuilderBytesMax = 1024 * 1024;

/** The memory of one job. Both builders are empty. */
export interface TableMemory {
  /** Bytes on their way to the file. */
  readonly staging: Buffer;
  readonly blocks: BlockBuilder;
  readonly index: BlockBuilder;
  /** Room for the longest internal key. */
  readonly key: Buffer;
}

let spare: TableMemory | undefined;

/** Memory that belongs to the caller until it gives it. */
export function takeTableMemory(): TableMemory {
  const memory = spare ?? {
    staging: Buffer.allocUnsafeSlow(stagingBytes),
    blocks: new BlockBuilder(entryWindowBytes),
    index: new BlockBuilder(),
    key: Buffer.allocUnsafeSlow(internalKeyBytesMax),
  };
  spare = undefined;
  return memory;
}

/** Gives memory to the next job of this thread. */
export function giveTableMemory(memory: TableMemory): void {
  if (memory.blocks.memoryBytes + memory.index.memoryBytes <= keptBuilderBytesMax) spare = memory;
}
