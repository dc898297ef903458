/** `varve repair`: saves what can be read of a damaged database into a new one, and says what is lost. */
import { nodeFileSystem } from '../../env/node-file-system.js';
import { resolvePath } from '../../env/path.js';
import { bytesToJson, formatBytesAs } from '../bytes-text.js';
import type { Command } from '../command.js';
import { withLockedDirectory } from '../database.js';
import { formatInternalKey, internalKeyToJson } from '../internal-key-text.js';
import { formatBytes, formatNoun, type Output } from '../output.js';
import { salvage, type SalvageReport, type SalvageWatch, type ToldLoss } from '../salvage/salvage.js';

function lossToJson({ kind: _kind, isOfUnknownAge: _isOfUnknownAge, smallestKey, largestKey, ...loss }: ToldLoss): unknown {
  return {
    ...loss,
    entries: loss.entries ?? null,
    ...(smallestKey === undefined ? {} : { smallestKey: internalKeyToJson(smallestKey) }),
    ...(largestKey === undefined ? {} : { largestKey: internalKeyToJson(largestKey) }),
  };
}

function howMany({ entries, isAtMost }: ToldLoss): string {
  if (entries === undefined) return 'an unknown number of entries lost';
  if (entries === 0) return 'nothing lost';
  return `${isAtMost === true ? 'at most ' : ''}${formatNoun(entries, 'entry', 'entries')} lost`;
}

function printLoss(output: Output, loss: ToldLoss): void {
  const { file, offset, bytes, message, excludesSmallest, smallestKey, largestKey, doubtfulEntries, entries } = loss;
  const place = [offset === undefined ? [] : [`at ${offset}`], bytes === undefined ? [] : [formatBytes(bytes)]].flat().join(', ');
  output.line(`${file}${place === '' ? '' : ` (${place})`}: ${howMany(loss)}`);
  // The place stands in the line above.
  output.line(`    ${message.replace(/^\S+( at offset \d+)?: /, '')}`);
  const from = smallestKey === undefined ? undefined : formatInternalKey(smallestKey);
  const to = largestKey === undefined ? undefined : formatInternalKey(largestKey);
  if (entries !== 0) {
    const start = `${excludesSmallest === true ? 'above' : 'from'} ${from ?? 'the first'}`;
    output.line(`    keys: ${from === undefined && to === undefined ? 'any' : `${start} to ${to ?? 'the last'}`}`);
  }
  if (doubtfulEntries > 0) {
    const saved = formatNoun(doubtfulEntries, 'saved entry', 'saved entries');
    output.line(`    ${saved} between them may be outdated: what was lost may have changed or deleted them`);
  }
}

function print(output: Output, report: SalvageReport, path: string): void {
  for (const loss of report.losses) printLoss(output, loss);
  for (const doubt of report.doubts) output.line(doubt);
  for (const name of report.inventedBuckets)
    output.line(`The name of a bucket is lost: it is ${formatBytesAs('text', name)} now.`);
  const saved = `${formatNoun(report.entries, 'entry', 'entries')} in ${formatNoun(report.buckets, 'bucket')} saved to ${path}`;
  output.line(report.losses.length === 0 ? `${saved}; nothing was lost` : saved);
}

export const repair: Command = {
  name: 'repair',
  group: 'Checking',
  summary: 'save what can be read of a damaged database into a new one, and say what is lost',
  details:
    'The damaged database is only read. Of each key the newest version whose checksum is right is saved. For everything that is lost it\n' +
    'says where it was, how many entries it held, between which keys (the id of the bucket stands before a key), and how many\n' +
    'saved entries it may have changed or deleted. Exits with 1 where something was damaged, and the new database is made.',
  parameters: [
    { name: 'database', summary: 'directory of the damaged database' },
    { name: 'target', summary: 'directory of the new one: missing, or empty' },
  ],
  switches: [],
  examples: ['varve repair broken.db saved.db', 'varve repair broken.db saved.db --json > losses.json'],
  async run(call) {
    const { output, progress, signal } = call;
    const path = resolvePath(call.word('target'));
    const watch: SalvageWatch = {
      signal,
      onStep: (what) => progress.begin(what),
      onEntries: (done) => progress.count(done, 'entries'),
      onVerify: (done, total) => progress.bytes(done, total),
    };
    const report = await withLockedDirectory(call.word('database'), (directory) =>
      salvage(nodeFileSystem, directory, path, watch),
    );
    progress.end();
    const { losses, inventedBuckets, ...rest } = report;
    const json = { target: path, ...rest, losses: losses.map(lossToJson), inventedBuckets: inventedBuckets.map(bytesToJson) };
    output.report(json, () => print(output, report, path));
    return losses.length === 0 && report.doubts.length === 0 ? 'done' : 'failed';
  },
};
