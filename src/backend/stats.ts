/** Counters and gauges of a backend, as one plain value. Bytes and milliseconds; counters are since the database was opened. */
import type { BackendStats } from '../api.js';
import type { Engine } from '../engine/engine.js';
import { levelBytes, levelTableCount } from '../version/version.js';

/** The numbers as they are now. */
export function collectStats(engine: Engine): BackendStats {
  const { versions, memtables, cache } = engine.parts;
  const { counters } = engine.background;
  return {
    levels: versions.version.levels.map((level) => ({
      files: levelTableCount(level),
      bytes: levelBytes(level),
      runs: level.runs.length,
    })),
    memtableBytes: memtables.bytes,
    userBytesWritten: engine.writes.userBytes,
    walBytesWritten: engine.commits.bytesWritten,
    flushBytesWritten: counters.flushBytesWritten,
    compactionBytesWritten: counters.compactionBytesWritten,
    cache: { bytes: cache.bytes, hits: cache.hits, misses: cache.misses },
    stalls: { count: counters.stallCount, totalMs: counters.stallMs },
    flushes: counters.flushes,
    compactions: counters.compactions,
    commits: engine.commits.commits,
    backgroundFailures: counters.failures,
    blocksCopied: counters.blocksCopied,
    tablesMoved: counters.tablesMoved,
  };
}
