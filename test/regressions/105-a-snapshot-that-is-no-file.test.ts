import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { restoreSnapshot } from 'varve';
import { expect, test } from 'vitest';
import { freshPath } from '../contract/support/harness.js';

// The opening of a FIFO waited for a writer that never came, and zeros were read without end.
test('a source that is no regular file is refused, and nothing is left', async () => {
  const fifo = freshPath();
  execFileSync('mkfifo', [fifo]);
  for (const source of [fifo, '/dev/zero', '/']) {
    const target = freshPath();
    await expect(restoreSnapshot(source, target)).rejects.toMatchObject({ code: 'VARVE_IO' });
    expect(existsSync(target)).toBe(false);
  }
});
