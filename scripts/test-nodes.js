/**
 * Runs the tests on each release line of Node that varve supports, and prints a table.
 *
 *   npm run test:nodes                              everything, on 20, 22 and 24
 *   npm run test:nodes -- 22,24 test/contract       what is named, on the lines that are named
 *
 * The npm package `node` brings each binary (a download at the first time). Its folder comes first in PATH, so that vitest, its workers and
 * every process that a test starts run on it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const [first, ...rest] = process.argv.slice(2);
const isLines = first !== undefined && /^\d+(,\d+)*$/.test(first);
const lines = isLines ? first.split(',') : ['20', '22', '24'];
const paths = isLines || first === undefined ? rest : [first, ...rest];

/** Where the binary of a line is, and its exact version. */
function binaryOf(line) {
  const print = 'process.stdout.write(JSON.stringify([process.execPath, process.version]))';
  const { status, stdout, stderr } = spawnSync('npx', ['--yes', '--package', `node@${line}`, 'node', '-e', print], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npx gives no Node ${line}: ${stderr}`);
  return JSON.parse(stdout);
}

/** What the tests said on that binary. A report that is missing is a failure, whatever the exit code was. */
function runOn(binary) {
  const directory = mkdtempSync(join(tmpdir(), 'varve-nodes-'));
  const report = join(directory, 'report.json');
  const { status } = spawnSync(
    binary,
    ['node_modules/vitest/vitest.mjs', 'run', '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`, ...paths],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, PATH: `${dirname(binary)}${delimiter}${process.env.PATH}` },
    },
  );
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    const failedFiles = testResults.filter((file) => file.status === 'failed').map((file) => file.name);
    return { passed: numPassedTests, failed: numFailedTests, files: testResults.length, failedFiles, isRight: status === 0 };
  } catch {
    return { passed: 0, failed: 0, files: 0, failedFiles: ['(no report)'], isRight: false };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const table = lines.map((line) => {
  const [binary, version] = binaryOf(line);
  console.log(`== Node ${version}`);
  return { version, ...runOn(binary) };
});
console.log('\n| Node | files | passed | failed | |\n|---|---|---|---|---|');
for (const { version, files, passed, failed, isRight, failedFiles } of table) {
  console.log(`| ${version} | ${files} | ${passed} | ${failed} | ${isRight ? 'right' : `wrong: ${failedFiles.join(', ')}`} |`);
}
process.exitCode = table.every(({ isRight }) => isRight) ? 0 : 1;
