import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { toolRuleOf, workspaceOf } from '../../test/fakes/snapshot.ts';
import { type CallTemplate, isNamed } from '../lib/secret.ts';
import { canonicalDigest } from './canonical-digest.ts';
import { isConfigFaults } from './faults.ts';
import { DEFAULT_EDGE_LIMITS, DEFAULT_UPSTREAM_LIMITS } from './limits.ts';
import { loadConfig, parseConfig, readConfig } from './parse-config.ts';
import type { NetworkTransport, Server, Snapshot, StdioTransport } from './snapshot.ts';

const TENANT = '8a4d7c1e-0000-4000-8000-000000000001';

const DIGEST = 'd'.repeat(64);

const FULL = `
publicUrl: https://mcp.example.com/
hosts: [MCP.example.com, "gateway:8443"]
origins: [https://chat.example.com:443, vscode-webview://abc]
directories:
  - id: demo
    issuer: https://login.microsoftonline.com/{tid}/v2.0
    tenantId: ${TENANT}
    audiences: [11111111-aaaa]
    jwksUrl: https://login.microsoftonline.com/{tid}/discovery/v2.0/keys
workspaces:
  microsoft: {}
  google:
    title: Google
    audit: best-effort
    toolsets:
      writing: { tools: [jira/create, files/write_file, files/a/b] }
      reading: { title: Reading, tools: [] }
    members:
      - { oid: 0a-1, access: write, name: Ada }
    servers:
      jira:
        transport: http
        url: https://jira.example.com/mcp
        headers:
          Authorization: "Bearer \${file:./google-jira.key}"
          X-Note: "a $\${literal}"
        limits: { totalMs: 60000 }
      files:
        title: Files
        transport: stdio
        command: node
        args: [server.js, "$\${HOME}", ""]
        env: { API_KEY: "\${env:GOOGLE_KEY}", MODE: fast }
        isolation: principal
        enabled: false
        tools:
          default: disabled
          rules:
            write_file: { enabled: true, minimumLevel: admin }
            read_file: { readable: true, description: "Reads $\${one} file.", definitionDigest: ${DIGEST} }
grants:
  - { group: MCP-Google, workspace: google, access: write }
  - { role: Gateway.Admin, workspace: "*", access: admin, directory: demo }
limits:
  jsonDepth: 32
  upstream: { totalMs: 1000, idleMs: 500 }
`;

const ENV = { GOOGLE_KEY: 'g-key' };

function parse(text: string, secrets: { readonly key?: string; readonly env?: NodeJS.ProcessEnv } = {}): Snapshot {
	const { key = 'j-key\n', env = ENV } = secrets;
	return parseConfig(text, { file: '/etc/p/portcullis.yaml', env, version: 7, readSecretFile: () => key });
}

function server(snapshot: Snapshot, slug: string): Server {
	return snapshot.workspaces.get('google')?.servers.get(slug) as Server;
}

