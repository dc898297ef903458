/**
 * Mutants: stretches that are too long, taken twice, or handed out when nothing may be any more.
 */
import type { Mutant } from './mutant.js';

/** Every rule of what may be taken together. */
export const stretchMutants: readonly Mutant[] = [
  {
    name: 'stretch-over-tombstones',
    file: 'sstable/block-stretch.ts',
    find: 'if (next > entry && (block.isTombstone(next) || keyEnd',
    replace: 'if (next > entry && (keyEnd',
    breaks: 'a walk shows what was deleted, as an empty value',
    tests: ['engine/stretches'],
  },
  {
    name: 'stretch-over-tombstones-in-reverse',
    file: 'sstable/block-stretch.ts',
    find: 'if (next < entry && (block.isTombstone(next) || keysEnd',
    replace: 'if (next < entry && (keysEnd',
    breaks: 'a walk in reverse shows what was deleted, as an empty value',
    tests: ['engine/stretches'],
  },
  {
    name: 'stretch-over-versions',
    file: 'sstable/run-cursor.ts',
    find: 'if (block.sequences !== undefined) stretch.takeOne(this);\n    else if (',
    replace: 'if (',
    breaks: 'a walk shows several versions of a key, also such as its view does not see',
    tests: ['engine/stretches'],
  },
  {
    name: 'stretch-to-an-older-version',
    file: 'sstable/run-cursor.ts',
    find: 'this.hasVersions ? Math.min(1, this.entry) : 0',
    replace: '0',
    breaks: 'a walk in reverse shows the older version of a key that straddles blocks',
    tests: ['engine/stretches'],
  },
  {
    name: 'stretch-over-other-sources',
    file: 'engine/merging-cursor.ts',
    find: '    if (second !== undefined) stretch.cut(second.keyBytes, second.keyStart, second.keyEnd, false);\n',
    replace: '',
    breaks: 'a walk passes over newer versions, and gives keys out of order',
    tests: ['engine/stretches'],
  },
  {
    name: 'stretch-beyond-the-range',
    file: 'engine/merging-cursor.ts',
    find: '    stretch.cut(bound, 0, bound.length, this.reverse);\n',
    replace: '',
    breaks: 'a range gives keys outside of its bounds',
    tests: ['engine/stretches'],
  },
  {
    name: 'stretch-taken-twice',
    file: 'engine/merging-cursor.ts',
    find: '    source.passStretch(stretch);\n',
    replace: '',
    breaks: 'a walk gives the same entries again',
    tests: ['engine/stretches'],
  },
  {
    name: 'stretch-with-a-short-key',
    file: 'engine/range-cursor.ts',
    find: '    if (stretch.shortestKeyBytes < this.bucket.prefix.length) throw outOfOrder(current);\n',
    replace: '',
    breaks: 'damage within a block is told as a wrong length of an array',
    tests: ['regressions/086-keys-out-of-order-under-right-checksums'],
  },
  {
    name: 'key-keeps-its-value-alive',
    file: 'backend/copies.ts',
    find: 'if (allBytes > stretchBytesMax) {',
    replace: 'if (allBytes < 0) {',
    breaks: 'a key that is kept keeps its large value',
    tests: ['engine/stretches'],
  },
  {
    name: 'place-of-an-iterator-forgotten',
    file: 'backend/entry-iterator.ts',
    find: '    walk.rememberKey(last);\n',
    replace: '',
    breaks: 'an iterator begins again where tables were exchanged under it',
    tests: ['contract/read-ahead'],
  },
  {
    name: 'end-of-an-iterator-noticed-late',
    file: 'backend/entry-iterator.ts',
    find: '    this.check();\n    try {',
    replace: '    if (this.place === this.count) this.check();\n    try {',
    breaks: 'an iterator goes on after its transaction ended',
    tests: ['contract/read-ahead'],
  },
  {
    name: 'length-of-one-key-taken-for-all',
    file: 'sstable/block.ts',
    find: 'isEachAsLong &&= nextKeyEnd - keyEnd === firstKeyBytes;',
    replace: 'isEachAsLong &&= nextKeyEnd - keyEnd >= firstKeyBytes;',
    breaks: 'keys of several lengths are read at wrong places',
    tests: ['sstable/block'],
  },
];
