/**
 * Directories that are not as they were left: files missing, renamed, doubled, exchanged, replaced by what is no file; foreign files
 * beside ours; strange contents of CURRENT; a copy taken while the database was open. On the disk of the system, since links, FIFOs
 * and sockets are.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { openEngine } from '../../src/engine/open.js';
import { verifyDirectory } from '../../src/engine/verify.js';
import { nodeFileSystem } from '../../src/env/node-file-system.js';
import { VarveError } from '../../src/errors.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { resolveOptions } from '../../src/options.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { byTier, report } from '../support/tier.js';
import { complaints, examine, type Outcome, readEverything } from './support/examine.js';
import { fileOf, type Image, withFile } from './support/image.js';
import { allShapes, contentOf, type Shape } from './support/shapes.js';

let shapes: Shape[] = [];
/** All of them in the deep tier. */
let some: Shape[] = [];
let cases = 0;

beforeAll(async () => {
  await initializeChecksum();
  shapes = (await allShapes()).filter(({ isSmall }) => isSmall);
  some = byTier([shapes[0], shapes[2], shapes[5]] as Shape[], shapes);
});

afterAll(() => report('hostile directories', `${cases} cases`));

const isOurs = (name: string): boolean => name !== 'LOCK';

/** The newest state, or damage; VARVE_IO too, where `io` says that something there is no file. */
function expectRightOrDamage(shape: Shape, outcome: Outcome, where: string, io = false): void {
  cases++;
  if ('content' in outcome) expect(outcome.content, where).toBe(shape.states.at(-1));
  else
    expect(io ? ['VARVE_CORRUPTION', 'VARVE_IO'] : ['VARVE_CORRUPTION'], `${where}: ${outcome.error.message}`).toContain(
      outcome.error.code,
    );
}

async function expectDamage(image: Image, where: string, file?: string): Promise<void> {
  cases++;
  const outcome = await examine(image, { readOnly: false, defrag: false });
  expect(outcome, where).toMatchObject({ error: { code: 'VARVE_CORRUPTION', ...(file !== undefined && { file }) } });
  expect((await complaints(image)).length, `${where}: verify`).toBeGreaterThan(0);
}

describe('a file that is missing', () => {
  test('is damage that names it: CURRENT, the manifest, each table, each log', async () => {
    for (const shape of shapes) {
      for (const name of [...shape.image.keys()].filter(isOurs)) {
        await expectDamage(withFile(shape.image, name, undefined), `${shape.name} without ${name}`, name);
      }
    }
  });

  test('with another one, of whatever kind, is damage, never a new empty database', async () => {
    for (const shape of shapes) {
      const names = [...shape.image.keys()].filter(isOurs);
      for (const [i, first] of names.entries()) {
        for (const second of names.slice(i + 1)) {
          const image = withFile(withFile(shape.image, first, undefined), second, undefined);
          // With LOCK alone nothing tells that there ever was a database.
          if (![...image.keys()].some(isOurs)) continue;
          await expectDamage(image, `${shape.name} without ${first} and ${second}`);
        }
      }
    }
  });
});

describe('files that changed places', () => {
  test('under a new number, exchanged with another of their kind: the newest state or damage', async () => {
    for (const shape of some) {
      const names = [...shape.image.keys()].filter(isOurs);
      for (const name of names) {
        const bytes = fileOf(shape.image, name);
        for (const other of ['000998.log', '000998.sst', 'MANIFEST-000998', '000998.tmp', '000002.log']) {
          if (shape.image.has(other)) continue;
          const doubled = withFile(shape.image, other, bytes);
          const moved = withFile(doubled, name, undefined);
          expectRightOrDamage(
            shape,
            await examine(doubled, { readOnly: false, defrag: false }),
            `${shape.name}: ${name} also as ${other}`,
          );
          const outcome = await examine(moved, { readOnly: false, defrag: false });
          expect('error' in outcome && outcome.error.code, `${shape.name}: ${name} as ${other}`).toBe('VARVE_CORRUPTION');
          cases++;
        }
        for (const other of names.filter((each) => each > name)) {
          const exchanged = withFile(withFile(shape.image, name, fileOf(shape.image, other)), other, bytes);
          await expectDamage(exchanged, `${shape.name}: ${name} and ${other} exchanged`);
        }
      }
    }
  });

  test('of another database, under free numbers and in the place of ours: the newest state or damage', async () => {
    for (const shape of some) {
      for (const other of some.filter((each) => each !== shape)) {
        for (const [name, bytes] of other.image) {
          if (!isOurs(name) || name === 'CURRENT') continue;
          const outcome = await examine(withFile(shape.image, name, bytes), { readOnly: false, defrag: false });
          // One id for all of these databases: where one file fits in all its numbers, it is the same file.
          cases++;
          if ('error' in outcome)
            expect(outcome.error.code, `${shape.name} with ${name} of ${other.name}`).toBe('VARVE_CORRUPTION');
        }
      }
    }
  });
});

