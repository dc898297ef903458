/**
 * The tester itself: it sees what it is for, and the same seed gives the same bytes.
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { crashModes } from '../support/crash-persona.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { judge, Tally } from './judgement.js';
import { lives } from './workload.js';
import { lyingDisk } from './lying-disk.js';
import { atEachMoment, live } from './disk-life.js';
import { Journal } from './journal.js';
import { allMoments, lossesAt } from './moments.js';

const firstLife = lives.slice(0, 1).map((steps) => ({ steps }));

/** Every name and byte of a disk, as one number; a copy is made under a name that nobody can foresee. */
function digestOf(disk: MemoryFileSystem): string {
  const hash = createHash('sha256');
  const visit = (directory: string): void => {
    for (const name of disk.list(directory).sort()) {
      const path = `${directory}/${name}`;
      hash.update(path.replace(/restoring-[0-9a-f]{12}/, 'restoring'));
      if (disk.status(path)?.kind === 'directory') {
        visit(path);
        continue;
      }
      const file = disk.open(path, 'read');
      const bytes = new Uint8Array(file.sizeBytes());
      file.read(bytes, 0);
      file.close();
      hash.update(bytes);
    }
  };
  visit('');
  return hash.digest('hex');
}

/** What some moments of a whole life leave on every disk. */
async function digests(): Promise<string[]> {
  const disk = new MemoryFileSystem();
  const journal = new Journal();
  const found: string[] = [];
  atEachMoment(disk, journal, (moment) => {
    if (moment % 120 === 0) for (const mode of crashModes) found.push(`${moment} ${mode} ${digestOf(disk.crash(moment, mode))}`);
  });
  await live(disk, journal);
  return found;
}

/** How many of the states that losses of power leave are found to be wrong, on a disk that lies. */
async function foundWrong(files: boolean, directories: boolean): Promise<number> {
  const life = { lives: firstLife, files: (disk: MemoryFileSystem) => lyingDisk(disk, { files, directories }) };
  const moments = (await allMoments(life)).filter(({ number }) => number % 25 === 24);
  let wrong = 0;
  const left = await lossesAt(moments, () => ['dropUnsynced', 'keepNames'], life);
  for (const { disk, journal, moment, mode } of left) {
    if (mode === 'killed') continue;
    const judging = {
      journal,
      where: 'a disk that lies',
      seed: moment.number,
      tally: new Tally(),
      depth: 0,
      chooses: () => false,
    };
    wrong += await judge(disk, judging).then(
      () => 0,
      () => 1,
    );
  }
  return wrong;
}

describe('the tester', () => {
  test('gives the same bytes for the same seed', async () => {
    expect(await digests()).toEqual(await digests());
  });

  test.each([
    ['of files', true, false],
    ['of directories', false, true],
    ['of either', true, true],
  ])('sees that syncs %s do nothing', async (_what, files, directories) => {
    expect(await foundWrong(files, directories)).toBeGreaterThan(0);
  });
});
