import { describe, expect, test } from 'vitest';
import type { ConfigFaults } from './faults.ts';
import { parseConfig } from './parse-config.ts';

/** A file whose only server `x` has these lines; the first of them is line 6, from column 9. */
function serverFile(...lines: string[]): string {
	return [
		'directories: [{ id: d, issuer: "https://i.example", tenantId: t, audiences: [a], jwksUrl: "https://i.example/k" }]',
		...['workspaces:', '  google:', '    servers:', '      x:'],
		...lines.map((line) => `        ${line}`),
	].join('\n');
}

function stdioFile(line: string): string {
	return serverFile('transport: stdio', 'command: node', line);
}

function faultsOf(text: string, env: NodeJS.ProcessEnv): string[] {
	try {
		parseConfig(text, { file: 'p.yaml', env, version: 1, readSecretFile: readNothing });
		return [];
	} catch (error) {
		const { faults } = error as ConfigFaults;
		return faults.map(({ line, column, path, message }) => {
			return `${line}:${column} ${path.replace('workspaces.google.servers.', '…')}: ${message}`;
		});
	}
}

function readNothing(path: string): string {
	throw Object.assign(new Error(path), { code: path.endsWith('.big') ? 'EFBIG' : 'ENOENT' });
}

describe('headers are refused', () => {
	const headerFaults = (entry: string, env: NodeJS.ProcessEnv = {}) => {
		return faultsOf(serverFile('transport: http', 'url: https://u.example', `headers: { ${entry} }`), env).map(
			(fault) => fault.replace('…x.headers.', ''),
		);
	};

	test.each([
		'Host',
		'content-type',
		'Content-Length',
		'ACCEPT',
		'Connection',
		'transfer-encoding',
		'Mcp-Session-Id',
		'MCP-Protocol-Version',
	])('when the gateway sets %s itself', (name) => {
		expect(headerFaults(`${name}: x`)).toEqual([`8:20 ${name}: the gateway sets this header itself`]);
	});

	test('when the name is no token', () => {
		expect(headerFaults('"X Y": x')).toEqual(['8:20 […]: this is not a header name']);
	});

	test('when two names differ in case alone', () => {
		expect(headerFaults('X-A: "1", x-a: "2"')).toEqual(['8:30 x-a: this name is given twice']);
	});

	test.each(['Authorization', 'X-Api-Key', 'x-access-token', 'Client-Secret', 'Cookie'])(
		'when %s holds its secret itself',
		(name) => {
			expect(headerFaults(`${name}: abc`)[0]).toContain(`${name}: put the secret into`);
		},
	);

	test.each([
		['a line break', 'a\r\nX-Admin: 1'],
		['a NUL', 'a\0b'],
		['a character beyond Latin-1', 'a\u0100'],
	])('when the secret holds %s, by name alone', (_, value) => {
		expect(headerFaults('X-Key: "${env:K}"', { K: value })).toEqual([
			'8:27 X-Key: a header value must not hold line breaks or control characters',
		]);
	});

	test.each([
		['${env:ABSENT}', 'environment variable ABSENT is not set'],
		['${env:EMPTY}', 'environment variable EMPTY is empty'],
		['${env:constructor}', 'environment variable constructor is not set'],
		['${file:./absent.key}', 'secret file ./absent.key does not exist'],
		['${file:./a.big}', 'secret file ./a.big is larger than 64 KiB'],
		['${HOME}', 'write a reference as ${env:NAME}, ${file:path} or ${secret:NAME}, and a literal ${ as $${'],
		['${env:A-B}', 'write a reference as ${env:NAME}, ${file:path} or ${secret:NAME}, and a literal ${ as $${'],
		['${env:A', 'write a reference as ${env:NAME}, ${file:path} or ${secret:NAME}, and a literal ${ as $${'],
	])('when %s leads to nothing', (reference, message) => {
		expect(headerFaults(`X-Key: "${reference}"`, { EMPTY: ' ' })).toEqual([`8:27 X-Key: ${message}`]);
	});
});

