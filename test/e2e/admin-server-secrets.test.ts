import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { ADMIN_CONFIG, type AdminStage, expectRefused, openAdminStage } from './admin-resource.ts';

const SERVERS = '/workspaces/google/servers';
const SECRET = 'hunter2-of-the-gateway';

let postgres: TestPostgres;
let stage: AdminStage;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	upstream = await startModernHttp({ canary: 'WIKI' });
	stage = await openAdminStage(postgres, ADMIN_CONFIG, { JIRA_TOKEN: SECRET });
});
afterAll(async () => {
	await stage.close();
	await upstream.close();
	await postgres.close();
});

const asOperator = (method: 'POST' | 'PATCH' | 'GET' | 'DELETE', path: string, said: object = {}) =>
	stage.ask(method, path, { as: 'operator', ...said });

/** Endpoints that are for the operator alone, with a reference in every place. */
function forbidden(reference: string): readonly Readonly<Record<string, unknown>>[] {
	const http = { transport: 'http', url: 'https://mcp.example' };
	return [
		{ ...http, url: `https://mcp.example/${reference}` },
		{ ...http, url: reference },
		{ ...http, headers: { Authorization: `Bearer ${reference}` } },
		{ ...http, headers: { 'x-note': reference } },
		{ ...http, headers: { 'x-a': 'plain', 'x-b': `a ${reference} b` } },
		{ ...http, headers: { [reference]: 'x' } },
		{ ...http, transport: 'sse', headers: { 'x-note': `$\${literal} ${reference}` } },
		{ ...http, command: reference },
		{ ...http, args: ['plain', reference] },
		{ ...http, cwd: reference },
		{ ...http, env: { A: reference } },
	];
}

describe('an endpoint over the network', () => {
	it.each(['${env:JIRA_TOKEN}', '${file:/etc/passwd}', '${file:secrets/jira}', '${env:NOT_SET}'])(
		'names no secret of the gateway: %s',
		async (reference) => {
			for (const as of ['admins', 'platform']) {
				for (const body of forbidden(reference)) {
					const told = await stage.ask('POST', SERVERS, { as, body: { slug: 'x', ...body } });
					expectRefused(told, 'PC_OPERATOR_ONLY');
				}
			}
			const body = { slug: 'plain', transport: 'http', url: upstream.url };
			await stage.ask('POST', SERVERS, { body });
			for (const { transport: _, ...change } of forbidden(reference)) {
				const told = await stage.ask('PATCH', `${SERVERS}/plain`, { body: change, match: '*' });
				expectRefused(told, 'PC_OPERATOR_ONLY');
			}
			expect((await stage.ask('GET', SERVERS)).json.items).toMatchObject([{ url: upstream.url, version: 1 }]);
			await stage.ask('DELETE', `${SERVERS}/plain`, { match: '*' });
		},
	);

	it('may hold what only looks like a reference', async () => {
		const headers = { 'x-note': '$${env:HOME} stays $1 {x}' };
		const body = { slug: 'plain', transport: 'http', url: upstream.url, headers };
		const told = await stage.ask('POST', SERVERS, { body });
		expect([told.status, told.json.headers]).toEqual([201, headers]);
		expect(await stage.tools('/w/google/s/plain/mcp', 'readers')).toContain('echo');
		await stage.ask('DELETE', `${SERVERS}/plain`, { match: '*' });
	});

	it('chooses no program', async () => {
		const program = { transport: 'stdio', command: '/bin/sh', args: ['-c', 'id'] };
		for (const as of ['admins', 'platform']) {
			expectRefused(await stage.ask('POST', SERVERS, { as, body: { slug: 'x', ...program } }), 'PC_OPERATOR_ONLY');
		}
		await stage.ask('POST', SERVERS, { body: { slug: 'plain', transport: 'http', url: upstream.url } });
		const change = { ...program, url: null };
		expectRefused(await stage.ask('PATCH', `${SERVERS}/plain`, { body: change, match: '*' }), 'PC_OPERATOR_ONLY');
		await stage.ask('DELETE', `${SERVERS}/plain`, { match: '*' });
	});
});

