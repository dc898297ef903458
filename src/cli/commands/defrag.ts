/** `varve defrag`: gives back what overwritten and deleted entries still take. */
import type { Command, Outcome } from '../command.js';
import { withDatabase } from '../database.js';
import { formatBytes } from '../output.js';

export const defrag: Command = {
  name: 'defrag',
  group: 'Maintenance',
  summary: 'compact everything, and give back the room of what was overwritten or deleted',
  details: 'Needs room on the disk for a second copy meanwhile. Interrupted, it leaves the database as it was.',
  parameters: [{ name: 'database', summary: 'directory of the database' }],
  switches: [],
  examples: ['varve defrag fruit.db'],
  async run(call) {
    const { output, progress, signal } = call;
    return withDatabase<Outcome>({ path: call.word('database'), readOnly: false }, async (database) => {
      const before = database.size();
      progress.begin('compacting');
      await database.defrag({ signal, onProgress: (done, total) => progress.bytes(done, total) });
      progress.end();
      const after = database.size();
      output.report({ bytesBefore: before, bytesAfter: after }, () =>
        output.line(`${formatBytes(before)} before, ${formatBytes(after)} after`),
      );
      return 'done';
    });
  },
};
