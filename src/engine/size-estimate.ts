/** An estimate of the size that the database would have after a full compaction. */
import type { Engine } from './engine.js';

export function estimateSizeInUse(engine: Engine): number {
  return engine.sizeBytes();
}
