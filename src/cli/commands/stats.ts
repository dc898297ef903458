/** `varve stats`: what a database is made of, in numbers. */
import type { Command, Outcome } from '../command.js';
import { withDatabase } from '../database.js';
import { formatBytes, formatCount } from '../output.js';

export const stats: Command = {
  name: 'stats',
  group: 'Reading',
  summary: 'print sizes, levels and what waits in the log',
  parameters: [{ name: 'database', summary: 'directory of the database' }],
  switches: [],
  examples: ['varve stats fruit.db', 'varve stats fruit.db --json'],
  async run(call) {
    const { output } = call;
    return withDatabase<Outcome>({ path: call.word('database') }, async (database) => {
      const { levels, memtableBytes } = database.stats();
      const buckets = database.readTx().unsafeBuckets().length;
      const sizeBytes = database.size();
      const sizeInUseBytes = database.sizeInUse();
      output.report({ sizeBytes, sizeInUseBytes, buckets, memtableBytes, levels }, () => {
        output.pairs([
          ['on disk', formatBytes(sizeBytes)],
          ['after defrag, about', formatBytes(sizeInUseBytes)],
          ['read from logs into memory', formatBytes(memtableBytes)],
          ['buckets', formatCount(buckets)],
        ]);
        output.line();
        output.table(
          [{ title: 'level' }, ...['runs', 'tables', 'bytes'].map((title) => ({ title, align: 'right' as const }))],
          levels.map(({ files, bytes, runs }, level) => [
            String(level),
            formatCount(runs),
            formatCount(files),
            formatBytes(bytes),
          ]),
        );
      });
      return 'done';
    });
  },
};
