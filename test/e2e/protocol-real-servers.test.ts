import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../fakes/gateway.ts';
import { CLIENTS, connect, connectNew, type connectOld, keepForFile, keepForTest, textOf } from './protocol-clients.ts';

const MODULES = resolve(import.meta.dirname, '../../node_modules/@modelcontextprotocol');
const programOf = (name: string): string => join(MODULES, `server-${name}`, 'dist/index.js');

const keep = keepForFile();
const keepShort = keepForTest();
let gateway: TestGateway;
let folder: string;
let token: string;

async function freePort(): Promise<number> {
	const server = createServer();
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const { port } = server.address() as { port: number };
	server.close();
	await once(server, 'close');
	return port;
}

/** Starts server-everything over the network; resolves when it says that it listens. */
async function startEverything(mode: 'streamableHttp' | 'sse'): Promise<string> {
	const port = await freePort();
	const env = { PATH: process.env['PATH'] ?? '', PORT: String(port) };
	const child = spawn(process.execPath, [programOf('everything'), mode], { env, stdio: ['ignore', 'ignore', 'pipe'] });
	keep({
		async close() {
			const gone = once(child, 'exit');
			child.kill('SIGKILL');
			await gone;
		},
	});
	await new Promise<void>((listening) => {
		let said = '';
		child.stderr.on('data', (chunk) => {
			said += String(chunk);
			if (said.includes(`port ${port}`)) listening();
		});
	});
	return `http://127.0.0.1:${port}/${mode === 'sse' ? 'sse' : 'mcp'}`;
}

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-files-'));
	keep({ close: async () => rmSync(folder, { recursive: true, force: true }) });
	writeFileSync(join(folder, 'note.txt'), 'grüße');
	const stdio = (name: string, ...args: string[]) => ({
		transport: 'stdio',
		command: process.execPath,
		args: [programOf(name), ...args],
	});
	const servers = {
		http: { transport: 'http', url: await startEverything('streamableHttp') },
		sse: { transport: 'sse', url: await startEverything('sse') },
		everything: { ...stdio('everything', 'stdio'), clientFeatures: ['elicitation'] },
		files: stdio('filesystem', folder),
		memory: { ...stdio('memory'), env: { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') } },
	};
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
	token = gateway.tokenFor(['G']);
});

const EVERYTHING = ['http', 'sse', 'everything'] as const;
const addressOf = (server: string): string => `${gateway.url}/w/google/s/${server}/mcp`;
const call = (name: string, args: Record<string, unknown> = {}) => ({ name, arguments: args });

describe('a client that takes questions', () => {
	it('is asked by a legacy server that it reaches directly, and answers', async () => {
		const client = keepShort(await connectNew(addressOf('http'), token, 'legacy'));
		const { tools } = await client.listTools();
		expect(tools.map(({ name }) => name)).toContain('trigger-elicitation-request');
		const result = await client.callTool(call('trigger-elicitation-request'));
		expect(JSON.stringify(result.content)).toContain('Ada');
	});

	it('is asked just so where the gateway holds the session', async () => {
		for (const [server, kind] of [
			['http', 'auto'],
			['everything', 'legacy'],
			['sse', 'legacy'],
		] as const) {
			const client = keepShort(await connectNew(addressOf(server), token, kind));
			const { tools } = await client.listTools();
			expect(tools.map(({ name }) => name)).toContain('trigger-elicitation-request');
			const result = await client.callTool(call('trigger-elicitation-request'));
			expect(JSON.stringify(result.content)).toContain('Ada');
		}
	});
});

