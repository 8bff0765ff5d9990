import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const CONFIG = `import { createClosingLineReporter } from ${JSON.stringify(path.join(ROOT, 'test/run/closing-line-reporter.ts'))};
export default { test: { globals: true, include: ['*.test.js'], reporters: ['default', createClosingLineReporter()] } };`;

/** The last line and the exit code of a run over these test files. */
async function runTests(files: Readonly<Record<string, string>>) {
	const folder = await mkdtemp(path.join(tmpdir(), 'closing-line-'));
	for (const [name, text] of Object.entries({ 'vitest.config.ts': CONFIG, ...files })) {
		await writeFile(path.join(folder, name), text);
	}
	const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
	const result = await new Promise<{ line: string | undefined; code: unknown }>((resolve) => {
		execFile(process.execPath, [vitest, 'run', '--root', folder], (error, stdout) => {
			resolve({ line: stdout.trimEnd().split('\n').at(-1), code: error?.code ?? 0 });
		});
	});
	await rm(folder, { recursive: true });
	return result;
}

describe('the closing line', { timeout: 30_000 }, () => {
	it.each([
		[
			'adds up files',
			{ 'a.test.js': "it('a', () => {});", 'b.test.js': "it('b', () => {});" },
			'2 passed, 0 failed',
			0,
		],
		[
			'counts what failed',
			{ 'a.test.js': "it('a', () => {}); it('b', () => expect(1).toBe(2));" },
			'1 passed, 1 failed',
			1,
		],
		[
			'shows what was skipped',
			{ 'a.test.js': "it('a', () => {}); it.skipIf(true)('b', () => {});" },
			'1 passed, 0 failed, 1 skipped',
			0,
		],
		[
			'counts a file that does not load as failed',
			{ 'a.test.js': "it('a', () => {});", 'b.test.js': "import './gone.js';" },
			'1 passed, 1 failed',
			1,
		],
		[
			'counts an error outside the tests as failed',
			{ 'a.test.js': "it('a', () => void Promise.reject(new Error('stray')));" },
			'1 passed, 1 failed',
			1,
		],
		[
			'counts a broken suite as failed',
			{
				'a.test.js':
					"it('a', () => {}); describe('b', () => { beforeAll(() => { throw new Error(); }); it('c', () => {}); });",
			},
			'1 passed, 1 failed, 1 skipped',
			1,
		],
		[
			'calls a run without a test failed',
			{ 'a.test.js': "it.skipIf(true)('a', () => {});" },
			'0 passed, 1 failed, 1 skipped',
			1,
		],
		['calls a run without a file failed', {}, '0 passed, 1 failed', 1],
	])('%s', async (_, files, line, code) => expect(await runTests(files)).toEqual({ line, code }));
});
