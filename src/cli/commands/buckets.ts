/** `varve buckets`: their names, and what they hold. */
import { bytesToJson, formatBytesAs } from '../bytes-text.js';
import type { Command, Outcome } from '../command.js';
import { withDatabase } from '../database.js';
import { formatBytes, formatCount } from '../output.js';
import { formOf, hexSwitch } from '../range.js';
import { checkSignal, giveWay } from '../signal.js';

export const buckets: Command = {
  name: 'buckets',
  group: 'Reading',
  summary: 'list the buckets',
  details: 'With --count everything is read, to say how many keys there are and how many bytes keys and values have.',
  parameters: [{ name: 'database', summary: 'directory of the database' }],
  switches: [{ flags: '--count', summary: 'say how much is in each' }, hexSwitch],
  examples: ['varve buckets fruit.db', 'varve buckets fruit.db --count --json'],
  async run(call) {
    const { output, progress, signal } = call;
    const form = formOf(call);
    return withDatabase<Outcome>({ path: call.word('database') }, async (database) => {
      const view = database.readTx();
      const names = view.unsafeBuckets();
      if (!call.has('count')) {
        output.report(
          names.map((name) => ({ bucket: bytesToJson(name) })),
          () => {
            for (const name of names) output.line(formatBytesAs(form, name));
          },
        );
        return 'done';
      }
      const rows: { name: Buffer; keys: number; bytes: number }[] = [];
      progress.begin('counting');
      let seen = 0;
      for (const name of names) {
        const row = { name, keys: 0, bytes: 0 };
        for (const [key, value] of view.unsafeIterate(name)) {
          row.keys++;
          row.bytes += key.length + value.length;
          if (++seen % 4096 !== 0) continue;
          progress.count(seen, 'keys');
          await giveWay();
          checkSignal(signal);
        }
        rows.push(row);
      }
      progress.end();
      output.report(
        rows.map(({ name, keys, bytes }) => ({ bucket: bytesToJson(name), keys, bytes })),
        () =>
          output.table(
            [{ title: 'bucket' }, { title: 'keys', align: 'right' }, { title: 'bytes', align: 'right' }],
            rows.map(({ name, keys, bytes }) => [formatBytesAs(form, name), formatCount(keys), formatBytes(bytes)]),
          ),
      );
      return 'done';
    });
  },
};