describe('CURRENT', () => {
  const line = (shape: Shape): string => Buffer.from(fileOf(shape.image, 'CURRENT')).toString('latin1');
  const contents: readonly [what: string, of: (line: string) => string | Uint8Array][] = [
    ['nothing', () => ''],
    ['a line feed', () => '\n'],
    ['no line feed', (line) => line.trimEnd()],
    ['two line feeds', (line) => `${line}\n`],
    ['two lines', (line) => line + line],
    ['another line end', (line) => line.replace('\n', '\r\n')],
    ['a mark of byte order', (line) => `\u00ef\u00bb\u00bf${line}`],
    ['capital digits', (line) => line.replace(/ .*/, (digits) => digits.toUpperCase())],
    ['a wrong checksum', (line) => line.replace(/ ./, (digits) => (digits === ' 0' ? ' 1' : ' 0'))],
    ['a name without a checksum', (line) => `${line.split(' ')[0]}\n`],
    ['a way up', () => '../MANIFEST-000001 0000000000000000\n'],
    ['an absolute path', () => '/etc/passwd 0000000000000000\n'],
    ['a table', () => '000001.sst 0000000000000000\n'],
    ['itself', () => 'CURRENT 0000000000000000\n'],
    ['zeros', () => new Uint8Array(64)],
    ['a mebibyte of one letter', () => 'M'.repeat(1024 * 1024)],
    ['the name of the manifest and nothing', () => 'MANIFEST-'],
    ['a number beyond all', () => 'MANIFEST-9007199254740993 0000000000000000\n'],
  ];

  test.each(contents)('that holds %s is damage', async (what, of) => {
    for (const shape of some) {
      const content = of(line(shape));
      const bytes = typeof content === 'string' ? new Uint8Array(Buffer.from(content, 'latin1')) : content;
      await expectDamage(withFile(shape.image, 'CURRENT', bytes), `${shape.name}: ${what}`, 'CURRENT');
    }
  });
});

// ------------------------------------------------------------------------------------------------ on the disk of the system

function onDisk(image: Image): string {
  const outer = mkdtempSync(join(tmpdir(), 'varve-hostile-'));
  onTestFinished(() => rmSync(outer, { recursive: true, force: true }));
  const path = join(outer, 'db');
  mkdirSync(path);
  for (const [name, bytes] of image) writeFileSync(join(path, name), bytes);
  return path;
}

async function look(path: string, config: { readOnly?: boolean } = {}): Promise<Outcome> {
  try {
    const options = resolveOptions({ path, createIfMissing: false, batchIntervalMs: 3_600_000, ...config });
    const backend = new EngineBackend(await openEngine(options, inlineEnvironment(nodeFileSystem, smallSizes)));
    try {
      return { content: await readEverything(backend) };
    } finally {
      await backend.close();
    }
  } catch (error) {
    if (error instanceof VarveError) return { error };
    throw error;
  }
}

const replacements: readonly [what: string, put: (path: string, moved: string) => void][] = [
  ['a directory', (path) => mkdirSync(path)],
  ['a FIFO', (path) => execFileSync('mkfifo', [path])],
  ['a link to it, inside', (path, moved) => symlinkSync(moved.split('/').at(-1) as string, path)],
  ['a link to a file outside', (path) => symlinkSync('/etc/hostname', path)],
  ['a link that leads nowhere', (path) => symlinkSync('/nowhere/at/all', path)],
  ['a link to itself', (path) => symlinkSync(path, path)],
];

