import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReadServersOptions, readServers } from './read-servers.ts';

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), 'bridge-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const AT_START: ReadServersOptions = { version: 1, env: {}, mcpo: 'fixed' };

function fileOf(content: unknown): string {
	const file = join(folder, 'config.json');
	writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
	return file;
}

const read = (content: unknown, options = AT_START) => readServers(fileOf(content), options);
const one = (entry: unknown) => ({ mcpServers: { x: entry } });

describe('a file that mcpo would not start with', () => {
	it.each<[unknown, string]>([
		['{"mcpServers": {"x": {"env": {"K": "s3cret"}}', "Expecting ',' delimiter: line 1 column 46 (char 45)"],
		['{\\n "mcpServers":\\n  oops}', 'Expecting value: line 3 column 3 (char 19)'],
		[{}, "No 'mcpServers' found in config file."],
		[{ mcpServers: {} }, "No 'mcpServers' found in config file."],
		[one({ type: 'sse' }), "Server 'x' of type 'sse' requires a 'url' field"],
		[one({ type: 'sse', command: 'a' }), "Server 'x' of type 'sse' requires a 'url' field"],
		[one({ type: 'streamable_http', url: '' }), "Server 'x' of type 'streamable_http' requires a 'url' field"],
		[one({ command: 5 }), "Server 'x' 'command' must be a string"],
		[one({ command: 'a', args: 'b' }), "Server 'x' 'args' must be a list"],
		[one({ command: '' }), "Server 'x' must have either 'command' for stdio or 'type' and 'url' for remote servers"],
		[
			one({ type: 'stdio', url: 'http://a/' }),
			"Server 'x' must have either 'command' for stdio or 'type' and 'url' for remote servers",
		],
		[one({ command: 'a', disabledTools: 'b' }), "Server 'x' 'disabledTools' must be a list"],
		[one({ command: 'a', disabled_tools: [1] }), "Server 'x' 'disabledTools' must contain only strings"],
		[
			one({ command: 'a', client_header_forwarding: { enabled: 'yes' } }),
			"Server 'x' client_header_forwarding.enabled must be a boolean",
		],
		[
			one({ command: 'a', client_header_forwarding: { enabled: true, whitelist: 'X-*' } }),
			"Server 'x' client_header_forwarding.whitelist must be a list",
		],
		[one({ type: 'sse', url: 'ftp://a/' }), "Server 'x' 'url': expected an http or https URL"],
		[
			one({ type: 'sse', url: 'http://a/', headers: { Host: 's3cret' } }),
			"Server 'x' 'headers' Host: the gateway sets this header itself",
		],
	])('is faulted in the words of mcpo: %j', async (content, sentence) => {
		const error = await read(typeof content === 'string' ? content.replaceAll('\\n', '\n') : content).then(
			() => '',
			({ message }: Error) => message,
		);
		expect(error).toMatch(new RegExp(`${sentence.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`));
		expect(error).not.toContain('s3cret');
	});

	it('is faulted as a whole, each server by itself', async () => {
		const entries = { x: { type: 'sse' }, y: {}, z: { command: 'a' } };
		await expect(read({ mcpServers: entries })).rejects.toThrow(/^Server 'x' .*\nServer 'y' .*$/);
	});

	it('may not be there', async () => {
		const file = join(folder, 'none.json');
		await expect(readServers(file, AT_START)).rejects.toThrow(`Config file not found: ${file}`);
	});
});

describe('the servers of a file', () => {
	it('stand below the names they have there, which may be any', async () => {
		const { slugs, snapshot } = await read({
			mcpServers: { time: { command: 'a' }, 'My Server': { url: 'http://b/sse' } },
		});
		expect([...slugs]).toEqual([
			['time', 'time'],
			['My Server', 'my-server'],
		]);
		const { servers } = snapshot.workspaces.get('bridge') ?? {};
		expect([...(servers?.values() ?? [])].map(({ transport, title }) => [transport.kind, title])).toEqual([
			['sse', 'My Server'],
			['stdio', 'time'],
		]);
	});

	it('keep every variable and header as a secret, also those that a gateway would not let a file set', async () => {
		const env = { PYTHONPATH: '/lib', 'odd-name': 'x', OWN: 'o' };
		const { snapshot } = await read(one({ command: 'a', env }), { ...AT_START, env: { OWN: 'theirs', MORE: 'm' } });
		const transport = snapshot.workspaces.get('bridge')?.servers.get('x')?.transport;
		if (transport?.kind !== 'stdio') throw new Error('not stdio');
		expect([...transport.env.keys()].sort()).toEqual(['MORE', 'OWN', 'PYTHONPATH', 'odd-name']);
		expect(JSON.stringify([...transport.env.values()])).toBe(JSON.stringify(Array(4).fill(['[secret]'])));
	});

	it('are other servers once anything in their entry is another, and the same ones otherwise', async () => {
		const revisionOf = async (entry: object) =>
			(await read(one(entry))).snapshot.workspaces.get('bridge')?.servers.get('x')?.revision;
		const before = await revisionOf({ command: 'a', env: { K: '1' } });
		expect(await revisionOf({ env: { K: '1' }, command: 'a', disabledTools: ['t'] })).toBe(before);
		for (const other of [{ command: 'b', env: { K: '1' } }, { command: 'a', env: { K: '2' } }, { url: 'http://a/' }]) {
			expect(await revisionOf(other)).not.toBe(before);
		}
	});

	it('say what of them means nothing here', async () => {
		const { notes } = await read(one({ type: 'sse', url: 'http://a/', oauth: {}, client_header_forwarding: {} }));
		expect(notes).toEqual([
			expect.stringMatching(/^Server 'x': "oauth" is not carried over: mcpo signed in once for everybody/),
			expect.stringMatching(/^Server 'x': "client_header_forwarding" .* mcpo never sent those headers either\.$/),
		]);
	});

	it('may become none, once there were some', async () => {
		const { snapshot } = await read({ mcpServers: {} }, { ...AT_START, version: 2 });
		expect(snapshot.workspaces.get('bridge')?.servers.size).toBe(0);
		await expect(read({}, { ...AT_START, version: 2 })).rejects.toThrow("No 'mcpServers' found in config file.");
	});
});
