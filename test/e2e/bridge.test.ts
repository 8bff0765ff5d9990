import { readFileSync, writeFileSync } from 'node:fs';
import { request as secureRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAuthority } from '../fakes/certificates.ts';
import { type ConfigInput, legacy, post, startGateway } from '../fakes/gateway.ts';
import { FIXTURE_KEY, type McpoFixture, mcpoConfigOf, startMcpoFixture } from '../fakes/mcpo-fixture-network.mjs';
import { askBridge, type BridgeProcess, FIXTURE, fixtureEntry, startBridge, writeServers } from './bridge-process.ts';
import { openWorkbench, type Workbench } from './operation-process.ts';
import { CLIENTS, connect } from './protocol-clients.ts';

const KEY = 'k-2f64-bridge';
const HELLO = { path: '/get_current_time', body: { timezone: 'UTC' }, key: KEY };

let bench: Workbench;
let fixture: McpoFixture;
beforeAll(async () => {
	bench = await openWorkbench();
	fixture = await startMcpoFixture();
});
afterAll(async () => {
	await bench.close();
	await fixture.close();
});

const keyed = (...args: readonly string[]): readonly string[] => ['--host', '127.0.0.1', '--api-key', KEY, ...args];
const pathsOf = async (bridge: BridgeProcess, path: string) =>
	Object.keys(JSON.parse((await askBridge(bridge.url, { path })).text).paths);

describe('a bridge with one server', () => {
	let bridge: BridgeProcess;
	beforeAll(async () => {
		bridge = await startBridge(bench, keyed('--', process.execPath, FIXTURE));
	});

	interface Pair {
		readonly name: string;
		readonly path: string;
		readonly method?: string;
		readonly body?: string;
		readonly type?: string;
		readonly answer: { readonly status: number };
	}
	const pairs = JSON.parse(readFileSync('test/golden/mcpo/pairs.json', 'utf8')) as readonly Pair[];

	it.each(pairs)(
		'has it at the root, and answers with the status of mcpo: $name',
		async ({ answer, type, ...asked }) => {
			const headers = asked.body === undefined ? {} : { 'content-type': type ?? 'application/json' };
			const told = await askBridge(bridge.url, { ...asked, method: asked.method ?? 'POST', key: KEY, headers });
			expect(told.status).toBe(answer.status);
		},
	);

	it('has its document at the root, without a place of its own', async () => {
		const document = JSON.parse((await askBridge(bridge.url, { path: '/openapi.json' })).text);
		const theirs = JSON.parse(readFileSync('test/golden/mcpo/document.json', 'utf8'));
		expect(document.paths).toEqual(theirs.paths);
		expect(document.servers).toEqual(theirs.servers);
		expect(document.components.securitySchemes).toEqual(theirs.components.securitySchemes);
	});

	it('has a page that finds its files wherever it stands, and loads nothing from elsewhere', async () => {
		const page = await askBridge(bridge.url, { path: '/docs' });
		expect(page.headers['content-security-policy']).toContain("script-src 'self'");
		const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? '');
		expect(files).toHaveLength(3);
		for (const file of files) {
			for (const from of ['/docs', '/docs/', '/redoc']) {
				const { pathname } = new URL(file, `${bridge.url}${from}`);
				expect((await askBridge(bridge.url, { path: pathname })).status).toBe(200);
			}
		}
	});

	it.each(CLIENTS)('serves it to MCP clients: %s', async (kind) => {
		const client = await connect(kind, `${bridge.url}/mcp`, KEY);
		try {
			const { tools } = await client.listTools();
			expect(tools.map(({ name }) => name)).toContain('get_current_time');
			const told = await client.callTool({ name: 'get_current_time', arguments: { timezone: 'UTC' } });
			expect(told.content).toEqual([{ type: 'text', text: 'hello' }]);
		} finally {
			await client.close();
		}
	});
});

