/**
 * All mutants, by kind, in the order of docs/mutants.md.
 */
import { adapterMutants } from './adapters.js';
import { backgroundMutants } from './background.js';
import { barrierMutants } from './barriers.js';
import { catalogMutants } from './catalog.js';
import { checksumMutants } from './checksums.js';
import { fileMutants } from './files.js';
import { lengthMutants } from './lengths.js';
import type { MutantGroup } from './mutant.js';
import { numberMutants } from './numbers.js';
import { roomMutants } from './room.js';
import { stretchMutants } from './stretches.js';
import { syncMutants } from './syncs.js';
import { tombstoneMutants } from './tombstones.js';
import { witnessMutants } from './witnesses.js';
import { workerMutants } from './workers.js';

/** Every deliberate defect. */
export const groups: readonly MutantGroup[] = [
  { title: 'Syncs left out', mutants: syncMutants },
  { title: 'Barriers, groups, poison', mutants: barrierMutants },
  { title: 'Torn tail or damage', mutants: witnessMutants },
  { title: 'Checksums and what they are bound to', mutants: checksumMutants },
  { title: 'Lengths, counts and shapes', mutants: lengthMutants },
  { title: 'Versions, tombstones, buckets, age', mutants: tombstoneMutants },
  { title: 'Numbers that must not go back', mutants: numberMutants },
  { title: 'Files, holds, locks', mutants: fileMutants },
  { title: 'Background work and memory', mutants: backgroundMutants },
  { title: 'Worker, slices, merges', mutants: workerMutants },
  { title: 'Room, refusals, owners', mutants: roomMutants },
  { title: 'What files say of versions, buckets and numbers', mutants: catalogMutants },
  { title: 'Stretches', mutants: stretchMutants },
  { title: 'Level and etcd', mutants: adapterMutants },
];
