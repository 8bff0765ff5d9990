import { Command } from 'commander';
import { afterEach, describe, expect, it } from 'vitest';
import { createCatalogue } from '../catalogue/load-catalogue.ts';
import { addCatalogueCommands } from './catalogue.ts';
import { cataloguePage } from './catalogue-page.ts';

afterEach(() => {
	process.exitCode = undefined;
});

async function run(...words: readonly string[]) {
	const out: string[] = [];
	const fail: string[] = [];
	const program = new Command('portcullis').exitOverride().configureOutput({ writeErr: () => undefined });
	addCatalogueCommands(program, {
		env: {},
		out: (text) => void out.push(`${text}\n`),
		fail: (text) => void fail.push(`${text}\n`),
		ask: async () => undefined,
	});
	await program.parseAsync(['catalogue', ...words], { from: 'user' });
	return { out: out.join(''), fail: fail.join(''), exitCode: process.exitCode ?? 0 };
}

describe('portcullis catalogue show', () => {
	it('says what it is, the ways with the recommended first, what is needed, where to get it, and the command', async () => {
		const { out } = await run('show', 'notion');
		const order = [
			'Notion (notion) · Knowledge base · by Notion',
			'Searches, reads and writes pages',
			'1. http, recommended: hosted, Streamable HTTP',
			'https://mcp.notion.com/mcp',
			'nothing has to be prepared',
			'$ portcullis server add WORKSPACE notion\n',
			'2. npm: program of npm',
			'- token: secret of an internal integration',
			'https://www.notion.so/profile/integrations',
			'$ portcullis server add WORKSPACE notion --endpoint npm\n',
			'Not to be used any more:',
			'https://mcp.notion.com/sse',
		];
		const places = order.map((part) => out.indexOf(part));
		expect(places).not.toContain(-1);
		expect(places).toEqual([...places].sort((a, b) => a - b));
	});

	it('writes the command with everything that must be said', async () => {
		const { out } = await run('show', 'snowflake');
		expect(out).toContain('server add WORKSPACE snowflake --set account=myorg-account1 --set database=ANALYTICS');
	});

	it('says only once where a key comes from', async () => {
		const { out } = await run('show', 'datadog');
		expect(out.split('https://app.datadoghq.com/organization-settings/api-keys')).toHaveLength(2);
		expect(out).toContain('- app_key: application key, from the same place as above');
	});

	it('says that a vendor wants clients that it approved, and what goes wrong', async () => {
		expect((await run('show', 'figma')).out).toContain('Bring your own client: Figma');
		expect((await run('show', 'trello')).out).toContain('! It runs on when its input ends.');
	});

	it.each([
		['@sonarqube/mcp-server', 'No such package exists.'],
		['https://mcp.asana.com/sse', 'Use https://mcp.asana.com/v2/mcp'],
	])('begins for %s with what is wrong about it', async (name, sentence) => {
		expect((await run('show', name)).out.split('\n\n')[0]?.replaceAll('\n', ' ')).toContain(sentence);
	});

	it('names the nearest for a typing error, and several for a vendor', async () => {
		expect(await run('show', 'githb')).toMatchObject({
			fail: expect.stringContaining('did you mean github?'),
			exitCode: 1,
		});
		expect((await run('show', 'microsoft')).fail).toContain('azure-devops, microsoft-learn');
		expect((await run('show', '\u001b[31mqqqqqqqqqqqqqqqqq')).fail).not.toContain('\u001b');
	});

	it('prints all of it as JSON', async () => {
		const told = JSON.parse((await run('show', 'clickup-mcp-server', '--json')).out);
		expect(told).toMatchObject({ id: 'clickup', asked: { note: expect.any(String) } });
	});

	it('has a page of readable width for every service', () => {
		for (const entry of createCatalogue().all()) {
			const lines = cataloguePage(entry).split('\n');
			const wide = lines.filter((line) => line.length > 100 && !/https?:|\$ portcullis/.test(line));
			expect(wide, entry.id).toEqual([]);
			expect(lines.join('\n'), entry.id).not.toMatch(/undefined|\[object|\.\./);
		}
	});
});

describe('portcullis catalogue list and search', () => {
	it('list all, or those of a category, a transport and a sign-in', async () => {
		expect((await run('list')).out).toContain('161 services;');
		const { items } = JSON.parse((await run('list', '--category', 'DATABASE', '--transport', 'http', '--json')).out);
		expect(items.map(({ id }: { id: string }) => id)).toContain('supabase');
		expect(items.map(({ id }: { id: string }) => id)).not.toContain('mysql');
		const free = JSON.parse((await run('list', '--auth', 'none', '--transport', 'http', '--json')).out).items;
		expect(free.map(({ id }: { id: string }) => id)).toContain('microsoft-learn');
	});

	it('name the categories when there is no such one', async () => {
		expect(await run('list', '--category', 'gardening')).toMatchObject({
			fail: expect.stringContaining('Project management'),
			exitCode: 1,
		});
	});

	it('find by words, and say so when there is nothing', async () => {
		expect((await run('search', 'google', 'calender')).out).toContain('google-calendar');
		expect(await run('search', 'qqqqqqqq')).toMatchObject({
			fail: 'Nothing in the catalogue fits qqqqqqqq.\n',
			exitCode: 1,
		});
	});
});