describe('a configuration file', () => {
	test('becomes a snapshot with names, directories and grants', () => {
		const snapshot = parse(FULL);
		expect(snapshot.version).toBe(7);
		expect(snapshot.names).toEqual({
			url: 'https://mcp.example.com',
			hosts: new Set(['mcp.example.com', 'gateway:8443']),
			origins: new Set(['https://chat.example.com', 'vscode-webview://abc']),
		});
		expect(snapshot.directories).toEqual([
			{
				id: 'demo',
				issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
				tenantId: TENANT,
				audiences: ['11111111-aaaa'],
				jwksUrl: `https://login.microsoftonline.com/${TENANT}/discovery/v2.0/keys`,
			},
		]);
		expect(snapshot.grantRules).toEqual([
			{
				name: 'grants[0]',
				directory: undefined,
				match: { claim: 'group', value: 'MCP-Google' },
				workspace: 'google',
				level: 'write',
			},
			{
				name: 'grants[1]',
				directory: 'demo',
				match: { claim: 'role', value: 'Gateway.Admin' },
				workspace: '*',
				level: 'admin',
			},
		]);
	});

	test('keeps workspaces and servers in slug order, whatever the order of the file', () => {
		const snapshot = parse(FULL);
		expect([...snapshot.workspaces.keys()]).toEqual(['google', 'microsoft']);
		expect([...(snapshot.workspaces.get('google')?.servers.keys() ?? [])]).toEqual(['files', 'jira']);
		expect(snapshot.workspaces.get('microsoft')).toEqual(workspaceOf('microsoft'));
	});

	test('describes a server over the network with header names in lower case', () => {
		const jira = server(parse(FULL), 'jira');
		expect(jira).toMatchObject({ workspace: 'google', title: 'jira', enabled: true, era: 'auto', isolation: 'shared' });
		const { kind, url, headers } = jira.transport as NetworkTransport;
		expect([kind, url, [...headers.keys()]]).toEqual([
			'http',
			'https://jira.example.com/mcp',
			['authorization', 'x-note'],
		]);
		expect(headers.get('x-note')).toEqual(['a ${literal}']);
		expect(rendered(headers.get('authorization'))).toBe('Bearer j-key');
	});

	test('describes a child process with its own variables', () => {
		const files = server(parse(FULL), 'files');
		expect(files).toMatchObject({
			title: 'Files',
			enabled: false,
			isolation: 'principal',
			toolsEnabledByDefault: false,
		});
		const { command, args, cwd, env } = files.transport as StdioTransport;
		expect([command, args, cwd]).toEqual(['node', ['server.js', '${HOME}', ''], undefined]);
		expect([...env].map(([name, template]) => [name, rendered(template)])).toEqual([
			['API_KEY', 'g-key'],
			['MODE', 'fast'],
		]);
	});

	test('fills a tool rule from the default of its server', () => {
		expect(Object.fromEntries(server(parse(FULL), 'files').toolRules)).toEqual({
			write_file: toolRuleOf({ minimumLevel: 'admin' }),
			read_file: toolRuleOf({
				...{ enabled: false, readable: true },
				...{ description: 'Reads ${one} file.', definitionDigest: DIGEST },
			}),
		});
	});

	test('describes toolsets by server, in slug order', () => {
		const google = parse(FULL).workspaces.get('google');
		expect(google).toMatchObject({ id: 'google', auditMode: 'best-effort' });
		const writing = new Map([
			['files', new Set(['write_file', 'a/b'])],
			['jira', new Set(['create'])],
		]);
		expect([...(google?.toolsets.values() ?? [])]).toEqual([
			{ slug: 'reading', title: 'Reading', tools: new Map() },
			{ slug: 'writing', title: 'writing', tools: writing },
		]);
		expect([...(google?.toolsets.get('writing')?.tools.keys() ?? [])]).toEqual(['files', 'jira']);
	});

	test('holds memberships by the key of the person, in slug order', () => {
		const text = FULL.replace(
			'microsoft: {}',
			'microsoft: { members: [{ oid: 0a-1, access: admin, directory: demo }] }',
		);
		const key = JSON.stringify([`https://login.microsoftonline.com/${TENANT}/v2.0`, TENANT, '0a-1']);
		expect([...parse(text).memberships]).toEqual([
			[
				key,
				[
					{ workspace: 'google', level: 'write', name: 'Ada' },
					{ workspace: 'microsoft', level: 'admin', name: '' },
				],
			],
		]);
	});

	test('takes a limit from the server, then from limits.upstream, then from the defaults', () => {
		const snapshot = parse(FULL);
		expect(snapshot.limits).toEqual({ ...DEFAULT_EDGE_LIMITS, jsonDepth: 32 });
		expect(server(snapshot, 'jira').limits).toEqual({ ...DEFAULT_UPSTREAM_LIMITS, totalMs: 60_000, idleMs: 500 });
		expect(server(snapshot, 'files').limits.totalMs).toBe(1_000);
	});

	test('is frozen all the way down', () => {
		const snapshot = parse(FULL);
		for (const part of [
			snapshot,
			snapshot.directories[0],
			snapshot.grantRules[0]?.match,
			server(snapshot, 'jira').transport,
		]) {
			expect(Object.isFrozen(part)).toBe(true);
		}
	});

	test('may use anchors and aliases', () => {
		const text = FULL.replace('{ totalMs: 60000 }', '&slow { totalMs: 9000 }').replace(
			'{ totalMs: 1000, idleMs: 500 }',
			'*slow',
		);
		expect(server(parse(text), 'files').limits.totalMs).toBe(9_000);
	});
});

