import { describe, expect, test } from 'vitest';
import type { ConfigFaults } from './faults.ts';
import { parseConfig } from './parse-config.ts';

const DIRECTORY =
	'{ id: demo, issuer: "https://i.example/{tid}", tenantId: t-1, audiences: [a], jwksUrl: "https://i.example/keys" }';

/** A file that starts with `lines` and is faultless apart from them. */
function file(...lines: string[]): string {
	const keys = lines.filter((line) => /^\w/.test(line)).map((line) => line.split(':')[0]);
	return [...lines, ...(keys.includes('directories') ? [] : [`directories: [${DIRECTORY}]`])].join('\n');
}

/** A file whose only server `x` has these lines; the first of them is line 5, from column 9. */
function serverFile(...lines: string[]): string {
	return file('workspaces:', '  google:', '    servers:', '      x:', ...lines.map((line) => `        ${line}`));
}

function networkFile(...lines: string[]): string {
	return serverFile('transport: http', 'url: https://u.example/mcp', ...lines);
}

function stdioFile(...lines: string[]): string {
	return serverFile('transport: stdio', 'command: node', ...lines);
}

function faultsOf(text: string, env: NodeJS.ProcessEnv = {}): string[] {
	try {
		parseConfig(text, { file: 'p.yaml', env, version: 1 });
		return [];
	} catch (error) {
		const { code, message, faults } = error as ConfigFaults;
		expect(code).toBe('PC_CONFIG_INVALID');
		expect(message.split('\n')).toHaveLength(faults.length);
		return message.split('\n').map((line) => line.replace('p.yaml:', '').replace('workspaces.google.servers.', '…'));
	}
}

const IS_MISPLACED = /an address takes \$\{secret:NAME\} and no other reference; put .* into headers/;