describe.each(CLIENTS)('the %s client', (kind) => {
	describe.each(EVERYTHING)('with server-everything (%s)', (server) => {
		it('lists and calls tools', async () => {
			const client = keepShort(await connect(kind, addressOf(server), token));
			const { tools } = await client.listTools();
			expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['echo', 'get-sum', 'get-tiny-image']));
			expect(textOf(await client.callTool(call('echo', { message: 'hello' })))).toBe('Echo: hello');
			const image = await client.callTool(call('get-tiny-image'));
			expect(image.content).toContainEqual(expect.objectContaining({ type: 'image', mimeType: 'image/png' }));
			const weather = await client.callTool(call('get-structured-content', { location: 'New York' }));
			expect(weather.structuredContent).toMatchObject({ conditions: expect.any(String) });
		});

		it('lists and gets prompts, completes their arguments', async () => {
			const client = keepShort(await connect(kind, addressOf(server), token));
			const { prompts } = await client.listPrompts();
			expect(prompts.map(({ name }) => name)).toContain('completable-prompt');
			const { messages } = await client.getPrompt({ name: 'args-prompt', arguments: { city: 'Bonn' } });
			expect(JSON.stringify(messages)).toContain('Bonn');
			const ref = { type: 'ref/prompt' as const, name: 'completable-prompt' };
			const { completion } = await client.complete({ ref, argument: { name: 'department', value: 'E' } });
			expect(completion.values).toContain('Engineering');
		});

		it('lists and reads resources and templates', async () => {
			const client = keepShort(await connect(kind, addressOf(server), token));
			const { resources } = await client.listResources();
			const { contents } = await client.readResource({ uri: resources[0]!.uri });
			expect(contents).toHaveLength(1);
			const { resourceTemplates } = await client.listResourceTemplates();
			expect(resourceTemplates.length).toBeGreaterThan(0);
			const dynamic = await client.readResource({ uri: 'demo://resource/dynamic/text/1' });
			expect(JSON.stringify(dynamic)).toContain('Resource 1');
		});

		it('sees the progress of a long call', async () => {
			const client = keepShort(await connect(kind, addressOf(server), token));
			const steps: number[] = [];
			const onprogress = ({ progress }: { progress: number }) => void steps.push(progress);
			const params = call('trigger-long-running-operation', { duration: 0.2, steps: 4 });
			const result = await (kind === 'old'
				? (client as Awaited<ReturnType<typeof connectOld>>).callTool(params, undefined, { onprogress })
				: client.callTool(params, { onprogress } as never));
			expect(textOf(result)).toContain('completed');
			// The last one may share a chunk with the answer, and the clients stop listening at the answer.
			expect(steps.slice(0, 3)).toEqual([1, 2, 3]);
		});
	});

	it('works in a folder through server-filesystem', async () => {
		const client = keepShort(await connect(kind, addressOf('files'), token));
		expect(textOf(await client.callTool(call('read_text_file', { path: join(folder, 'note.txt') })))).toBe('grüße');
		const path = join(folder, `${kind}.txt`);
		await client.callTool(call('write_file', { path, content: `by ${kind}` }));
		expect(textOf(await client.callTool(call('read_text_file', { path })))).toBe(`by ${kind}`);
		const outside = await client.callTool(call('read_text_file', { path: '/etc/hostname' }));
		expect(outside.isError).toBe(true);
	});

	it('keeps facts in server-memory', async () => {
		const client = keepShort(await connect(kind, addressOf('memory'), token));
		const entities = [{ name: `Ada-${kind}`, entityType: 'person', observations: ['writes programs'] }];
		await client.callTool(call('create_entities', { entities }));
		const found = await client.callTool(call('search_nodes', { query: `Ada-${kind}` }));
		expect(JSON.stringify(found)).toContain('writes programs');
	});

	it('finds all of them behind one address', async () => {
		const client = keepShort(await connect(kind, `${gateway.url}/mcp`, token));
		const { tools } = await client.listTools();
		const names = tools.map(({ name }) => name);
		for (const server of EVERYTHING) expect(names).toContain(`google__${server}__echo`);
		expect(names).toEqual(expect.arrayContaining(['google__files__read_text_file', 'google__memory__read_graph']));
		const graph = await client.callTool(call('google__memory__read_graph'));
		expect(graph.isError ?? false).toBe(false);
	});
});
