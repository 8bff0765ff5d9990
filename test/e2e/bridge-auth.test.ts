import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askBridge, type BridgeProcess, FIXTURE, fixtureEntry, startBridge, writeServers } from './bridge-process.ts';
import { openWorkbench, type Workbench } from './operation-process.ts';

/** What mcpo 0.0.20 answered; made by tools/golden-mcpo.mjs. */
interface Pair {
	readonly isStrict: boolean;
	readonly name: string;
	readonly path: string;
	readonly method: string;
	readonly authorization?: string;
	readonly answer: { readonly status: number; readonly challenge?: string; readonly text?: string };
}

const PAIRS = JSON.parse(readFileSync('test/golden/mcpo/auth-pairs.json', 'utf8')) as readonly Pair[];
const CALL = { path: '/get_current_time', body: { timezone: 'UTC' } };

let bench: Workbench;
beforeAll(async () => {
	bench = await openWorkbench();
});
afterAll(() => bench.close());

const program = ['--', process.execPath, FIXTURE];

/** Where being strict is better than with mcpo: a scheme has no case, and a password does for calls as well. */
const isBetter = ({ isStrict, name }: Pair): boolean =>
	isStrict && (/: the key, /.test(name) || /^call: the password/.test(name));

describe.each([false, true])('the key of a bridge, strict: %s', (isStrict) => {
	let bridge: BridgeProcess;
	beforeAll(async () => {
		const config = writeServers(bench, { files: fixtureEntry() }, `auth-${isStrict}.json`);
		const strict = isStrict ? ['--strict-auth'] : [];
		bridge = await startBridge(bench, ['--api-key', 'golden-key', '--config', config, ...strict]);
	});

	it.each(PAIRS.filter((pair) => pair.isStrict === isStrict))(
		'is judged as by mcpo, or better: $name',
		async (pair) => {
			const { path, method, authorization, answer } = pair;
			const headers = authorization === undefined ? {} : { authorization };
			const body = method === 'POST' ? CALL.body : undefined;
			const told = await askBridge(bridge.url, { path, method, headers, body });
			if (isBetter(pair)) {
				expect([answer.status, told.status]).toEqual([401, 200]);
				return;
			}
			expect({ status: told.status, challenge: told.headers['www-authenticate'] }).toEqual({
				status: answer.status,
				challenge: answer.challenge,
			});
			if (answer.text !== undefined) expect(told.text).toBe(answer.text);
		},
	);

	it('is wanted at every MCP address, also by whoever may read documents', async () => {
		const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} };
		for (const path of ['/files/mcp', '/mcp']) {
			for (const method of ['POST', 'GET', 'DELETE']) {
				const body = method === 'POST' ? initialize : undefined;
				const [stranger, other] = [
					await askBridge(bridge.url, { path, method, body }),
					await askBridge(bridge.url, { path, method, body, key: 'another' }),
				];
				expect([stranger.status, other.status]).toEqual([401, 403]);
			}
		}
	});

	it('is not asked of a preflight', async () => {
		const headers = { origin: 'https://chat.example.com', 'access-control-request-method': 'POST' };
		const told = await askBridge(bridge.url, { path: '/files/get_current_time', method: 'OPTIONS', headers });
		expect(told.status).toBe(204);
	});
});

describe('a key', () => {
	it.each(['argument', 'variable', 'file'])('is taken from a %s, and shows in no list of processes', async (from) => {
		writeFileSync(bench.path('key'), 'k-91d0-bridge\n');
		const given = {
			argument: { args: ['--api-key', 'k-91d0-bridge'], env: {} },
			variable: { args: [], env: { PORTCULLIS_BRIDGE_API_KEY: 'k-91d0-bridge' } },
			file: { args: ['--api-key-file', bench.path('key')], env: {} },
		}[from] ?? { args: [], env: {} };
		const bridge = await startBridge(bench, ['--host', '127.0.0.1', ...given.args, ...program], given.env);
		expect((await askBridge(bridge.url, CALL)).status).toBe(401);
		expect(await askBridge(bridge.url, { ...CALL, key: 'k-91d0-bridge' })).toMatchObject({ text: '"hello"' });
		expect(bench.commandLines()).not.toContain('k-91d0-bridge');
		expect(bridge.stderr()).not.toContain('k-91d0-bridge');
		expect(bridge.stderr()).not.toContain('No key is set');
	});

	it('is not among the variables of the programs', async () => {
		const script =
			'process.stderr.write(`seen ${process.env.PORTCULLIS_BRIDGE_API_KEY} ${process.env.LANG_OF_TEST}\\n`)';
		const env = { PORTCULLIS_BRIDGE_API_KEY: 'k-91d0-bridge', LANG_OF_TEST: 'eo' };
		const bridge = await startBridge(bench, ['--', process.execPath, '-e', script], env);
		await expect.poll(() => bridge.stderr(), { timeout: 20_000 }).toContain('seen undefined eo');
	});
});

