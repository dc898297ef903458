/** `varve levels`: a picture of levels, runs and tables, from the manifest alone. */
import { writeFile } from 'node:fs/promises';
import { nodeFileSystem } from '../../env/node-file-system.js';
import { ioError } from '../../env/io-error.js';
import { corruption, systemErrorCode, invalidArgument } from '../../errors.js';
import { currentFileName } from '../../format/file-names.js';
import { readCurrent } from '../../version/current-file.js';
import { readManifest } from '../../version/manifest-reader.js';
import type { Command } from '../command.js';
import { withLockedDirectory } from '../database.js';
import { internalKeyToJson } from '../internal-key-text.js';
import { drawLanes, type Lane, placeTables } from '../level-picture.js';
import { drawSvg } from '../level-svg.js';

function laneToJson({ level, runId, bytes, tables }: Lane): unknown {
  return {
    level,
    runId,
    bytes,
    tables: tables.map(({ table }) => ({
      fileNumber: table.fileNumber,
      bytes: table.fileBytes,
      entries: table.entryCount,
      tombstones: table.tombstoneCount,
      smallestKey: internalKeyToJson(table.smallestKey),
      largestKey: internalKeyToJson(table.largestKey),
      minSequence: table.minSequence,
      maxSequence: table.maxSequence,
    })),
  };
}

async function writeSvg(file: string, svg: string): Promise<void> {
  try {
    await writeFile(file, svg, { flag: 'wx' });
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') throw invalidArgument(`${file} exists, and is left as it is`);
    throw ioError('write', file, error);
  }
}

export const levels: Command = {
  name: 'levels',
  group: 'Looking inside',
  summary: 'draw levels, runs and tables',
  details:
    'One line a run, newest first; a table is a stretch of one shade, from its smallest key to its largest. Keys stand at their\n' +
    'rank among the borders of tables: what overlaps in the picture overlaps in keys.',
  parameters: [{ name: 'database', summary: 'directory of the database' }],
  switches: [{ flags: '--svg <file>', summary: 'write the picture to a new file' }],
  examples: ['varve levels fruit.db', 'varve levels fruit.db --svg levels.svg'],
  async run(call) {
    const { output } = call;
    const path = call.word('database');
    const lanes = await withLockedDirectory(path, async (directory) => {
      const number = readCurrent(nodeFileSystem, directory);
      if (number === undefined) throw corruption(currentFileName, undefined, 'the file is missing');
      return placeTables(readManifest(nodeFileSystem, directory, number).version);
    });
    const svg = call.text('svg');
    if (svg !== undefined) await writeSvg(svg, drawSvg(lanes, path));
    output.report(lanes.map(laneToJson), () => {
      for (const line of drawLanes(lanes, output.width)) output.line(line);
      if (lanes.length === 0) output.line('no tables: everything is in the log');
    });
    return 'done';
  },
};
