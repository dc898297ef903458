import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { restoreInto } from '../../src/backend/restore.js';
import { systemErrorCode } from '../../src/errors.js';
import type * as Compression from '../../src/format/compression.js';
import { parseFileName } from '../../src/format/file-names.js';
import { path } from '../crash/workload.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';
import { sampleSnapshot } from '../support/sample-snapshot.js';

const codec = vi.hoisted(() => ({ isMissing: false }));
vi.mock('../../src/format/compression.js', async (importOriginal) => {
  const original = await importOriginal<typeof Compression>();
  return { ...original, loadCodec: () => (codec.isMissing ? undefined : original.loadCodec()) };
});
afterEach(() => {
  codec.isMissing = false;
});

let archive: Buffer;
async function* source(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(archive);
}

beforeAll(async () => {
  archive = await sampleSnapshot();
});

// Each was told as VARVE_CORRUPTION, for which one throws a sound backup away.
test('whatever file a restore cannot read back, because the system refuses, is VARVE_IO with the reason, and nothing is left', async () => {
  for (const kind of ['current', 'manifest', 'table', 'log']) {
    const files = new MemoryFileSystem();
    const failing = new FailingFileSystem(files);
    failing.onCall = ({ kind: call, path: name }) => {
      if (call === 'openToRead' && parseFileName(name.slice(name.lastIndexOf('/') + 1))?.kind === kind) {
        throw systemFailure('EMFILE', name);
      }
    };
    const error: unknown = await restoreInto(source(), path, failing).catch((thrown: unknown) => thrown);
    expect(error, kind).toMatchObject({ code: 'VARVE_IO' });
    expect(systemErrorCode(error)).toBe('EMFILE');
    expect(files.list('/')).toEqual([]);
  }
});

test('a snapshot whose tables need a codec that is not there is VARVE_UNSUPPORTED_VERSION, and nothing is left', async () => {
  const files = new MemoryFileSystem();
  codec.isMissing = true;
  await expect(restoreInto(source(), path, files)).rejects.toMatchObject({ code: 'VARVE_UNSUPPORTED_VERSION' });
  expect(files.list('/')).toEqual([]);
});
