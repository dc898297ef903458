/** Joining names of files to directories: the one place outside this folder's other files that knows what a path looks like. */
export { join as joinPath } from 'node:path';
