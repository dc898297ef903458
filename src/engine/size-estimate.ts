/**
 * Estimates the size that the directory would have after a full compaction, without making one.
 *
 *   tables of what is kept (blocks, index, filter, footer)  +  a fresh manifest  +  CURRENT  +  LOCK and files that are not ours
 *
 * What is kept is looked at whole where it is little (some two MiB), and sampled otherwise (table-sample.ts, memtable-sample.ts): about
 * ten milliseconds, however large the database. The first time may take longer, where indexes of tables must be read.
 *
 * Invariants:
 * 1. What is kept is looked at again only after memtables, tables or the unlocked state changed.
 * 2. Nothing is written, and no memtable is sorted.
 */
import { joinPath } from '../env/path.js';
import { loadCodec } from '../format/compression.js';
import { parseFileName } from '../format/file-names.js';
import { filterBytes } from '../sstable/table-filter.js';
import { footerBytes } from '../sstable/table-footer.js';
import { manifestImage } from '../version/manifest-image.js';
import { emptyVersion } from '../version/version.js';
import type { Engine } from './engine.js';
import { sampleMemtables } from './memtable-sample.js';
import { addStoredBytes, type StoredBytes } from './stored-bytes.js';
import { Survival } from './survival.js';
import { type SampleLimits, sampleTables } from './table-sample.js';

/** What the last level gives its filters. */
const filterBitsPerKey = 10;
/** Headers of index and properties, and what the manifest says of a table; its keys come twice to each. */
const indexHeaderBytes = 16;
const propertiesHeaderBytes = 56;
const manifestTableBytes = 40;

/** Limits that make the work about ten milliseconds. */
export const defaultSampleLimits: SampleLimits = {
  exactBytes: 2 * 1024 * 1024,
  exactRecords: 2048,
  compressedBytes: 2 * 1024 * 1024,
  work: 100_000,
};

interface Estimate {
  readonly generation: number;
  readonly unlockedSequence: number;
  readonly limits: SampleLimits;
  readonly bytes: number;
}

const lastEstimates = new WeakMap<Engine, Estimate>();

/**
 * Bytes that the files of the directory would take after a defrag with no view open, about. Throws what reading a table throws. The
 * limits are for tests: all zero, everything is sampled.
 */
export function estimateSizeInUse(engine: Engine, limits: SampleLimits = defaultSampleLimits): number {
  const { generation } = engine.reads;
  const { unlockedSequence } = engine.writes;
  const last = lastEstimates.get(engine);
  if (last?.generation === generation && last.unlockedSequence === unlockedSequence && last.limits === limits) return last.bytes;
  const bytes = Math.round(keptTableBytes(engine, limits) + otherFilesBytes(engine));
  lastEstimates.set(engine, { generation, unlockedSequence, limits, bytes });
  return bytes;
}

/** Tables that would hold what is kept, and what the manifest says of them. */
function keptTableBytes(engine: Engine, limits: SampleLimits): number {
  const { options, targetTableBytes } = engine.parts;
  const codec = options.compression === 'none' ? undefined : loadCodec();
  const survival = new Survival(engine);
  const kept = addStoredBytes(sampleMemtables(survival, codec, limits), sampleTables(survival, codec, limits), 1);
  if (kept.keyCount === 0) return 0;
  const tables = Math.max(1, Math.round((kept.dataBytes + kept.indexBytes) / targetTableBytes));
  return kept.dataBytes + kept.indexBytes + tables * bytesPerTable(kept, tables);
}

/** What a table has beside its blocks and their entries in the index. */
function bytesPerTable({ keyCount, keyBytes }: StoredBytes, tables: number): number {
  const bothKeysBytes = (2 * keyBytes) / keyCount;
  const filter = filterBytes(keyCount / tables, filterBitsPerKey);
  return filter + indexHeaderBytes + propertiesHeaderBytes + bothKeysBytes + footerBytes + manifestTableBytes + bothKeysBytes;
}

/** A manifest without tables, and the files that a defrag leaves as they are. */
function otherFilesBytes({ parts: { fileSystem, directory, versions } }: Engine): number {
  let sum = manifestImage(versions.currentManifestNumber, { ...versions.state, version: emptyVersion }).length;
  for (const name of fileSystem.list(directory)) {
    const kind = parseFileName(name)?.kind;
    if (kind === 'table' || kind === 'log' || kind === 'manifest' || kind === 'temporary') continue;
    const status = fileSystem.status(joinPath(directory, name));
    if (status?.kind === 'file') sum += status.sizeBytes;
  }
  return sum;
}