describe('the YAML of a file is refused', () => {
	test.each([
		['when it is empty', '', '1:1: expected a map'],
		['when it is a list', '- 1', '1:1: expected a map'],
		['when it is not YAML', 'hosts: [a', '1:10: not valid YAML: the indentation is wrong, or a bracket is not closed'],
		['when it is indented with tabs', 'limits:\n\tjsonDepth: 1', '2:1: YAML is indented with spaces, not tabs'],
		[
			'when it is two documents',
			`${file('hosts: []')}\n---\nhosts: []`,
			'3:1: the file holds more than one YAML document',
		],
		['when it uses tags', file('hosts: !!set {}'), '1:8: YAML tags are not supported here'],
		['when an alias has no anchor', file('hosts: *nothing'), '1:8: this alias has no anchor above it'],
		['when a key is a list', file('? [a]', ': 1'), '1:3: keys must be text'],
		['when a key is __proto__', file('workspaces: { __proto__: {} }'), '1:15: this key is not allowed'],
	])('%s', (_, text, fault) => {
		expect(faultsOf(text)[0]).toBe(fault);
	});

	test('when a key is given twice, together with everything else that is wrong', () => {
		const text = stdioFile('command: other', 'isolation: nobody');
		expect(faultsOf(text)).toEqual([
			'7:9: this key is given twice',
			'8:20 …x.isolation: expected one of shared, principal',
		]);
	});

	test('when aliases multiply', () => {
		const bomb = [
			'a: &a [1,2,3,4,5,6,7,8,9]',
			...[...'bcdef'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdef'[i]}`).join()}]`),
		];
		expect(faultsOf(file(...bomb))).toEqual(['1:1: the YAML is nested too deeply or repeats too many aliases']);
	});

	test('when it is nested too deeply', () => {
		expect(faultsOf('['.repeat(10_000) + ']'.repeat(10_000))[0]).toMatch(/nested too deeply/);
	});
});

describe('the shape of a file is refused', () => {
	test.each([
		['an unknown key with a known one near it', file('orgins: []'), '1:1 orgins: unknown key; did you mean origins?'],
		[
			'an unknown key of a server',
			networkFile('isolatoin: shared'),
			'7:9 …x.isolatoin: unknown key; did you mean isolation?',
		],
		[
			'a key of another transport',
			stdioFile('url: https://u.example'),
			/^7:9 …x\.url: unknown key; known here: transport, command, args/,
		],
		['a missing key, at its parent', serverFile('transport: http'), '4:7 …x.url: is missing'],
		[
			'a missing transport',
			serverFile('url: https://u.example'),
			'4:7 …x.transport: expected one of http, sse, openapi, stdio',
		],
		[
			'an unknown transport',
			serverFile('transport: carrier-pigeon'),
			'5:20 …x.transport: expected one of http, sse, openapi, stdio',
		],
		['a value without text', networkFile('headers:'), '7:17 …x.headers: expected a map'],
		['a number where text belongs', stdioFile('args: [8080]'), '7:16 …x.args[0]: expected text; put quotes around it'],
		['a list where a map belongs', file('workspaces: []'), '1:13 workspaces: expected a map'],
		['text where a list belongs', file('hosts: a'), '1:8 hosts: expected a list'],
		['text where a switch belongs', networkFile('enabled: maybe'), '7:18 …x.enabled: expected true or false'],
		['empty text', stdioFile('cwd: ""'), '7:14 …x.cwd: must not be empty'],
		[
			'a workspace that is no slug, at its name',
			file('workspaces: { Google: {} }'),
			/^1:15 workspaces\.Google: must be 1 to 63 of a-z/,
		],
		[
			'a server that is no slug',
			file('workspaces:', '  g: { servers: { a_b: { transport: stdio, command: c } } }'),
			/^2:19 workspaces\.g\.servers\.a_b: must be 1 to 63/,
		],
		[
			'isolation by session',
			networkFile('isolation: session'),
			'7:20 …x.isolation: isolation by session is not supported yet; use shared or principal',
		],
		['an unknown era', networkFile('era: baroque'), '7:14 …x.era: expected one of auto, modern, legacy'],
		[
			'an unknown level of a tool',
			networkFile('tools: { rules: { t: { minimumLevel: root } } }'),
			'7:46 …x.tools.rules.t.minimumLevel: expected one of read, write, admin',
		],
		['a limit of nothing', networkFile('limits: { totalMs: 0 }'), '7:28 …x.limits.totalMs: must be at least 1'],
		[
			'a limit that no timer counts to',
			networkFile('limits: { totalMs: 2147483648 }'),
			'7:28 …x.limits.totalMs: must be at most 2147483647',
		],
		[
			'a rate of nothing',
			file('limits: { rate: { principal: { perMinute: 0 } } }'),
			'1:43 limits.rate.principal.perMinute: must be at least 1',
		],
		[
			'a burst that takes longer than a day to come back',
			file('limits: { rate: { key: { perMinute: 1, burst: 1441 } } }'),
			'1:47 limits.rate.key.burst: must be at most a day of perMinute',
		],
		[
			'a limit of a tool of no server',
			file('workspaces: { g: { rateLimits: { tools: { search: { perMinute: 1 } } } } }'),
			'1:43 workspaces.g.rateLimits.tools.search: write a tool as server/tool',
		],
		['half a byte', file('limits: { bodyBytes: 0.5 }'), '1:22 limits.bodyBytes: expected a whole number'],
		['bodies beyond 8 MiB', file('limits: { bodyBytes: 8388609 }'), '1:22 limits.bodyBytes: must be at most 8388608'],
	])('for %s', (_, text, fault) => {
		expect(faultsOf(text)).toEqual([typeof fault === 'string' ? fault : expect.stringMatching(fault)]);
	});
});

describe('an address is refused', () => {
	test.each([
		['that is no URL', 'jira.example.com', 'expected an http or https URL'],
		['of another scheme', 'file:///etc/passwd', 'expected an http or https URL'],
		['with white space, which parsers drop', '"https://u.exam\\nple"', 'expected an http or https URL'],
		['with a user', 'https://me:pw@u.example', 'a URL must not hold a user name or password; use headers'],
		['with a fragment', '"https://u.example/#a"', 'a URL must not have a fragment (#…)'],
		[
			'with plain http to another machine',
			'http://u.example',
			expect.stringContaining('plain http to another machine') as string,
		],
		[
			'with plain http to a name that only looks local',
			'http://localhost.evil.example',
			expect.stringContaining('plain http') as string,
		],
		['with a reference', 'https://u.example/${env:KEY}', expect.stringMatching(IS_MISPLACED) as string],
	])('%s', (_, url, message) => {
		const faults = faultsOf(serverFile('transport: sse', `url: ${url}`), { KEY: 'k' });
		expect(faults.map((fault) => fault.replace('6:14 …x.url: ', ''))).toEqual([message]);
	});

	test.each(['http://localhost:3000', 'http://127.0.0.1/mcp', 'http://127.1.2.3', 'http://[::1]:80/'])(
		'but not %s',
		(url) => {
			expect(faultsOf(serverFile('transport: http', `url: "${url}"`))).toEqual([]);
		},
	);

	test('but not with plain http that the server allows', () => {
		expect(faultsOf(serverFile('transport: http', 'url: http://u.example', 'allowPlainHttp: true'))).toEqual([]);
	});

	test.each([
		['publicUrl: https://p.example/path', '1:12 publicUrl: must be an origin alone, such as https://mcp.example.com'],
		['publicUrl: http://p.example', '1:12 publicUrl: must be https (http is allowed to this machine only)'],
		[
			'hosts: ["https://p.example"]',
			'1:9 hosts[0]: expected a host name with an optional port, such as mcp.example.com',
		],
		[
			'origins: ["*"]',
			'1:11 origins[0]: expected an origin without a slash at the end, such as https://chat.example.com',
		],
		[
			'origins: ["null"]',
			'1:11 origins[0]: expected an origin without a slash at the end, such as https://chat.example.com',
		],
	])('as %s', (line, fault) => {
		expect(faultsOf(file(line))).toEqual([fault]);
	});
});

describe('directories are refused', () => {
	const withDirectory = (from: string, to: string) => file(`directories: [${DIRECTORY.replace(from, to)}]`);
	const second = (from: string, to: string) =>
		file('directories:', `  - ${DIRECTORY}`, `  - ${DIRECTORY.replace(from, to)}`);

	test.each([
		['when there are none', file('directories: []'), '1:14 directories: must not be empty'],
		['without an audience', withDirectory('[a]', '[]'), '1:88 directories[0].audiences: must not be empty'],
		[
			'whose keys come over plain http',
			withDirectory('https://i.example/keys', 'http://i.example/keys'),
			'1:102 directories[0].jwksUrl: must be https (http is allowed to this machine only)',
		],
		[
			'with another placeholder',
			withDirectory('{tid}', '{tenantid}'),
			'1:35 directories[0].issuer: only {tid} is replaced in this URL',
		],
		[
			'for every Entra tenant',
			withDirectory('t-1', 'common'),
			'1:72 directories[0].tenantId: name one Entra tenant by its id',
		],
	])('%s', (_, text, fault) => {
		expect(faultsOf(text)).toEqual([fault]);
	});

	test('when two have one id', () => {
		expect(faultsOf(second('i.example/{tid}', 'other.example'))).toEqual([
			'3:11 directories[1].id: another directory has this id',
		]);
	});

	test('when two have one issuer once {tid} is filled in', () => {
		const text = second('id: demo, issuer: "https://i.example/{tid}"', 'id: b, issuer: "https://i.example/t-1"');
		expect(faultsOf(text)).toEqual(['3:22 directories[1].issuer: another directory has this issuer']);
	});
});

describe('what a directory may say besides is refused', () => {
	const withMore = (more: string) => file(`directories: [${DIRECTORY.replace(' }', `, ${more} }`)}]`);
	const graphOf = (more: string) => withMore(`graph: { clientId: c, clientSecret: "\${env:KEY}", ${more} }`);
	const sentences = (text: string) =>
		faultsOf(text, { KEY: 'k' }).map((line) => line.replace(/^\d+:\d+ directories\[0\]\./, ''));

	test.each([
		['an application id with a space', 'clientApps: [a b]', 'clientApps[0]: expected the id of an application'],
		['no application', 'clientApps: []', 'clientApps: must not be empty'],
		['two scopes in one', 'scopes: [a b]', 'scopes[0]: expected one scope, such as api://gateway/mcp.access'],
		[
			'whatever was consented to',
			'scopes: [api://g/.default]',
			'scopes[0]: name the scope itself, since no token holds .default',
		],
		['guests who are neither', 'guests: maybe', 'guests: expected one of allow, deny'],
		[
			'an issuer over plain http',
			'v1Issuer: http://sts.example/x',
			'v1Issuer: must be https (http is allowed to this machine only)',
		],
		['its own issuer twice', 'v1Issuer: "https://i.example/t-1"', 'v1Issuer: a directory has this issuer'],
	])('%s', (_, more, fault) => {
		expect(sentences(withMore(more))).toEqual([fault]);
	});

	test.each([
		[
			'Graph with a path',
			'baseUrl: "https://graph.example/v1.0"',
			'baseUrl: must be an origin alone, such as https://graph.microsoft.com',
		],
		[
			'tokens over plain http',
			'tokenUrl: "http://login.example/token"',
			'tokenUrl: must be https (http is allowed to this machine only)',
		],
	])('%s', (_, more, fault) => {
		expect(sentences(graphOf(more))).toEqual([`graph.${fault}`]);
	});

	test.each(['canary-secret', 'x-${env:KEY}', '${env:KEY}${env:KEY}', ''])(
		'a secret that is no reference alone: %j',
		(secret) => {
			const more = `graph: { clientId: c, clientSecret: "${secret}" }`;
			expect(sentences(withMore(more))).toEqual([
				'graph.clientSecret: put the secret into ${env:NAME} or ${file:path}',
			]);
		},
	);

	test('a secret that is not there, by the name of its reference', () => {
		expect(faultsOf(graphOf('baseUrl: "https://graph.example"'))[0]).toMatch(
			/graph\.clientSecret: environment variable KEY is not set$/,
		);
	});

	test('but not what is right', () => {
		const more = 'v1Issuer: "https://sts.example/{tid}/", clientApps: [c], scopes: ["api://g/s"], guests: deny';
		expect(sentences(withMore(more))).toEqual([]);
		expect(sentences(graphOf('baseUrl: "http://localhost:1"'))).toEqual([]);
	});
});

