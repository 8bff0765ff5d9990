import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/errors/table.ts';
import { isTest, readProjectFile, SOURCES } from './source-files.ts';

const TABLE = 'src/errors/table.ts';

/** Rows of the table of errors in a Markdown text; a backslash that keeps a character plain is not part of it. */
function documentedRows(text: string): readonly (readonly string[])[] {
	const rows = text.split('\n').filter((line) => line.startsWith('| `PC_'));
	return rows.map((line) =>
		line
			.replace(/\\(?=[_<|])/g, '')
			.split(' | ')
			.map((cell) => cell.replace(/^\| |\s*\|$/g, '')),
	);
}

/** Codes of the table that no source file names. */
function unusedCodes(codes: readonly string[], texts: readonly string[]): readonly string[] {
	return codes.filter((code) => !texts.some((text) => text.includes(`'${code}'`)));
}

describe('docs/errors.md', () => {
	const rows = documentedRows(readProjectFile('docs/errors.md'));

	it('has every row of the table of errors as it is, in its order', () => {
		const documented = rows.map(([code, stage, http, rpc, sentence]) => ({ code, stage, http, rpc, sentence }));
		expect(documented).toEqual(
			Object.entries(ERRORS).map(([code, { stage, http, rpc, sentence }]) => ({
				...{ code: `\`${code}\``, stage, http: String(http), rpc: String(rpc) },
				sentence: sentence as string,
			})),
		);
	});

	it('says of each what the operator does', () => {
		for (const row of rows) {
			expect(row).toHaveLength(6);
			expect(row[5], row[0]).toMatch(/^[A-Z`].+\.$/);
		}
	});
});

describe('the table of errors', () => {
	const others = SOURCES.filter((file) => file.path !== TABLE && !isTest(file)).map(({ text }) => text);

	it('has no row that nothing throws', () => expect(unusedCodes(Object.keys(ERRORS), others)).toEqual([]));

	it('has sentences that end, say no more than one thing at once, and name nothing of ours', () => {
		for (const { sentence } of Object.values(ERRORS)) {
			expect(sentence).toMatch(/^[A-Z].+\.$/);
			expect(sentence.length).toBeLessThanOrEqual(140);
			expect(sentence).not.toMatch(/PC_|portcullis\b|undici|node/i);
		}
	});

	it('keeps to codes that JSON-RPC and MCP leave to us, or name themselves', () => {
		const ofMcp = new Set([-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022, -32042]);
		for (const { rpc } of Object.values(ERRORS)) expect(ofMcp.has(rpc) || (rpc <= -31400 && rpc > -31600)).toBe(true);
	});
});

describe('the rules about errors', () => {
	it('read a row, with characters that Markdown would take for its own', () => {
		const row = '| `PC_A` | edge | 400 | -1 | Use \\_\\_x\\_\\_ or \\<y>. | Do it. |';
		expect(documentedRows(`# x\n${row}\n`)).toEqual([['`PC_A`', 'edge', '400', '-1', 'Use __x__ or <y>.', 'Do it.']]);
	});

	it('find a code that is never thrown', () => {
		expect(unusedCodes(['PC_A', 'PC_B'], ["throw new X('PC_B')"])).toEqual(['PC_A']);
	});
});