describe('what a file declares', () => {
	test('is what is written in it: no defaults, and references instead of secrets', () => {
		const { declared } = readConfig(FULL, { file: 'p.yaml', env: ENV, version: 1, readSecretFile: () => 'j-key' });
		expect(declared).toMatchObject({
			publicUrl: 'https://mcp.example.com/',
			workspaces: {
				microsoft: {},
				google: { servers: { jira: { headers: { Authorization: 'Bearer ${file:./google-jira.key}' } } } },
			},
		});
		expect(canonicalDigest(parse(JSON.stringify(declared)))).toBe(canonicalDigest(parse(FULL)));
		const google = (declared as { workspaces: { google: object } }).workspaces.google;
		expect(Object.keys(google)).toEqual(['title', 'audit', 'toolsets', 'members', 'servers']);
	});

	test('can be judged where its secrets are not to be had', () => {
		const options = { file: 'p.yaml', env: {}, version: 1 } as const;
		expect(() => readConfig(FULL, options)).toThrow(/is not set/);
		const { declared, snapshot } = readConfig(FULL, { ...options, secrets: 'assumed' });
		expect(declared).toEqual(readConfig(FULL, { ...options, env: ENV, readSecretFile: () => 'x' }).declared);
		expect(snapshot.workspaces.size).toBe(2);
		const faulty = FULL.replace('transport: http', 'transport: htp');
		expect(() => readConfig(faulty, { ...options, secrets: 'assumed' })).toThrow(/expected one of/);
	});
});

describe('the revision of a server', () => {
	test('stays when only the order of the file changes', () => {
		const moved = FULL.replace('MODE: fast', 'X: y').replace(
			'API_KEY: "${env:GOOGLE_KEY}", X: y',
			'MODE: fast, API_KEY: "${env:GOOGLE_KEY}"',
		);
		expect(moved).not.toBe(FULL);
		expect(server(parse(moved), 'files').revision).toBe(server(parse(FULL), 'files').revision);
	});

	test('changes with a secret, and only for the server that uses it', () => {
		const [before, after] = [parse(FULL), parse(FULL, { key: 'another' })];
		expect(server(after, 'jira').revision).not.toBe(server(before, 'jira').revision);
		expect(server(after, 'files').revision).toBe(server(before, 'files').revision);
	});

	test.each([
		['its address', ['jira.example.com/mcp', 'jira.example.com/mcp2']],
		['a literal header', ['X-Note: "a', 'X-Note: "b']],
		['a limit', ['totalMs: 60000', 'totalMs: 60001']],
	])('changes with %s', (_, [from = '', to = '']) => {
		expect(server(parse(FULL.replace(from, to)), 'jira').revision).not.toBe(server(parse(FULL), 'jira').revision);
	});

	test.each([
		['its title', ['title: Files', 'title: Other']],
		['the rules of its tools', ['write_file: { enabled: true', 'write_file: { enabled: false']],
		['what happens to other tools', ['default: disabled', 'default: enabled']],
	])('stays with %s', (_, [from = '', to = '']) => {
		const changed = FULL.replace(from, to);
		expect(changed).not.toBe(FULL);
		expect(server(parse(changed), 'files').revision).toBe(server(parse(FULL), 'files').revision);
	});

	test('differs between workspaces with the same server', () => {
		const definition = '{ servers: { a: { transport: http, url: "https://a.example" } } }';
		const text = FULL.replace('microsoft: {}', `microsoft: ${definition}\n  apple: ${definition}`);
		const revisions = ['microsoft', 'apple'].map(
			(slug) => parse(text).workspaces.get(slug)?.servers.get('a')?.revision,
		);
		expect(new Set(revisions).size).toBe(2);
	});
});

describe('a configuration file on disk', () => {
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-config-'));
	const file = join(folder, 'portcullis.yaml');
	afterAll(() => rmSync(folder, { recursive: true }));

	test('finds its secret files beside itself', async () => {
		writeFileSync(join(folder, 'google-jira.key'), 'from-disk\n');
		writeFileSync(file, FULL);
		const { transport } = server(await loadConfig(file, { env: ENV, version: 1 }), 'jira');
		expect(rendered((transport as NetworkTransport).headers.get('authorization'))).toBe('Bearer from-disk');
	});

	test('is a fault when it is absent', async () => {
		const error = await loadConfig(join(folder, 'absent.yaml'), { env: ENV, version: 1 }).catch(
			(reason: Error) => reason,
		);
		expect(isConfigFaults(error) && error.message).toBe(`${join(folder, 'absent.yaml')}:1:1: cannot be read (ENOENT)`);
	});
});

function rendered(template: CallTemplate | undefined): string | undefined {
	return template
		?.map((part) => (typeof part === 'string' ? part : isNamed(part) ? part.named : part.reveal()))
		.join('');
}
