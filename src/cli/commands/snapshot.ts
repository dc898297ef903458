/**
 * `varve snapshot`: a whole database as one file.
 *
 *   FILE.partial is written and synced ── renamed ──▶ FILE            else it is removed
 */
import { existsSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Snapshot } from '../../api.js';
import { nodeFileSystem } from '../../env/node-file-system.js';
import { ioError } from '../../env/io-error.js';
import { resolvePath } from '../../env/path.js';
import { invalidArgument, systemErrorCode } from '../../errors.js';
import type { Call, Command, Outcome } from '../command.js';
import { withDatabase } from '../database.js';
import { formatBytes } from '../output.js';

/** Writes a snapshot to a stream that is ended with it, or destroyed. */
async function writeTo(call: Call, snapshot: Snapshot, target: Writable, ends: boolean): Promise<number> {
  const total = snapshot.size();
  let done = 0;
  const counted = new PassThrough();
  counted.on('data', (piece: Uint8Array) => call.progress.bytes((done += piece.length), total));
  call.progress.begin('writing');
  const piped = pipeline(counted, target, { end: ends });
  try {
    const [written] = await Promise.all([
      snapshot.writeTo(counted, { signal: call.signal }).then((bytes) => (counted.end(), bytes)),
      piped,
    ]);
    return written;
  } catch (error) {
    counted.destroy();
    await piped.catch(() => {});
    throw error;
  } finally {
    call.progress.end();
  }
}

/** A stream into an open file, which stays open. */
function streamInto(handle: FileHandle): Writable {
  return new Writable({
    write(piece: Uint8Array, _encoding, done) {
      handle.writeFile(piece).then(() => done(), done);
    },
  });
}

async function writeFile(call: Call, snapshot: Snapshot, file: string): Promise<number> {
  const partial = `${file}.partial`;
  // Who runs the command a second time meanwhile is refused here.
  const handle = await open(partial, 'wx', 0o600).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'EEXIST') throw ioError('make', partial, error);
    throw invalidArgument(`${partial} exists: another snapshot is being written, or one was killed (then remove the file)`);
  });
  try {
    const written = await writeTo(call, snapshot, streamInto(handle), true);
    // Barrier: the content is on the disk before the name says that it is whole.
    await handle.sync();
    await handle.close();
    // Who holds the partial file is alone among those who run this command.
    if (existsSync(file)) throw invalidArgument(`${file} exists now, and is left as it is`);
    await rename(partial, file);
    // Barrier: the name is on the disk before the command says that it wrote the file.
    nodeFileSystem.syncDirectory(dirname(resolvePath(file)));
    return written;
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(partial, { force: true });
    throw error;
  }
}

export const snapshot: Command = {
  name: 'snapshot',
  group: 'Copying',
  summary: 'write the whole database to one file',
  details: 'A plain tar of a database. It appears under its name when it is whole; a file that is there is never replaced.',
  parameters: [
    { name: 'database', summary: 'directory of the database' },
    { name: 'file', summary: 'the new file; - is standard output' },
  ],
  switches: [],
  examples: ['varve snapshot fruit.db fruit.tar', 'varve snapshot fruit.db - | zstd > fruit.tar.zst'],
  async run(call) {
    const file = call.word('file');
    if (file === '-' && call.output.isTerminal)
      throw invalidArgument('a snapshot is no text for a terminal: redirect it, or name a file');
    if (file !== '-' && existsSync(file)) throw invalidArgument(`${file} exists, and is left as it is`);
    return withDatabase<Outcome>({ path: call.word('database') }, async (database) => {
      const pinned = await database.snapshot();
      try {
        if (file === '-') {
          await writeTo(call, pinned, call.output.raw, false);
          return 'done';
        }
        const bytes = await writeFile(call, pinned, file);
        call.output.report({ file, bytes }, () => call.output.line(`wrote ${formatBytes(bytes)} to ${file}`));
        return 'done';
      } finally {
        await pinned.close();
      }
    });
  },
};
