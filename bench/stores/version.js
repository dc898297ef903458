/** Which release of a peer is measured. Not every package lets its own package.json be imported, so it is read as a file. */
import { readFileSync } from 'node:fs';

/**
 * @param {string} name of an installed package
 * @returns {string}
 */
export function installedVersion(name) {
  return JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
}
