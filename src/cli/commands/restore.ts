/** `varve restore`: a database out of a snapshot. */
import { statSync } from 'node:fs';
import { restoreWithProgress } from '../../backend/open-backend.js';
import { VarveError } from '../../errors.js';
import type { Call, Command } from '../command.js';
import { openInput } from '../input.js';
import { formatBytes } from '../output.js';
import { checkSignal } from '../signal.js';

/**
 * The pieces of the source, which is opened at the first: a target that is refused opens nothing. A signal ends them with an error, and
 * the restore takes back what it made.
 */
async function* pieces(
  call: Call,
  file: string,
  total: number | undefined,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const source: AsyncIterable<Uint8Array> = openInput(call, file);
  let done = 0;
  for await (const piece of source) {
    checkSignal(call.signal);
    done += piece.length;
    count(done);
    call.progress.bytes(done, total);
    yield piece;
  }
}

export const restore: Command = {
  name: 'restore',
  group: 'Copying',
  summary: 'make a database of a snapshot',
  details: 'Every checksum is checked before the database appears. Whatever fails, nothing is left behind.',
  parameters: [
    { name: 'file', summary: 'the snapshot; - is standard input' },
    { name: 'database', summary: 'directory of the new database: missing, or empty' },
  ],
  switches: [],
  hints: { VARVE_CORRUPTION: 'The snapshot is damaged, or was cut off: take another one.' },
  examples: ['varve restore fruit.tar copy.db', 'zstd -dc fruit.tar.zst | varve restore - copy.db'],
  async run(call) {
    const file = call.word('file');
    const path = call.word('database');
    const status = file === '-' ? undefined : statSync(file, { throwIfNoEntry: false });
    if (file !== '-' && status?.isFile() !== true) {
      throw new VarveError('VARVE_IO', status === undefined ? `there is no file ${file}` : `${file} is no file`, { file });
    }
    let bytes = 0;
    call.progress.begin('restoring');
    const source = pieces(call, file, status?.size, (done) => (bytes = done));
    let isVerifying = false;
    await restoreWithProgress(source, path, (done, total) => {
      if (!isVerifying) call.progress.begin('verifying');
      isVerifying = true;
      checkSignal(call.signal);
      call.progress.bytes(done, total);
    });
    call.progress.end();
    call.output.report({ database: path, bytes }, () => call.output.line(`restored ${path} from ${formatBytes(bytes)}`));
    return 'done';
  },
};