describe('a child process is refused', () => {
	test.each([
		'NODE_OPTIONS',
		'LD_PRELOAD',
		'LD_ANYTHING',
		'DYLD_INSERT_LIBRARIES',
		'BASH_ENV',
		'ENV',
		'PYTHONSTARTUP',
		'PYTHONPATH',
		'PERL5OPT',
		'RUBYOPT',
		'JAVA_TOOL_OPTIONS',
		'GIT_SSH_COMMAND',
		'GIT_CONFIG_COUNT',
		'npm_config_node_options',
		'PATH',
	])('the variable %s', (name) => {
		expect(faultsOf(stdioFile(`env: { ${name}: x }`), {})).toEqual([
			`8:16 …x.env.${name}: this variable changes what program runs; say it in "command" and "args"`,
		]);
	});

	test('a variable that has no name of one', () => {
		expect(faultsOf(stdioFile('env: { A-B: x }'), {})).toEqual([
			'8:16 …x.env.A-B: this is not the name of an environment variable',
		]);
	});

	test('a number as a variable', () => {
		expect(faultsOf(stdioFile('env: { PORT: 80 }'), {})).toEqual([
			'8:22 …x.env.PORT: expected text; put quotes around it',
		]);
	});

	test.each([
		'command: "${env:K}"',
		'args: ["${file:k}"]',
		'cwd: "${env:K}"',
		'title: "${env:K}"',
		'args: ["--key=${K}"]',
		'args: ["--key=${secret:token}"]',
		'command: "${secret:token}"',
	])('a reference in %s, and says why', (line) => {
		const text = line.startsWith('command') ? serverFile('transport: stdio', line) : stdioFile(line);
		expect(faultsOf(text, { K: 'k' })).toEqual([
			expect.stringMatching(
				line.startsWith('args')
					? /arguments are visible to every user of the machine, .* start it by a small program that reads the variable/
					: /references work in values of "headers" and "env", and \$\{secret:NAME\} in "url"/,
			),
		]);
	});

	test('but not for a literal that is written as one', () => {
		expect(faultsOf(stdioFile('args: ["$${env:K}"]'), {})).toEqual([]);
	});
});

describe('the credential of a server is refused', () => {
	const faults = (...lines: string[]) => faultsOf(serverFile('transport: http', ...lines), {});

	test('as a word that is none', () => {
		expect(faults('url: https://u.example', 'credential: mine')).toEqual([expect.stringContaining('…x.credential: ')]);
	});

	test("when it is nobody's and something is named of it", () => {
		expect(faults('url: https://u.example', 'credential: none', 'headers: { X-Key: "${secret:token}" }')).toEqual([
			expect.stringContaining('…x.credential: none has no secret to name'),
		]);
	});

	test.each(['principal', 'principal-or-workspace'])(
		'when it is of a person (%s) and nothing of it is sent',
		(whose) => {
			expect(faults('url: https://u.example', `credential: ${whose}`)).toEqual([
				expect.stringContaining("…x.credential: say what is sent of a person's credential"),
			]);
		},
	);

	test.each([
		'https://${secret:host}/mcp',
		'https://${secret:host}:8443/mcp',
		'https://${secret:account}.example/mcp',
		'https://mcp.${secret:account}',
		'https://a.example.com@${secret:host}/mcp',
		'${secret:url}',
	])('where a value would choose whom it goes to: %s', (url) => {
		expect(faults(`url: "${url}"`)).toEqual([expect.stringContaining('may be the first part of a host alone')]);
	});

	test.each([
		'https://${secret:account}.example.com/mcp',
		'https://${secret:a}-${secret:b}.example.com:8443/mcp',
		'https://a.example.com/${secret:account}/mcp?region=${secret:region}',
	])('but not where it only fills an address in: %s', (url) => {
		expect(faults(`url: "${url}"`)).toEqual([]);
	});

	test('in places that are not sent with a call', () => {
		expect(faultsOf(serverFile('transport: http', 'url: https://u.example', 'title: "${secret:token}"'), {})).toEqual([
			expect.stringContaining('references work in values of'),
		]);
	});
});
