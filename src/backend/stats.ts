/** Counters and gauges of a backend, as one plain value. Bytes and milliseconds; counters are since the database was opened. */
import type { RecordableHistogram } from 'node:perf_hooks';
import type { BackendStats } from '../api.js';
import type { Engine } from '../engine/engine.js';
import { levelBytes, levelTableCount } from '../version/version.js';

/** The numbers as they are now. */
export function collectStats(engine: Engine, commitLatencies: RecordableHistogram): BackendStats {
  const { versions, memtables, cache } = engine.parts;
  const { counters } = engine.background;
  const walBytesWritten = engine.commits.bytesWritten;
  const { flushBytesWritten, compactionBytesWritten } = counters;
  const userBytesWritten = engine.writes.userBytes;
  const written = walBytesWritten + flushBytesWritten + compactionBytesWritten;
  return {
    levels: versions.version.levels.map((level) => ({
      files: levelTableCount(level),
      bytes: levelBytes(level),
      runs: level.runs.length,
    })),
    memtableBytes: memtables.bytes,
    userBytesWritten,
    walBytesWritten,
    flushBytesWritten,
    compactionBytesWritten,
    writeAmplification: userBytesWritten === 0 ? 0 : written / userBytesWritten,
    commitLatencyMs: {
      count: commitLatencies.count,
      p50: commitLatencies.count === 0 ? 0 : commitLatencies.percentile(50) / 1000,
      p99: commitLatencies.count === 0 ? 0 : commitLatencies.percentile(99) / 1000,
      max: commitLatencies.count === 0 ? 0 : commitLatencies.max / 1000,
    },
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
