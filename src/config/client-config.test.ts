import { describe, expect, it } from 'vitest';
import { readClientConfig } from './client-config.ts';
import { importServers } from './import-client-config.ts';

const inEnv = (name: string): string => `\${env:${name}}`;
const importOf = (config: unknown) => importServers(readClientConfig(config).servers, inEnv);

describe('the configuration of a client', () => {
	it.each([
		[{ type: 'sse' }, "Server 'x' of type 'sse' requires a 'url' field"],
		[{ command: 5 }, "Server 'x' 'command' must be a string"],
		[{ command: 'a', args: 'b' }, "Server 'x' 'args' must be a list"],
		[{}, "Server 'x' must have either 'command' for stdio or 'type' and 'url' for remote servers"],
		[
			{ type: 'odd', url: 'http://a/' },
			"Server 'x' must have either 'command' for stdio or 'type' and 'url' for remote servers",
		],
		[{ command: 'a', disabledTools: 'b' }, "Server 'x' 'disabledTools' must be a list"],
		[{ command: 'a', disabled_tools: [1] }, "Server 'x' 'disabledTools' must contain only strings"],
	])('is faulted in the words of mcpo: %j', (entry, fault) => {
		const good = { command: 'uvx', args: ['time'] };
		const read = readClientConfig({ mcpServers: { x: entry, good } });
		expect(read.faults).toEqual([fault]);
		// One that cannot be understood does not take the others with it.
		expect(read.servers.map(({ name }) => name)).toEqual(['good']);
	});

	it('without servers says so', () => {
		for (const config of [{}, [], null, { mcpServers: [] }]) {
			expect(readClientConfig(config)).toEqual({ servers: [], faults: ["No 'mcpServers' found in config file."] });
		}
	});

	it.each<[string, object]>([
		['sse', { url: 'http://a/sse' }],
		['sse', { type: 'sse', url: 'http://a/sse' }],
		...['http', 'streamable-http', 'streamable_http', 'streamablehttp'].map(
			(type) => ['http', { type, url: 'http://a/mcp' }] as [string, object],
		),
		['stdio', { type: 'stdio', command: 'a' }],
	])('names %s in many ways: %j', (kind, entry) => {
		expect(readClientConfig({ servers: { x: entry } }).servers[0]?.endpoint.kind).toBe(kind);
	});
});

describe('an imported server', () => {
	it('refers to its secrets and never holds one', () => {
		const [github, sentry] = importOf({
			mcpServers: {
				github: {
					command: 'npx',
					args: ['-y', 'server-github'],
					env: { GITHUB_TOKEN: 'ghp_s3cret', LOG_LEVEL: 'debug' },
				},
				sentry: { type: 'http', url: 'https://mcp.sentry.dev/mcp', headers: { Authorization: 'Bearer s3cret-too' } },
			},
		});
		expect(github?.entry).toEqual({
			...{ transport: 'stdio', command: 'npx', args: ['-y', 'server-github'] },
			env: { GITHUB_TOKEN: '${env:GITHUB_GITHUB_TOKEN}', LOG_LEVEL: 'debug' },
		});
		expect(sentry?.entry).toEqual({
			...{ transport: 'http', url: 'https://mcp.sentry.dev/mcp' },
			headers: { Authorization: 'Bearer ${env:SENTRY_AUTHORIZATION}' },
		});
		expect([...github!.secrets, ...sentry!.secrets]).toEqual([
			{ name: 'GITHUB_GITHUB_TOKEN', value: 'ghp_s3cret' },
			{ name: 'SENTRY_AUTHORIZATION', value: 's3cret-too' },
		]);
		const others = [github, sentry].map((server) => [server?.entry, server?.notes]);
		expect(JSON.stringify(others)).not.toContain('s3cret');
	});

	it.each([
		['GITHUB_PAT', 'short'],
		['ANYTHING', 'abcdefghij0123456789'],
		['ANYTHING', 'postgres://u:p@db/x'],
	])('refers to what may be one by its name or by its look: %s=%s', (name, value) => {
		const [server] = importOf({ mcpServers: { a: { command: 'a', env: { [name]: value, LOG_LEVEL: 'debug' } } } });
		expect(server?.entry['env']).toEqual({ [name]: `\${env:A_${name}}`, LOG_LEVEL: 'debug' });
	});

	it('gets a name that an address can hold, each its own', () => {
		const names = ['My Server', 'my_server', 'my-server', '!!!', 'x'.repeat(80)];
		const imported = importOf({ mcpServers: Object.fromEntries(names.map((name) => [name, { command: 'a' }])) });
		expect(imported.map(({ slug }) => slug)).toEqual([
			'my-server',
			'my-server-2',
			'my-server-3',
			'server',
			'x'.repeat(59),
		]);
		expect(imported[0]).toMatchObject({ entry: { title: 'My Server' }, notes: [expect.stringContaining('my-server')] });
		expect(imported[2]?.notes).toHaveLength(1);
	});

	it('keeps switched off what was', () => {
		const [server] = importOf({ mcpServers: { a: { command: 'a', disabledTools: ['rm'] } } });
		expect(server?.entry['tools']).toEqual({ rules: { rm: { enabled: false } } });
	});

	it.each([
		[{ command: 'a', args: ['--api-key', 's3cret'] }, /--api-key.*every user of the machine/],
		[{ command: 'a', args: ['--token=s3cret'] }, /--token\).*every user of the machine/],
		[{ command: 'a', args: ['x', 'postgres://u:s3cret@db/x'] }, /\(the 2\.\).*every user of the machine/],
		[{ url: 'https://a.example/sse?api_key=s3cret' }, /address seems to hold a secret/],
		[{ url: 'https://u:s3cret@a.example/sse' }, /address seems to hold a secret/],
		[{ type: 'http', url: 'https://a.example/', oauth: {} }, /"oauth" is not carried over/],
		[{ command: 'a', client_header_forwarding: {} }, /never sent/],
	])('says what could not be carried over: %j', (entry, note) => {
		const [server] = importOf({ mcpServers: { a: entry } });
		expect(server?.notes).toEqual([expect.stringMatching(note)]);
		expect(server?.notes.join()).not.toContain('s3cret');
	});

	it('writes a literal reference of another program so that it stays one', () => {
		const [server] = importOf({ servers: { a: { command: 'a', args: ['${workspaceFolder}'] } } });
		expect(server?.entry['args']).toEqual(['$${workspaceFolder}']);
	});
});