describe('a server is reached by its address', () => {
	const header = JSON.stringify({ Authorization: FIXTURE_KEY });

	it.each([
		['an address alone', (): string[] => ['--header', header, '--', fixture.httpUrl]],
		['--type before it', (): string[] => ['--type', 'streamable_http', '-H', header, '--', fixture.httpUrl]],
		['--type behind it', (): string[] => ['-H', header, '--', fixture.httpUrl, '--type', 'streamable-http']],
		['--server-type=sse', (): string[] => ['--server-type=sse', '-H', header, '--', fixture.sseUrl]],
	])('with %s', async (_, args) => {
		const bridge = await startBridge(bench, keyed(...args()));
		expect(await askBridge(bridge.url, HELLO)).toMatchObject({ status: 200, text: '"hello"' });
		expect(bench.commandLines()).not.toContain(FIXTURE_KEY);
	});

	it('with headers of a file or a variable, where nobody reads them', async () => {
		writeFileSync(bench.path('header.json'), header);
		const byFile = await startBridge(bench, keyed('--header-file', bench.path('header.json'), '--', fixture.httpUrl));
		expect((await askBridge(byFile.url, HELLO)).status).toBe(200);
		const env = { PORTCULLIS_BRIDGE_HEADER: header };
		const byVariable = await startBridge(bench, keyed('--', fixture.httpUrl), env);
		expect((await askBridge(byVariable.url, HELLO)).status).toBe(200);
	});

	it('without headers that are no JSON, as mcpo goes on', async () => {
		const bridge = await startBridge(bench, keyed('-H', '{bad', '--', fixture.httpUrl));
		expect(bridge.stderr()).toContain('Invalid JSON format for headers. Headers will be ignored.');
		expect((await askBridge(bridge.url, HELLO)).status).toBeGreaterThanOrEqual(500);
	});
});

describe('a bridge with several servers', () => {
	let bridge: BridgeProcess;
	beforeAll(async () => {
		const { mcpServers } = mcpoConfigOf(fixture, FIXTURE);
		const config = writeServers(bench, {
			...mcpServers,
			'My Files/2': fixtureEntry(),
			faulty: { command: '/nowhere/program' },
			odd: { type: 'sse', url: fixture.sseUrl, oauth: {}, client_header_forwarding: { enabled: true } },
		});
		const args = ['--path-prefix', 'tools/v1', '--root-path', '/proxy/', '-n', 'Ours', '-d', 'All of it', '-v', '7'];
		bridge = await startBridge(bench, keyed('--config', config, ...args));
	});

	it('serves each below its name, over whatever it is reached', async () => {
		for (const name of ['files', 'events', 'stream', 'My%20Files/2']) {
			const path = `/tools/v1/${name}`;
			expect(await askBridge(bridge.url, { ...HELLO, path: `${path}/get_current_time` })).toMatchObject({
				text: '"hello"',
			});
			const { text } = await askBridge(bridge.url, { path: `${path}/openapi.json` });
			expect(JSON.parse(text).servers).toEqual([{ url: `/proxy${path}` }]);
			for (const slash of ['', '/'])
				expect((await askBridge(bridge.url, { path: `${path}/docs${slash}` })).status).toBe(200);
		}
	});

	it('lists them in a document without operations, at the root and below the prefix', async () => {
		for (const path of ['/openapi.json', '/tools/v1/openapi.json']) {
			const { info, paths, servers } = JSON.parse((await askBridge(bridge.url, { path })).text);
			expect([info.title, info.version, paths, servers]).toEqual(['Ours', '7', {}, [{ url: '/proxy' }]]);
			expect(info.description).toMatch(
				/^All of it\n\n- \*\*available tools\*\*：\n {4}- \[files\]\(\/proxy\/tools\/v1\/files\/docs\)\n/,
			);
			expect(info.description).toContain('[My Files/2](/proxy/tools/v1/My%20Files/2/docs)');
		}
		expect((await askBridge(bridge.url, { path: '/docs' })).status).toBe(200);
	});

	it('has nothing elsewhere, and never redirects', async () => {
		for (const path of [
			'/',
			'/tools/v1',
			'/tools/v1/',
			'/tools/v1/files',
			'/tools/v1/files/',
			'/files/openapi.json',
			'/tools',
			'/w/bridge/mcp',
			'/api/v1/me',
			'/metrics',
			'/tools/v1/nowhere/docs',
			'/tools/v1/%zz/docs',
		]) {
			expect(await askBridge(bridge.url, { path, key: KEY })).toMatchObject({
				status: 404,
				text: '{"detail":"Not Found"}',
			});
		}
	});

	it('offers no tool that is switched off', async () => {
		expect(await pathsOf(bridge, '/tools/v1/files/openapi.json')).toContain('/with_output');
		expect(await pathsOf(bridge, '/tools/v1/stream/openapi.json')).not.toContain('/with_output');
		expect((await askBridge(bridge.url, { ...HELLO, path: '/tools/v1/stream/with_output' })).status).toBe(404);
	});

	it('serves each over MCP below its name, and all of them together', async () => {
		const listAt = async (path: string) => {
			const client = await connect('auto', bridge.url + path, KEY);
			const { tools } = await client.listTools().finally(() => client.close());
			return tools.map(({ name }) => name);
		};
		expect(await listAt('/tools/v1/events/mcp')).toContain('get_current_time');
		expect(await listAt('/tools/v1/mcp')).toEqual(
			expect.arrayContaining(['files__get_current_time', 'events__get_current_time', 'stream__get_current_time']),
		);
	});

	it('starts without a server that cannot be reached, and says of what it does not do as mcpo did', async () => {
		await expect.poll(() => bridge.stderr(), { timeout: 20_000 }).toMatch(/"server":"faulty".*cannot be reached/);
		expect(bridge.stderr()).toMatch(/"server":"files","tools":10.*connected/);
		expect(bridge.stderr()).toContain(`Server 'odd': \\"oauth\\" is not carried over`);
		expect(bridge.stderr()).toContain('mcpo never sent those headers either');
		expect((await askBridge(bridge.url, { path: '/tools/v1/faulty/openapi.json' })).status).toBeGreaterThanOrEqual(502);
	});
});

