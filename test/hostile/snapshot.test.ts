/**
 * Snapshots that somebody else made: names that lead elsewhere, sizes that lie, kinds of files that no snapshot has. Either the
 * database is restored as it was, or it is damage and nothing is left of it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restoreInto } from '../../src/backend/restore.js';
import { VarveError } from '../../src/errors.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem, seededRandom } from '../support/memory-file-system.js';
import { byTier, isDeep, report, seedOf } from '../support/tier.js';
import { archiveOf, base256, type Member, memberBytes, paxRecord } from './support/archive.js';
import { readEverything } from './support/examine.js';
import type { Image } from './support/image.js';
import { allShapes, type Shape } from './support/shapes.js';

let shapes: Shape[] = [];
let shape: Shape;
let cases = 0;

beforeAll(async () => {
  await initializeChecksum();
  shapes = (await allShapes()).filter(({ isSmall }) => isSmall);
  shape = shapes.find(({ name }) => name === 'two levels with versions, compressed, closed') as Shape;
});

afterAll(() => report('hostile snapshots', `${cases} cases`));

const membersOf = (image: Image): Member[] => [...image].map(([name, content]) => ({ name, content }));

async function* pieces(bytes: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const piece of bytes) yield piece;
}

function inPieces(bytes: Uint8Array, length = 1000): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, i) => bytes.subarray(i * length, (i + 1) * length));
}

/** The content that was restored, or the error; that nothing else changed is checked here. */
async function restored(archive: Iterable<Uint8Array>): Promise<string | VarveError> {
  cases++;
  const disk = new MemoryFileSystem();
  disk.makeDirectory('/parent');
  disk.open('/parent/neighbour', 'create').close();
  const before = [disk.list('/'), disk.list('/parent')];
  try {
    await restoreInto(pieces(archive), '/parent/target', disk);
  } catch (error) {
    expect([disk.list('/'), disk.list('/parent')], 'what is left').toEqual(before);
    expect(disk.openHandles).toBe(0);
    if (error instanceof VarveError) return error;
    throw error;
  }
  expect(disk.list('/parent').sort()).toEqual(['neighbour', 'target']);
  const backend = await openOn(disk, { path: '/parent/target', createIfMissing: false }, smallSizes);
  try {
    return await readEverything(backend);
  } finally {
    await backend.close();
    expect(disk.openHandles).toBe(0);
  }
}

async function expectDamage(what: string, archive: Iterable<Uint8Array>): Promise<void> {
  const outcome = await restored(archive);
  expect(outcome, what).toMatchObject({ code: 'VARVE_CORRUPTION' });
}

/** What is put in front of the members, behind them, or in their place. */
const foreign: readonly [what: string, member: Member][] = [
  ['a way up', { name: '../x' }],
  ['a way up to a name of ours', { name: '../000001.log' }],
  ['an absolute name', { name: '/tmp/000001.log' }],
  ['a name in a directory', { name: 'a/000001.log' }],
  ['a name from here', { name: './CURRENT' }],
  ['a drive letter', { name: 'C:\\000001.log' }],
  ['a device of another system', { name: 'CON' }],
  ['no name', { name: '' }],
  ['a name of 100 bytes', { name: 'x'.repeat(100) }],
  ['a prefix', { name: '000099.log', prefix: '..' }],
  ['a temporary file', { name: '000099.tmp' }],
  ['a number that is none', { name: '9007199254740993.log' }],
  ['the workplace', { name: 'restoring' }],
  ['a directory', { name: '000099.log', type: '5' }],
  ['a directory by its slash', { name: '000099.log/' }],
  ['a hard link', { name: '000099.log', type: '1', link: 'CURRENT' }],
  ['a link', { name: '000099.log', type: '2', link: '/etc/passwd' }],
  ['a character device', { name: '000099.log', type: '3' }],
  ['a block device', { name: '000099.log', type: '4' }],
  ['a FIFO', { name: '000099.log', type: '6' }],
  ['a pax header with a way up', { name: 'p', type: 'x', content: paxRecord('path', '../../x') }],
  ['a global pax header with a way up', { name: 'p', type: 'g', content: paxRecord('path', '../../x') }],
  ['a pax header with a size beyond it', { name: 'p', type: 'x', content: paxRecord('size', '9007199254740991') }],
  ['a pax header above its limit', { name: 'p', type: 'x', size: '77777777777\0' }],
  ['a long name that leads up', { name: '././@LongLink', type: 'L', content: Buffer.from('../../x\0') }],
  ['a size of digits that are none', { name: '000099.log', size: '99999999999\0' }],
  ['a size above what follows', { name: '000099.log', size: '77777777777\0' }],
  ['a size in base 256 above what follows', { name: '000099.log', size: base256(2 ** 45) }],
  ['a size in base 256 that is no number', { name: '000099.log', size: '\u00ff'.repeat(12) }],
  ['a wrong checksum', { name: '000099.log', checksum: '000000\0 ' }],
  ['a checksum of no digits', { name: '000099.log', checksum: 'zzzzzz\0 ' }],
];