describe('toolsets, members and rules are refused', () => {
	const toolsetFile = (tools: string) =>
		file(
			'workspaces:',
			'  google:',
			'    servers: { files: { transport: stdio, command: c } }',
			`    toolsets: { t: { tools: ${tools} } }`,
		);
	const memberFile = (members: string, directories = `[${DIRECTORY}]`) =>
		file('workspaces:', '  google:', `    members: ${members}`, `directories: ${directories}`);
	const two = `[${DIRECTORY}, ${DIRECTORY.replace('demo', 'second').replace('{tid}', 'x')}]`;
	const ruleFile = (rule: string) => networkFile(`tools: { rules: { t: { ${rule} } } }`);
	const at = 'workspaces.google.';

	test.each([
		[
			'a toolset with a tool of a mistyped server',
			toolsetFile('[fils/read]'),
			`4:30 ${at}toolsets.t.tools[0]: there is no such server; did you mean files?`,
		],
		[
			'a toolset with a tool of a server with an inherited name',
			toolsetFile('[constructor/read]'),
			`4:30 ${at}toolsets.t.tools[0]: there is no such server`,
		],
		[
			'a toolset with a tool of no server',
			toolsetFile('[read]'),
			`4:30 ${at}toolsets.t.tools[0]: write a tool as server/tool`,
		],
		[
			'a toolset with a server and no tool',
			toolsetFile('["files/"]'),
			`4:30 ${at}toolsets.t.tools[0]: write a tool as server/tool`,
		],
		[
			'a toolset with a tool given twice',
			toolsetFile('[files/a, files/b, files/a]'),
			`4:48 ${at}toolsets.t.tools[2]: this tool is given twice`,
		],
		[
			'a toolset without tools',
			file('workspaces: { google: { toolsets: { t: {} } } }'),
			`1:37 ${at}toolsets.t.tools: is missing`,
		],
		[
			'a toolset that is no slug',
			file('workspaces: { google: { toolsets: { T: { tools: [] } } } }'),
			`1:37 ${at}toolsets.T: must be 1 to 63 of a-z, 0-9 and dashes, with no dash at either end`,
		],
		[
			'another way to audit',
			file('workspaces: { google: { audit: never } }'),
			`1:32 ${at}audit: expected one of strict, best-effort`,
		],
		[
			'a member of a mistyped directory',
			memberFile('[{ oid: o, access: read, directory: dmo }]'),
			`3:50 ${at}members[0].directory: there is no such directory; did you mean demo?`,
		],
		[
			'a member of no directory when there are two',
			memberFile('[{ oid: o, access: read }]', two),
			`3:15 ${at}members[0].directory: name the directory, since more than one is configured`,
		],
		[
			'a person who is a member twice, however the directory is written',
			memberFile('[{ oid: o, access: read }, { oid: o, access: admin, directory: demo }]'),
			`3:48 ${at}members[1].oid: another member is the same person`,
		],
		['a member without a level', memberFile('[{ oid: o }]'), `3:15 ${at}members[0].access: is missing`],
		['a member without an id', memberFile('[{ access: read }]'), `3:15 ${at}members[0].oid: is missing`],
		[
			'a member whose id is too long',
			memberFile(`[{ oid: ${'o'.repeat(129)}, access: read }]`),
			`3:22 ${at}members[0].oid: must be at most 128 characters`,
		],
		[
			'a definition digest that is none',
			ruleFile('definitionDigest: abc'),
			'7:50 …x.tools.rules.t.definitionDigest: expected a SHA-256 digest: 64 of 0-9 and a-f',
		],
		['an empty description', ruleFile('description: ""'), '7:45 …x.tools.rules.t.description: must not be empty'],
		[
			'a description beyond 8192 characters',
			ruleFile(`description: ${'d'.repeat(8_193)}`),
			'7:45 …x.tools.rules.t.description: must be at most 8192 characters',
		],
	])('for %s', (_, text, fault) => {
		expect(faultsOf(text)).toEqual([fault]);
	});

	test('but not for the same person of two directories, nor for a tool of a server with faults', () => {
		expect(
			faultsOf(
				memberFile('[{ oid: o, access: read, directory: demo }, { oid: o, access: read, directory: second }]', two),
			),
		).toEqual([]);
		const broken = file(
			'workspaces: { g: { servers: { x: { transport: http } }, toolsets: { t: { tools: [x/y] } } } }',
		);
		expect(faultsOf(broken)).toEqual(['1:31 workspaces.g.servers.x.url: is missing']);
	});
});

