/** The machine and the moment. Figures of different machines are not compared. */
import { cpus, totalmem } from 'node:os';

/** @returns {string} */
export function machineLine() {
  const all = cpus();
  const gigabytes = (totalmem() / 2 ** 30).toFixed(1);
  const date = new Date().toISOString().slice(0, 10);
  return `${all[0]?.model ?? 'unknown CPU'}, ${all.length} cores, ${gigabytes} GiB, Node ${process.version}, ${process.platform} ${process.arch}, ${date}`;
}