describe('a bridge', () => {
	it('gives programs the variables of its own, of a file and of arguments, and shows none that may be secret', async () => {
		const script = `
			const names = ['FROM_US', 'FROM_FILE', 'API_TOKEN', 'BOTH', 'OWN'];
			process.stderr.write('seen ' + names.map((name) => process.env[name]).join(' ') + '\\n');`;
		writeFileSync(bench.path('variables'), '# ours\nFROM_FILE="of a file"\nFROM_US=other\nexport BOTH=file\n');
		const config = writeServers(
			bench,
			{ x: { command: process.execPath, args: ['-e', script], env: { OWN: 'own-k-91' } } },
			'env.json',
		);
		const args = ['-e', 'API_TOKEN=t-61c3-argument', '--env', 'BOTH=argument', '--env-path', bench.path('variables')];
		const bridge = await startBridge(bench, keyed(...args, '--config', config), { FROM_US: 'ours' });
		await expect
			.poll(() => bridge.stderr(), { timeout: 20_000 })
			.toContain('seen ours [secret] [secret] [secret] [secret]');
		expect(bench.commandLines()).not.toContain('t-61c3-argument');
	});

	it('speaks TLS with the files that it is given', async () => {
		const { cert: ca, issue } = makeAuthority();
		const { cert, key } = issue({ names: ['DNS:localhost'] });
		writeFileSync(bench.path('cert.pem'), cert);
		writeFileSync(bench.path('key.pem'), key);
		const tls = ['-t', bench.path('cert.pem'), '-K', bench.path('key.pem')];
		const bridge = await startBridge(bench, keyed(...tls, '--', process.execPath, FIXTURE));
		expect(bridge.url).toMatch(/^https:/);
		const status = await new Promise((resolve, reject) => {
			secureRequest({ host: 'localhost', port: new URL(bridge.url).port, path: '/openapi.json', ca }, (answer) => {
				resolve(answer.resume().statusCode);
			})
				.on('error', reject)
				.end();
		});
		expect(status).toBe(200);
	});

	it('tells health and metrics, and records calls, where it is told to', async () => {
		const audit = bench.path('calls.jsonl');
		const more = ['--admin-port', '0', '--audit-file', audit];
		const bridge = await startBridge(bench, keyed(...more, '--', process.execPath, FIXTURE));
		await askBridge(bridge.url, HELLO);
		const admin = /"adminPort":(\d+)/.exec(bridge.stderr())?.[1];
		expect(await (await fetch(`http://127.0.0.1:${admin}/readyz`)).text()).toBe('ready\n');
		expect(readFileSync(audit, 'utf8')).toMatch(/"tool":"get_current_time"/);
		expect(readFileSync(audit, 'utf8')).not.toContain(KEY);
	});

	it('ends with 2 and a sentence when it is used wrongly or its file is faulty', async () => {
		writeFileSync(bench.path('faulty.json'), JSON.stringify({ mcpServers: { x: { type: 'sse' } } }));
		const runs = [['--'], ['--config', bench.path('faulty.json')]].map((args) => bench.run(['bridge', ...args]));
		const [nothing, faulty] = await Promise.all(runs);
		expect(nothing?.err).toContain('Say what to serve: portcullis bridge --port 8000 -- your_mcp_command');
		expect(faulty?.err).toContain("Server 'x' of type 'sse' requires a 'url' field");
		expect([nothing?.code, faulty?.code]).toEqual([2, 2]);
	});
});

