import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/lib/json-canonical.ts';
import { legacy, modern, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { codeOf, until } from './failure-calls.ts';
import { keepForTest } from './protocol-clients.ts';
import { startScripted } from './protocol-scripted.ts';

const keep = keepForTest();

type Era = 'modern' | 'legacy';
const ERAS: readonly Era[] = ['modern', 'legacy'];
const WAYS = ERAS.flatMap((server) => ERAS.map((caller) => ({ server, caller })));

/** Definitions as no serialiser would write them. */
const PLAIN = '{ "name":"plain", "inputSchema":{"type":"object","x":1.0} , "n":12345678901234567890 }';
const SAID =
	'{"description" : "as the server \\u0073ays","name":"said",  "inputSchema":{"type":"object"}, "_meta":{"description":"inner"}}';

const OVERRIDE = 'What the workspace "says" of it,\n${literally}.';
const WRITTEN = OVERRIDE.split('${').join('$${');

async function setUp(era: Era, rules: object, limits: object = {}) {
	const resultType = era === 'modern' ? '"resultType":"complete",' : '';
	const listing = (...tools: string[]) => `{${resultType}"tools":[${tools.join(',')}]}`;
	const upstream = keep(
		await startScripted(era, {
			'tools/list': listing(PLAIN, SAID),
			'tools/call': `{${resultType}"content":[{"type":"text","text":"called"}]}`,
		}),
	);
	const server = { transport: 'http', url: upstream.url, tools: { rules }, limits };
	const config = (changed: object = {}) => ({
		workspaces: { google: { servers: { s: { ...server, ...changed } } } },
		grants: [{ group: 'G', workspace: 'google', access: 'admin' }],
	});
	const gateway = keep(await startGateway(config()));
	return { upstream, gateway, config, listing };
}

const ADDRESSES = [
	['/w/google/s/s/mcp', ''],
	['/w/google/mcp', 's__'],
	['/mcp', 'google__s__'],
] as const;

async function ask(gateway: TestGateway, era: Era, path: string, [method, params = {}]: [string, object?]) {
	const authorization = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
	if (era === 'legacy') return post(gateway.url + path, legacy(method, params), authorization);
	const { body, headers } = modern(method, params as Record<string, unknown>);
	return post(gateway.url + path, body, { ...headers, ...authorization });
}

const namesIn = ({ json }: PlainAnswer): readonly string[] =>
	json.result.tools.map(({ name }: { name: string }) => name);
const digestOf = (text: string): string => createHash('sha256').update(canonicalJson(text)).digest('hex');

describe('a description of the workspace', () => {
	it.each(WAYS)(
		'stands in place of the server’s ($server server, $caller caller), and nothing else changes',
		async (way) => {
			const rules = { plain: { description: WRITTEN }, said: { description: WRITTEN } };
			const { gateway } = await setUp(way.server, rules);
			const description = JSON.stringify(OVERRIDE);
			for (const [path, prefix] of ADDRESSES) {
				const { text } = await ask(gateway, way.caller, path, ['tools/list']);
				// At an aggregate the name changes too, which drops the white space between members.
				const spaced = (raw: string) =>
					prefix === '' ? raw : raw.replaceAll(/(?<=[{},0-9"]) +(?=[{},"])| +(?=}$)/g, '');
				const plain = PLAIN.replace('"plain"', `"${prefix}plain"`);
				const inserted = prefix === '' ? `890,"description":${description} }` : `890,"description":${description}}`;
				expect(text).toContain(spaced(plain).replace(/890 ?}$/, inserted));
				const said = SAID.replace('"said"', `"${prefix}said"`);
				expect(text).toContain(spaced(said).replace('"as the server \\u0073ays"', description));
				expect(text).not.toContain('as the server');
			}
		},
	);

	it('is gone with its rule, at the next list', async () => {
		const { gateway, config } = await setUp('legacy', { said: { description: WRITTEN } });
		const listed = async () => (await ask(gateway, 'legacy', '/mcp', ['tools/list'])).text;
		expect(await listed()).toContain('literally');
		await gateway.reconfigure(config({ tools: {} }));
		expect(await listed()).toContain('as the server');
	});
});

describe('a pinned tool', () => {
	const CHANGED = PLAIN.replace('1.0', '1.00');
	const RESPELLED = '{"n": 12345678901234567890,"inputSchema":{"x":1.0,"type":"object"},"\\u006eame":"plain"}';

	it.each(WAYS)(
		'is listed and callable while its definition is the same, however spelled, and neither afterwards ($server server, $caller caller)',
		async (way) => {
			const rules = { plain: { definitionDigest: digestOf(PLAIN) } };
			const { gateway, upstream, listing } = await setUp(way.server, rules, { listAgeMs: 1 });
			const calls = () => upstream.seen.filter(({ method }) => method === 'tools/call').length;
			const call = (path: string, prefix: string) =>
				ask(gateway, way.caller, path, ['tools/call', { name: `${prefix}plain`, arguments: {} }]);
			for (const definition of [PLAIN, RESPELLED]) {
				upstream.say({ 'tools/list': listing(definition, SAID) });
				for (const [path, prefix] of ADDRESSES) {
					expect(namesIn(await ask(gateway, way.caller, path, ['tools/list']))).toContain(`${prefix}plain`);
					expect(codeOf(await call(path, prefix))).toBe('ok');
				}
			}
			upstream.say({ 'tools/list': listing(CHANGED, SAID) });
			const listed = () => ask(gateway, way.caller, '/mcp', ['tools/list']);
			await until(async () => !namesIn(await listed()).includes('google__s__plain'));
			const before = calls();
			for (const [path, prefix] of ADDRESSES) {
				expect(namesIn(await ask(gateway, way.caller, path, ['tools/list']))).toEqual([`${prefix}said`]);
				expect(codeOf(await call(path, prefix))).toBe('PC_TOOL_UNKNOWN');
			}
			expect(calls()).toBe(before);
			const refused = gateway.audit().find(({ code, method }) => code === 'PC_TOOL_UNKNOWN' && method === 'tools/call');
			expect(refused?.['reasons']).toContain('tool-definition-changed');
		},
	);
});