describe('a server of the operator', () => {
	const JIRA = `${SERVERS}/jira`;

	it('with a secret is shown by its reference, and sent nowhere else by anybody', async () => {
		const headers = { Authorization: 'Bearer ${env:JIRA_TOKEN}', 'x-note': 'plain' };
		const body = { slug: 'jira', transport: 'http', url: upstream.url, headers };
		expect((await asOperator('POST', SERVERS, { body })).status).toBe(201);
		expect(await stage.call('/w/google/s/jira/mcp', 'readers', 'echo')).toBe('WIKI: hello');
		expect(upstream.seen.at(-1)?.headers['authorization']).toBe(`Bearer ${SECRET}`);
		const shown = await stage.ask('GET', JIRA);
		expect(shown.json.headers).toEqual(headers);
		expect(shown.text).not.toContain(SECRET);
		const elsewhere = [
			...[{ url: 'https://evil.example' }, { url: `${upstream.url}?x` }, { allowPlainHttp: true }],
			...[{ transport: 'sse' }, { headers: { ...headers, 'x-note': 'other' } }],
			...[{ headers: { 'x-other': 'Bearer ${env:JIRA_TOKEN}' } }, { url: 'https://evil.example', headers }],
		];
		for (const change of elsewhere) {
			expectRefused(await stage.ask('PATCH', JIRA, { body: change, match: '*' }), 'PC_OPERATOR_ONLY');
			expectRefused(await stage.ask('PATCH', JIRA, { as: 'platform', body: change, match: '*' }), 'PC_OPERATOR_ONLY');
		}
		// All the rest is the workspace's to say, and so is what stays as it was.
		const { json } = await stage.ask('PATCH', JIRA, {
			body: { title: 'Jira', url: upstream.url, headers },
			match: '*',
		});
		expect(json).toMatchObject({ title: 'Jira', headers, version: 2 });
		const bare = await stage.ask('PATCH', JIRA, { body: { url: 'https://other.example', headers: null }, match: '*' });
		expect(bare.json).toMatchObject({ url: 'https://other.example' });
		expect(bare.json).not.toHaveProperty('headers');
		expect((await stage.ask('DELETE', JIRA, { match: '*' })).status).toBe(204);
	});

	it('says what is missing where it cannot be used, and is reached by nobody', async () => {
		const headers = { Authorization: 'Bearer ${env:NOT_SET}' };
		const body = { slug: 'jira', transport: 'http', url: upstream.url, headers };
		await asOperator('POST', SERVERS, { body });
		const { json } = await stage.ask('GET', JIRA);
		expect(json.fault).toBe('headers.Authorization: environment variable NOT_SET is not set');
		expect(await stage.tools('/w/google/s/jira/mcp', 'readers')).toBe('PC_ADDRESS_UNKNOWN');
		await asOperator('DELETE', JIRA, { match: '*' });
	});

	it('may be a program, whose variables are hidden where they look secret', async () => {
		const { command, args } = stdioServer({ canary: 'CHILD' });
		const env = { API_KEY: 'written-out', REGION: 'eu', OTHER_TOKEN: '${env:JIRA_TOKEN}' };
		const body = { slug: 'jira', transport: 'stdio', command, args, env };
		const made = await asOperator('POST', SERVERS, { body });
		const shownEnv = { ...env, API_KEY: '[secret]' };
		expect([made.status, made.json.env]).toEqual([201, shownEnv]);
		for (const path of [SERVERS, JIRA]) expect((await stage.ask('GET', path)).text).not.toContain('written-out');
		expect(await stage.call('/w/google/s/jira/mcp', 'readers', 'echo')).toBe('CHILD: hello');

		// What was hidden and comes back is what it was.
		const kept = await stage.ask('PATCH', JIRA, { body: { title: 'Jira', env: shownEnv }, match: '"1"' });
		expect(kept.json).toMatchObject({ title: 'Jira', env: shownEnv, version: 2 });
		const stored = async () => (await stage.sql("select endpoint from portcullis.server where slug = 'jira'"))[0];
		expect(await stored()).toMatchObject({ endpoint: { env } });
		const replaced = await asOperator('PATCH', JIRA, { body: { env: { ...shownEnv, REGION: 'us' } }, match: '"2"' });
		expect(replaced.status).toBe(200);
		expect(await stored()).toMatchObject({ endpoint: { env: { ...env, REGION: 'us' } } });
		const told = await asOperator('PATCH', JIRA, { body: { env: { NEW_KEY: '[secret]' } }, match: '*' });
		expectRefused(told, 'PC_INPUT_INVALID');
		expect(told.json.errors).toEqual([{ path: 'body.env.NEW_KEY', message: 'there is no value to keep; send one' }]);

		const features = { clientFeatures: ['roots'] };
		for (const change of [
			{ args: [] },
			{ command: 'id' },
			{ cwd: '/' },
			{ env: {} },
			{ env: { REGION: 'x' } },
			features,
		]) {
			expectRefused(await stage.ask('PATCH', JIRA, { body: change, match: '*' }), 'PC_OPERATOR_ONLY');
		}
		expect((await stage.ask('PATCH', JIRA, { body: { enabled: false }, match: '*' })).json.enabled).toBe(false);
		expect(await stage.call('/w/google/s/jira/mcp', 'readers', 'echo')).toBe('PC_ADDRESS_UNKNOWN');
		await stage.ask('DELETE', JIRA, { match: '*' });
	});

	it('is recorded as the operator’s, without values', async () => {
		const headers = { 'x-api-key': '${env:JIRA_TOKEN}' };
		await asOperator('POST', SERVERS, { body: { slug: 'jira', transport: 'http', url: upstream.url, headers } });
		await asOperator('PATCH', JIRA, { body: { headers: { 'x-api-key': 'a ${env:JIRA_TOKEN}' } }, match: '*' });
		await asOperator('DELETE', JIRA, { match: '*' });
		const records = (await stage.records()).slice(-3);
		expect(records).toMatchObject([
			{ actor: 'operator', action: 'server.create', object: 'jira' },
			{ actor: 'operator', action: 'server.update', object: 'jira', fields: ['headers'] },
			{ actor: 'operator', action: 'server.delete', object: 'jira' },
		]);
		expect(JSON.stringify(records)).not.toMatch(/JIRA_TOKEN|hunter2/);
	});
});