describe('a bridge without a key', () => {
	it('lets everybody call, says so, and listens for this machine alone unless told', async () => {
		const bridge = await startBridge(bench, program);
		expect(await askBridge(bridge.url, CALL)).toMatchObject({ status: 200, text: '"hello"' });
		expect(bridge.stderr()).toMatch(/"level":40.*No key is set: every program of this machine may call every tool/);
		const document = JSON.parse((await askBridge(bridge.url, { path: '/openapi.json' })).text);
		expect([document.components.securitySchemes, document.paths['/give'].post.security]).toEqual([
			undefined,
			undefined,
		]);
		const far = await startBridge(bench, ['--host', '0.0.0.0', '--strict-auth', ...program]);
		expect(far.stderr()).toContain('everybody who can reach it may call every tool');
		expect(far.stderr()).toContain('--strict-auth without a key protects nothing');
		expect((await askBridge(far.url, CALL)).status).toBe(200);
		// Linux has a whole network for this machine, of which the first listens at one address.
		const beside = ({ url }: BridgeProcess) => askBridge(url.replace('127.0.0.1', '127.0.0.2'), CALL);
		if (process.platform !== 'linux') return;
		await expect(beside(bridge)).rejects.toThrow('ECONNREFUSED');
		expect((await beside(far)).status).toBe(200);
	});

	it('is not reached under a name that somebody may own', async () => {
		const bridge = await startBridge(bench, ['--allow-host', 'Tools.Example.com', ...program]);
		const ask = async (host: string) => (await askBridge(bridge.url, { ...CALL, headers: { host } })).status;
		for (const host of ['evil.example', 'evil.example:8000', '127.0.0.1.evil.example'])
			expect(await ask(host)).toBe(403);
		for (const host of [
			'mcpo:8000',
			'localhost',
			'10.0.0.7:8000',
			'[::1]:8000',
			'mcpo.tools.svc.cluster.local',
			'tools.example.com',
		])
			expect(await ask(host)).toBe(200);
	});

	it('answers no page unless it is named', async () => {
		const named = await startBridge(bench, ['--cors-allow-origins', 'https://chat.example.com', ...program]);
		const any = await startBridge(bench, ['--cors-allow-origins', '*', ...program]);
		const from = (base: string, origin: string) => askBridge(base, { ...CALL, headers: { origin } });
		expect((await from(named.url, 'https://evil.example')).status).toBe(403);
		expect((await from(named.url, 'https://chat.example.com')).headers).toMatchObject({
			'access-control-allow-origin': 'https://chat.example.com',
			'access-control-allow-credentials': 'true',
			vary: 'origin',
		});
		expect((await from(named.url, named.url)).status).toBe(200);
		expect((await from(any.url, 'https://evil.example')).status).toBe(200);
		expect(any.stderr()).toContain('lets every page in a browser call every tool');
	});
});

describe('a page of another origin', () => {
	it('may ask a bridge with a key, and never with what its browser keeps', async () => {
		const bridge = await startBridge(bench, ['--api-key', 'k', '--host', '127.0.0.1', ...program]);
		const headers = { origin: 'https://chat.example.com' };
		const told = await askBridge(bridge.url, { ...CALL, key: 'k', headers });
		expect(told.headers['access-control-allow-origin']).toBe('*');
		expect(told.headers['access-control-allow-credentials']).toBeUndefined();
		const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization, x-y' };
		const preflight = await askBridge(bridge.url, { ...CALL, method: 'OPTIONS', headers: { ...headers, ...asked } });
		expect(preflight.headers).toMatchObject({
			'access-control-allow-origin': '*',
			'access-control-allow-headers': 'authorization, x-y',
			'access-control-max-age': '600',
		});
		expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
	});
});
