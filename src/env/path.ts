/** Paths of files and directories: the one place outside this folder's other files that knows what a path looks like. */
export { join as joinPath, resolve as resolvePath } from 'node:path';