/** What says nothing: a field ends at its NUL, and an attribute that is none counts for nothing. */
const harmless: readonly [what: string, member: Member][] = [
  ['a name with a NUL and more behind it', { name: '000099.log\0../x' }],
  ['a pax header with a size that is none', { name: 'p', type: 'x', content: paxRecord('size', '-1') }],
  ['a pax header with a comment', { name: 'p', type: 'x', content: paxRecord('comment', '../x') }],
];

describe('an archive of the files as they are', () => {
  test.each(harmless)('may have %s', async (what, member) => {
    const [first, ...rest] = membersOf(shape.image);
    expect(await restored([archiveOf([first as Member, member, ...rest])]), what).toBe(shape.states.at(-1));
  });

  test('is restored, whatever their order and their pieces', async () => {
    for (const each of shapes) {
      const members = membersOf(each.image);
      expect(await restored(inPieces(archiveOf(members))), each.name).toBe(each.states.at(-1));
      expect(await restored(inPieces(archiveOf(members.reverse()), 7)), each.name).toBe(each.states.at(-1));
    }
  });

  test('may have more zeros behind it, and sizes in base 256', async () => {
    const members = membersOf(shape.image).map((member) => ({ ...member, size: base256(member.content?.length ?? 0) }));
    expect(await restored([archiveOf(members), Buffer.alloc(9 * 1024)])).toBe(shape.states.at(-1));
  });
});

describe('an archive with something that no snapshot has', () => {
  test.each(foreign)('%s: damage, and nothing is left', async (what, member) => {
    const members = membersOf(shape.image);
    await expectDamage(what, [archiveOf([member, ...members])]);
    const error = await restored([archiveOf([member, ...members])]);
    expect(error instanceof VarveError && error.file, `${what}: what is damaged has a name`).toMatch(/./s);
    await expectDamage(what, [archiveOf([...members, member, { name: '000098.log' }])]);
  });

  test('every file twice, each file missing, two databases in one: damage', async () => {
    const members = membersOf(shape.image);
    const other = membersOf((shapes[2] as Shape).image);
    for (const member of members) {
      await expectDamage(`${member.name} twice`, [archiveOf([...members, member])]);
      const without = archiveOf(members.filter(({ name }) => name !== member.name));
      // A lock is for owners, and the last log holds what it holds.
      if (member.name !== 'LOCK') await expectDamage(`${member.name} missing`, [without]);
    }
    const names = new Set(members.map(({ name }) => name));
    const mixed = [
      ...members.filter(({ name }) => name !== 'CURRENT'),
      ...other.filter(({ name }) => name === 'CURRENT' || !names.has(name)),
    ];
    await expectDamage('mixed', [archiveOf(mixed)]);
  });

  test('cut anywhere, or with noise behind it: damage', async () => {
    const whole = archiveOf(membersOf(shape.image));
    const step = byTier(1024, 64);
    for (let length = 0; length < whole.length; length += step)
      await expectDamage(`cut to ${length}`, [whole.subarray(0, length)]);
    for (const length of [whole.length - 513, whole.length - 1])
      await expectDamage(`cut to ${length}`, [whole.subarray(0, length)]);
    for (const noise of ['x', 'x'.repeat(512), '\0x']) await expectDamage('noise behind it', [whole, Buffer.from(noise)]);
  });

  test('any bit flipped: the database as it was, or damage', { timeout: 3_600_000 }, async () => {
    const whole = archiveOf(membersOf(shape.image));
    const random = seededRandom(seedOf('snapshot bits'));
    const count = byTier(30, 4000);
    for (let i = 0; i < count; i++) {
      const bit = Math.floor(random() * whole.length * 8);
      const hurt = Buffer.from(whole);
      hurt[bit >> 3] = (hurt[bit >> 3] as number) ^ (1 << (bit & 7));
      const outcome = await restored([hurt]);
      if (outcome instanceof VarveError) expect(outcome.code, `bit ${bit}`).toBe('VARVE_CORRUPTION');
      else expect(outcome, `bit ${bit}`).toBe(shape.states.at(-1));
    }
  });

  test('headers without end, of names, of extensions and of files: damage, in bounded time', { timeout: 600_000 }, async () => {
    const count = byTier(500, 100_000);
    const long = memberBytes({ name: '././@LongLink', type: 'L', content: Buffer.from('000001.log\0') });
    const pax = memberBytes({ name: 'p', type: 'x', content: paxRecord('comment', 'x') });
    const large = memberBytes({ name: 'p', type: 'x', content: paxRecord('comment', 'x'.repeat(7_000_000)) });
    await expectDamage(
      'long names',
      Array.from({ length: count }, () => long),
    );
    await expectDamage(
      'extended headers',
      Array.from({ length: count }, () => pax),
    );
    await expectDamage('large extended headers', inPieces(Buffer.concat([large, large]), 65_536));
    const files = Array.from({ length: Math.min(count, 20_000) }, (_, i) =>
      memberBytes({ name: `${String(i + 1).padStart(6, '0')}.log` }),
    );
    await expectDamage('files', [...files, Buffer.alloc(1024)]);
    if (isDeep) await expectDamage('more files', [...files, ...files]);
  });
});
