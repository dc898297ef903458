/** `varve verify`: reads every byte and lists what is wrong. */
import { verifyWithProgress } from '../../backend/open-backend.js';
import type { Command } from '../command.js';
import { formatBytes, formatNoun } from '../output.js';
import { unlessAborted } from '../signal.js';

export const verify: Command = {
  name: 'verify',
  group: 'Checking',
  summary: 'read every byte, check every checksum, list every problem',
  details: 'Changes nothing. Exits with 1 where there are problems. What a crash cut off the last log is none.',
  parameters: [{ name: 'database', summary: 'directory of the database' }],
  switches: [],
  examples: ['varve verify fruit.db', 'varve verify fruit.db --json'],
  async run(call) {
    const { output, progress, signal } = call;
    progress.begin('verifying');
    const verified = verifyWithProgress(call.word('database'), (done, total) => progress.bytes(done, total));
    const report = await unlessAborted(signal, verified);
    progress.end();
    output.report(report, () => {
      for (const { file, message } of report.problems) output.line(message.startsWith(file) ? message : `${file}: ${message}`);
      const read = `${formatNoun(report.files, 'file')}, ${formatNoun(report.entries, 'entry', 'entries')}, ${formatBytes(report.bytes)}`;
      output.line(report.ok ? `sound: ${read}` : `${formatNoun(report.problems.length, 'problem')}: ${read} read`);
    });
    return report.ok ? 'done' : 'failed';
  },
};