describe('a file that is none', () => {
  test.each(replacements)('%s in its place: an error that says so, no hang, nothing removed', async (what, put) => {
    for (const shape of byTier([shapes[3] as Shape], [shapes[2] as Shape, shapes[3] as Shape])) {
      for (const name of shape.image.keys()) {
        const path = onDisk(shape.image);
        const moved = join(path, 'moved.away');
        renameSync(join(path, name), moved);
        put(join(path, name), moved);
        const kind = lstatSync(join(path, name)).mode;
        for (const readOnly of [true, false]) {
          const outcome = await look(path, { readOnly });
          const where = `${shape.name}: ${name} is ${what}`;
          expect('error' in outcome, where).toBe(true);
          expectRightOrDamage(shape, outcome, where, true);
          if ('error' in outcome) expect(outcome.error.file, where).toContain(name);
        }
        const { problems } = await verifyDirectory(nodeFileSystem, path);
        if (name !== 'LOCK') expect(problems.map(({ file }) => file).join(), `${name} is ${what}`).toContain(name);
        expect(lstatSync(join(path, name)).mode).toBe(kind);
      }
    }
  });

  test('a socket in its place: the same', async () => {
    const shape = shapes[3] as Shape;
    for (const name of [...shape.image.keys()].filter(isOurs)) {
      const path = onDisk(shape.image);
      rmSync(join(path, name));
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(join(path, name), resolve));
      expectRightOrDamage(shape, await look(path), `${name} is a socket`, true);
      expect(lstatSync(join(path, name)).isSocket()).toBe(true);
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('foreign files beside ours', () => {
  const names = [
    '.DS_Store',
    '._000001.log',
    '000001.LOG',
    '1.log',
    '0000001.log',
    '000001.log~',
    '000001.log.bak',
    'MANIFEST-1',
    'MANIFEST',
  ];
  names.push(
    'current',
    'CURRENT~',
    'LOCK~',
    '9007199254740993.log',
    '000000.sst',
    '-00001.log',
    '1e10.log',
    '000001.sst ',
    'ünï.log',
    'restoring',
  );

  test('are ignored and never removed', async () => {
    for (const shape of some) {
      const path = onDisk(shape.image);
      for (const name of names) writeFileSync(join(path, name), 'not ours');
      symlinkSync('/etc/hostname', join(path, '000997.sst'));
      mkdirSync(join(path, '000996.log.d'));
      for (let round = 0; round < 2; round++) expect(await look(path), shape.name).toEqual({ content: shape.states.at(-1) });
      for (const name of names) expect(readFileSync(join(path, name), 'utf8'), name).toBe('not ours');
      expect(lstatSync(join(path, '000997.sst')).isSymbolicLink()).toBe(true);
      expect(existsSync('/etc/hostname')).toBe(true);
      cases++;
    }
  });
});

describe('a copy of the directory, taken while it is open', () => {
  test('shows a state of the past, no older than the last commit before it, or is damage', async () => {
    const path = onDisk(new Map());
    const options = resolveOptions({ path, memtableBytes: 16_384, batchIntervalMs: 3_600_000 });
    const backend = new EngineBackend(await openEngine(options, inlineEnvironment(nodeFileSystem, smallSizes)));
    backend.update((tx) => tx.unsafeCreateBucket('b'));
    await backend.forceCommit();
    const states = [contentOf(backend.readTx())];
    const rounds = byTier(12, 60);
    for (let i = 0; i < rounds; i++) {
      backend.update((tx) => tx.unsafePut('b', `key ${i % 7}`, Buffer.alloc(1500, i)));
      const committed = i % 2 === 0 ? states.length : states.length - 1;
      states.push(contentOf(backend.readTx()));
      const commit = i % 2 === 0 ? backend.forceCommit() : undefined;
      await commit;
      if (i === rounds / 2) void backend.defrag();
      const copy = `${path}-copy-${i}`;
      cpSync(path, copy, { recursive: true });
      const outcome = await look(copy);
      cases++;
      if ('content' in outcome) expect(states.lastIndexOf(outcome.content), `copy ${i}`).toBeGreaterThanOrEqual(committed);
      else expect(outcome.error.code, `copy ${i}`).toBe('VARVE_CORRUPTION');
    }
    await backend.close();
  });
});
