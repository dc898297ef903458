/** The picture of levels (level-picture.ts) as an SVG: one box a table, which tells of itself where the mouse rests on it. */
import { formatInternalKey } from './internal-key-text.js';
import type { Lane, PlacedTable } from './level-picture.js';
import { formatBytes, formatCount, formatNoun } from './output.js';

const laneHeight = 26;
const boxHeight = 18;
const labelWidth = 210;
const plotWidth = 900;
const headHeight = 44;
const font = 'font-family="sans-serif" font-size="12"';
/** A hue a level, from the newest to the oldest. */
const colours = ['#d1495b', '#edae49', '#9bc53d', '#3caea3', '#00798c', '#30638e', '#5f4b8b'];

function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}

function drawTable({ table, start, end }: PlacedTable, level: number, top: number): string {
  const x = labelWidth + start * plotWidth;
  const width = Math.max(2, (end - start) * plotWidth);
  const keys = `${formatInternalKey(table.smallestKey)} to ${formatInternalKey(table.largestKey)}`;
  const entries = `${formatCount(table.entryCount)} entries, ${formatCount(table.tombstoneCount)} of them deletions`;
  const title = `table ${table.fileNumber}: ${entries}, ${formatBytes(table.fileBytes)}, ${keys}`;
  const box = `x="${x.toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${boxHeight}" rx="2"`;
  return `<rect ${box} fill="${colours[level] ?? '#888'}" stroke="#fff"><title>${escapeXml(title)}</title></rect>`;
}

/** The whole file. */
export function drawSvg(lanes: readonly Lane[], title: string): string {
  const height = headHeight + lanes.length * laneHeight + 30;
  const width = labelWidth + plotWidth + 20;
  const lines = lanes.flatMap(({ level, runId, bytes, tables }, i) => {
    const top = headHeight + i * laneHeight;
    const label = `level ${level}, run ${runId}: ${formatNoun(tables.length, 'table')}, ${formatBytes(bytes)}`;
    return [`<text x="12" y="${top + 13}">${escapeXml(label)}</text>`, ...tables.map((table) => drawTable(table, level, top))];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${font}>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="12" y="24" font-size="15">${escapeXml(title)}</text>`,
    ...lines,
    `<text x="${labelWidth}" y="${height - 10}" fill="#666">keys, each at its rank among the borders of tables; newest run at the top</text>`,
    '</svg>',
    '',
  ].join('\n');
}