describe('a key in an address', () => {
	it('is hidden, kept where the address comes back, and sent to no other', async () => {
		const at = `${SERVERS}/maps`;
		const url = `${upstream.url}?api_key=abc123&region=eu`;
		const made = await stage.ask('POST', SERVERS, { body: { slug: 'maps', transport: 'http', url } });
		expect(made.text).not.toContain('abc123');
		const shown = made.json.url as string;
		expect(new URL(shown).searchParams.get('api_key')).toBe('[secret]');
		const patch = (body: unknown) => stage.ask('PATCH', at, { body, match: '*' });
		expect((await patch({ url: shown, title: 'Maps' })).json).toMatchObject({ url: shown, title: 'Maps' });
		expect(await stage.sql("select endpoint->>'url' as url from portcullis.server")).toEqual([{ url }]);
		expectRefused(await patch({ url: shown.replace('127.0.0.1', 'evil.example') }), 'PC_INPUT_INVALID');
		expectRefused(await patch({ url: `${shown}&more=1` }), 'PC_INPUT_INVALID');
		expectRefused(
			await stage.ask('POST', SERVERS, { body: { slug: 'copy', transport: 'http', url: shown } }),
			'PC_INPUT_INVALID',
		);
		await stage.ask('DELETE', at, { match: '*' });
	});
});
