import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createCatalogue } from '../../src/catalogue/load-catalogue.ts';
import { readRuns } from '../../tools/catalogue/read-runs.ts';
import { renderCatalogue } from '../../tools/catalogue/render-catalogue.ts';
import { renderFormat, wordlessFields } from '../../tools/catalogue/render-format.ts';

const ALL = createCatalogue().all();
const docs = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

describe('the pages of the catalogue', () => {
	it('are what npm run catalogue:docs makes', () => {
		expect(docs('catalogue.md')).toBe(renderCatalogue(ALL, readRuns()));
		expect(docs('catalogue-format.md')).toBe(renderFormat());
	});

	it('have every service, and every way that is not to be used', () => {
		const page = docs('catalogue.md');
		for (const { id } of ALL) expect(page).toContain(`| \`${id}\` |`);
	});

	it('have a word for every field', () => expect(wordlessFields()).toEqual([]));

	it('show what a run through the gateway showed', () => {
		const run = { service: 'memory', package: '@modelcontextprotocol/server-memory', version: '2026.8.31' };
		const seen = { node: '20.19.0', tools: 9, startMs: 1234, memoryMb: 70, result: 'passed' as const };
		expect(renderCatalogue(ALL, [{ ...run, ...seen }])).toContain('passed: 9 tools in 1.2 s, Node 20.19.0 |');
		expect(renderCatalogue(ALL, [{ ...run, ...seen, version: '1.0.0' }])).not.toContain('passed: 9 tools');
	});
});