describe('a gateway in front of a bridge', () => {
	it('lists and calls its servers over Streamable HTTP, with the key of its workspace', async () => {
		const { mcpServers } = mcpoConfigOf(fixture, FIXTURE);
		const bridge = await startBridge(bench, keyed('--config', writeServers(bench, mcpServers, 'behind.json')));
		const behind = (name: string, key = '${env:BRIDGE_KEY}'): ConfigInput => ({
			...{ transport: 'http', url: `${bridge.url}/${name}/mcp`, headers: { Authorization: `Bearer ${key}` } },
		});
		const gateway = await startGateway(
			{
				workspaces: {
					google: { servers: { files: behind('files'), events: behind('events') } },
					microsoft: { servers: { files: behind('files', '${env:OTHER_KEY}') } },
				},
				grants: [
					{ group: 'G', workspace: 'google', access: 'write' },
					{ group: 'M', workspace: 'microsoft', access: 'write' },
				],
			},
			{ BRIDGE_KEY: KEY, OTHER_KEY: 'not-the-key' },
		);
		try {
			const rpc = (path: string, message: object, group = 'G') =>
				post(gateway.url + path, message, { authorization: `Bearer ${gateway.tokenFor([group])}` });
			const { json: listed } = await rpc('/w/google/mcp', legacy('tools/list'));
			expect(listed.result.tools.map(({ name }: { name: string }) => name)).toEqual(
				expect.arrayContaining(['files__get_current_time', 'events__get_current_time']),
			);
			const use = { name: 'get_current_time', arguments: { timezone: 'UTC' } };
			for (const server of ['files', 'events']) {
				const { json } = await rpc(`/w/google/s/${server}/mcp`, legacy('tools/call', use));
				expect(json.result.content).toEqual([{ type: 'text', text: 'hello' }]);
			}
			const exact = { name: 'give', arguments: { kind: 'exact' } };
			const { text } = await rpc('/w/google/s/events/mcp', legacy('tools/call', exact));
			expect(text).toContain('12345678901234567890');
			const asService = await fetch(`${gateway.url}/w/google/s/files/get_current_time`, {
				...{ method: 'POST', body: '{"timezone":"UTC"}' },
				headers: { authorization: `Bearer ${gateway.tokenFor(['G'])}`, 'content-type': 'application/json' },
			});
			expect(await asService.text()).toBe('"hello"');
			const other = await rpc('/w/microsoft/s/files/mcp', legacy('tools/call', use), 'M');
			expect([other.status, other.json.result]).toEqual([expect.any(Number), undefined]);
			expect(other.text).not.toContain('hello');
		} finally {
			await gateway.close();
		}
	});
});