describe('grants are refused', () => {
	const grantFile = (grant: string, directories = `[${DIRECTORY}]`) => {
		return file('workspaces: { google: {} }', 'grants:', `  - ${grant}`, `directories: ${directories}`);
	};
	const two = `[${DIRECTORY}, ${DIRECTORY.replace('demo', 'second').replace('{tid}', 'x')}]`;

	test.each([
		['for nobody', grantFile('{ workspace: google, access: read }'), '3:5 grants[0]: name either a group or a role'],
		[
			'for a group and a role',
			grantFile('{ group: a, role: b, workspace: "*", access: read }'),
			'3:5 grants[0]: name either a group or a role',
		],
		[
			'for a mistyped workspace',
			grantFile('{ group: a, workspace: gogle, access: read }'),
			'3:28 grants[0].workspace: there is no such workspace; did you mean google?',
		],
		[
			'for a workspace that does not exist',
			grantFile('{ group: a, workspace: zzz, access: read }'),
			'3:28 grants[0].workspace: there is no such workspace',
		],
		[
			'for an inherited name',
			grantFile('{ group: a, workspace: constructor, access: read }'),
			'3:28 grants[0].workspace: there is no such workspace',
		],
		[
			'with an unknown level',
			grantFile('{ group: a, workspace: google, access: owner }'),
			'3:44 grants[0].access: expected one of read, write, admin',
		],
		['without a level', grantFile('{ group: a, workspace: google }'), '3:5 grants[0].access: is missing'],
		[
			'for an unknown directory',
			grantFile('{ group: a, workspace: google, access: read, directory: dmo }'),
			'3:61 grants[0].directory: there is no such directory; did you mean demo?',
		],
		[
			'without a directory when there are two',
			grantFile('{ group: a, workspace: google, access: read }', two),
			'3:5 grants[0].directory: name the directory, since more than one is configured',
		],
	])('%s', (_, text, fault) => {
		expect(faultsOf(text)).toEqual([fault]);
	});

	test('but not for a workspace whose servers have faults', () => {
		const text = file(
			'workspaces: { google: { servers: { x: { transport: http } } } }',
			'grants: [{ group: a, workspace: google, access: read }]',
		);
		expect(faultsOf(text)).toEqual(['1:36 …x.url: is missing']);
	});
});

test('all faults of all kinds are told at once, in the order of the file', () => {
	const text = [
		'hots: []',
		'directories:',
		`  - ${DIRECTORY.replace('https://i.example/keys', 'nonsense')}`,
		'workspaces:',
		'  google:',
		'    servers:',
		'      a: { transport: http, urll: 1, headers: { Authorization: x, Host: y } }',
		'      b: { transport: stdio, command: "${env:K}", env: { NODE_OPTIONS: "${env:ABSENT}" }, isolation: session }',
		'grants:',
		'  - { group: g, workspace: nowhere, access: root, directory: nobody }',
	].join('\n');
	expect(faultsOf(text).map((fault) => fault.split(/: /, 1)[0])).toEqual([
		'1:1 hots',
		'3:92 directories[0].jwksUrl',
		'7:7 …a.url',
		'7:29 …a.urll',
		'7:64 …a.headers.Authorization',
		'7:67 …a.headers.Host',
		'8:39 …b.command',
		'8:58 …b.env.NODE_OPTIONS',
		'8:72 …b.env.NODE_OPTIONS',
		'8:102 …b.isolation',
		'10:28 grants[0].workspace',
		'10:45 grants[0].access',
		'10:62 grants[0].directory',
	]);
});
