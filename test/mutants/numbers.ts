/**
 * Mutants: numbers that are given twice or go back: sequences, file numbers, counters of the manifest.
 */
import type { Mutant } from './mutant.js';

const crash = 'crash/crash-points';
const counters = 'version/counters';

/** Every counter that must not go back. */
export const numberMutants: readonly Mutant[] = [
  {
    name: 'file-numbers-of-the-directory-ignored',
    file: 'engine/found-database.ts',
    find: '    nextFileNumber = Math.max(nextFileNumber, parsed.number + 1);\n',
    replace: '',
    breaks: 'a file number that a crash left behind is given again',
    tests: [crash],
  },
  {
    name: 'file-numbers-of-the-manifest-ignored',
    file: 'engine/version-store.ts',
    find: 'this.nextNumber = Math.max(nextFileNumber, manifestState.nextFileNumber);',
    replace: 'this.nextNumber = nextFileNumber;',
    breaks: 'a number is given again whose file is gone, and a snapshot or an older file takes its place',
    tests: ['engine/manifest-change'],
  },
  {
    name: 'file-number-given-twice',
    file: 'engine/version-store.ts',
    find: 'return this.nextNumber++;',
    replace: 'return this.nextNumber;',
    breaks: 'two files get one number',
    tests: [crash],
  },
  {
    name: 'file-numbers-of-jobs-given-twice',
    file: 'engine/version-store.ts',
    find: '    this.nextNumber += count;\n',
    replace: '    this.nextNumber += count - 1;\n',
    breaks: 'the last table of a job gets the number of another file',
    tests: ['engine/manifest-change'],
  },
  {
    name: 'oldest-log-may-go-back',
    file: 'version/manifest-state.ts',
    find: 'const oldestLogNumber = Math.max(state.oldestLogNumber, edit.oldestLogNumber ?? 0);',
    replace: 'const oldestLogNumber = edit.oldestLogNumber ?? state.oldestLogNumber;',
    breaks: 'logs that were given up count again',
    tests: [counters],
  },
  {
    name: 'bucket-counter-may-go-back',
    file: 'version/manifest-state.ts',
    find: 'const nextBucketId = Math.max(state.nextBucketId, edit.nextBucketId ?? 0);',
    replace: 'const nextBucketId = edit.nextBucketId ?? state.nextBucketId;',
    breaks: 'a bucket id is given again',
    tests: [counters],
  },
  {
    name: 'last-sequence-may-go-back',
    file: 'version/manifest-state.ts',
    find: 'let lastSequence = Math.max(state.lastSequence, edit.lastSequence ?? 0);',
    replace: 'let lastSequence = edit.lastSequence ?? state.lastSequence;',
    breaks: 'a new write gets a sequence below that of what it overwrites',
    tests: [counters],
  },
  {
    name: 'sequences-of-added-tables-ignored',
    file: 'version/manifest-state.ts',
    find: '      lastSequence = Math.max(lastSequence, table.maxSequence);\n',
    replace: '',
    breaks: 'a new write gets a sequence that a table holds',
    tests: [counters],
  },
  {
    name: 'numbers-of-added-tables-ignored',
    file: 'version/manifest-state.ts',
    find: '      nextFileNumber = Math.max(nextFileNumber, table.fileNumber + 1);\n',
    replace: '',
    breaks: 'the number of a table is given again',
    tests: [counters],
  },
  {
    name: 'durable-bytes-kept-for-another-log',
    file: 'version/manifest-state.ts',
    find: 'const bytesBefore = newestLogNumber === state.newestLogNumber ? state.newestLogBytes : 0;',
    replace: 'const bytesBefore = state.newestLogBytes;',
    breaks: 'a new log must be as long as the one before it, or passes for damaged',
    tests: [counters, crash],
  },
  {
    name: 'durable-bytes-of-an-older-log-taken',
    file: 'version/manifest-state.ts',
    find: 'const newestLogBytes = newestLogNumber === editedLog ? Math.max(bytesBefore, edit.newestLogBytes ?? 0) : bytesBefore;',
    replace: 'const newestLogBytes = Math.max(bytesBefore, edit.newestLogBytes ?? 0);',
    breaks: 'the length of an older log is asked of the newest one',
    tests: [counters],
  },
  {
    name: 'sequences-of-logs-given-again',
    file: 'engine/open.ts',
    find: 'engine.begin(recovered.nextSequence, ',
    replace: 'engine.begin(state.lastSequence + 1, ',
    breaks: 'new writes get the sequences of those that were recovered',
    tests: [crash],
  },
  {
    name: 'sequences-of-tables-given-again',
    file: 'engine/open.ts',
    find: '    nextSequence: found.state.lastSequence + 1,\n',
    replace: '    nextSequence: 1,\n',
    breaks: 'what is in tables is recovered again from its log, and wins over what is newer',
    tests: [crash, 'engine/recovery'],
  },
  {
    name: 'records-of-tables-recovered-again',
    file: 'engine/recovery.ts',
    find: 'if (endSequence > this.source.nextSequence) {',
    replace: 'if (endSequence > 0) {',
    breaks: 'groups that are in tables are recovered again',
    tests: ['engine/recovery', crash],
  },
  {
    name: 'sequences-of-a-moved-section-given-up',
    file: 'engine/memtable-slot.ts',
    find: 'return Math.max(this.recoveredLastSequence, this.unlockedTo - 1);',
    replace: 'return Math.max(this.recoveredLastSequence, this.memtable.nextSequence - 1);',
    breaks: 'a section that moved on to the next memtable is passed over at recovery',
    tests: ['regressions/027-a-section-that-moves-on-survives'],
  },
  {
    name: 'sequences-of-recovered-records-forgotten',
    file: 'engine/memtable-slot.ts',
    find: 'return Math.max(this.recoveredLastSequence, this.unlockedTo - 1);',
    replace: 'return Math.max(0, this.unlockedTo - 1);',
    breaks: 'a flush of recovered records divides their log at another place than the next recovery does',
    tests: ['engine/recovery'],
  },
];
