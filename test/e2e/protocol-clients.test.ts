import { Client } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../fakes/gateway.ts';
import {
	type HttpFixture,
	type LegacyHttpFixture,
	type LegacySseFixture,
	startLegacyHttp,
	startLegacySse,
	startModernHttp,
	stdioServer,
} from '../fakes/upstream.ts';
import { CLIENTS, type ClientKind, connect, keepForFile, keepForTest, soon, textOf } from './protocol-clients.ts';

type AnyClient = Client | OldClient;

const SERVERS = ['fresh', 'json', 'streaming', 'sse', 'child', 'old-child'] as const;

const keep = keepForFile();
const keepShort = keepForTest();
let gateway: TestGateway;
let fresh: HttpFixture;
let json: LegacyHttpFixture;
let streaming: LegacyHttpFixture;
let sse: LegacySseFixture;
let token: string;

beforeAll(async () => {
	fresh = keep(await startModernHttp({ canary: 'FRESH', pageSize: 5 }));
	json = keep(await startLegacyHttp({ canary: 'JSON', answers: 'json', pageSize: 5 }));
	streaming = keep(await startLegacyHttp({ canary: 'STREAMING', answers: 'sse', eventIds: true }));
	sse = keep(await startLegacySse({ canary: 'SSE' }));
	const http = (url: string) => ({ transport: 'http', url });
	const servers = {
		fresh: http(fresh.url),
		json: http(json.url),
		streaming: http(streaming.url),
		sse: { transport: 'sse', url: sse.url },
		child: { transport: 'stdio', ...stdioServer({ canary: 'CHILD' }) },
		'old-child': { transport: 'stdio', ...stdioServer({ canary: 'OLD-CHILD', era: 'legacy' }) },
	};
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
	token = gateway.tokenFor(['G']);
});

interface Pathway {
	readonly title: string;
	path(server: string): string;
	/** What stands before a name of this server there. */
	prefix(server: string): string;
}

const OWN: Pathway = { title: 'its own address', path: (server) => `/w/google/s/${server}/mcp`, prefix: () => '' };
const ADDRESSES: readonly Pathway[] = [
	OWN,
	{ title: 'the address of the workspace', path: () => '/w/google/mcp', prefix: (server) => `${server}__` },
	{ title: 'the address of everything', path: () => '/mcp', prefix: (server) => `google__${server}__` },
];

const canaryOf = (server: string): string => server.toUpperCase();

interface Visit {
	readonly client: AnyClient;
	readonly server: string;
	readonly prefix: string;
}

async function open(kind: ClientKind, { path, prefix }: Pathway, server: string): Promise<Visit> {
	const client = await connect(kind, gateway.url + path(server), token);
	return { client: keepShort(client), server, prefix: prefix(server) };
}

const call = (name: string, args: Record<string, unknown> = {}) => ({ name, arguments: args });

/** Every client has its own names for the options of a call. */
function callTool(client: AnyClient, params: ReturnType<typeof call>, options: object = {}): Promise<unknown> {
	return client instanceof OldClient
		? client.callTool(params, undefined, options)
		: client.callTool(params, { ...options });
}

async function tryTools({ client, server, prefix }: Visit): Promise<void> {
	const canary = canaryOf(server);
	const { tools } = await client.listTools();
	const own = tools.filter(({ description }) => description?.endsWith(`[${canary}]`));
	expect(own.map(({ name }) => name)).toEqual(
		expect.arrayContaining(['echo', 'add', 'regional'].map((name) => prefix + name)),
	);
	expect(textOf(await callTool(client, call(`${prefix}echo`, { text: 'hello' })))).toBe(`${canary}: hello`);
	expect(await callTool(client, call(`${prefix}add`, { a: 2, b: 3 }))).toMatchObject({
		structuredContent: { sum: 5 },
	});
	expect(await callTool(client, call(`${prefix}fail`))).toMatchObject({ isError: true });
	await expect(callTool(client, call(`${prefix}rpcError`))).rejects.toMatchObject({ code: -32000, data: { canary } });
	await expect(callTool(client, call(`${prefix}nothing`))).rejects.toMatchObject({ code: -32602 });
	const regional = await callTool(client, call(`${prefix}regional`, { region: 'Zürich' }));
	expect(textOf(regional)).toBe(`${canary}: Zürich`);
}

async function tryPrompts({ client, server, prefix }: Visit): Promise<void> {
	const { prompts } = await client.listPrompts();
	expect(prompts.map(({ name }) => name)).toContain(`${prefix}test_prompt_with_arguments`);
	const name = `${prefix}test_prompt_with_arguments`;
	const prompt = await client.getPrompt({ name, arguments: { arg1: 'a', arg2: 'b' } });
	expect(JSON.stringify(prompt)).toContain(`${canaryOf(server)}: arg1='a', arg2='b'`);
	const ref = { type: 'ref/prompt' as const, name };
	const { completion } = await client.complete({ ref, argument: { name: 'arg1', value: 'par' } });
	expect(completion.values).toEqual(['paris', 'park', 'party']);
}

async function tryResources({ client, server, prefix }: Visit): Promise<void> {
	const canary = canaryOf(server);
	const { resources } = await client.listResources();
	const uris = resources.filter(({ description }) => description?.endsWith(`[${canary}]`)).map(({ uri }) => uri);
	expect(uris).toHaveLength(2);
	expect(JSON.stringify(await client.readResource({ uri: uris[0]! }))).toContain(`${canary}: static text`);
	const { resourceTemplates } = await client.listResourceTemplates();
	expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toContain('test://template/{id}/data');
	// Six servers have this template: where all stand behind one address it names none of them.
	const byTemplate = client.readResource({ uri: 'test://template/7/data' });
	if (prefix === '') expect(JSON.stringify(await byTemplate)).toContain(canary);
	else await expect(byTemplate).rejects.toMatchObject({ code: -32602 });
	await expect(client.readResource({ uri: 'test://nothing' })).rejects.toMatchObject({
		code: expect.toBeOneOf([-32602, -32002]),
	});
}

describe.each(ADDRESSES)('at $title', (address) => {
	describe.each(CLIENTS)('the %s client', (kind) => {
		it.each(SERVERS)('uses tools, prompts, resources and completion of %s', async (server) => {
			const visit = await open(kind, address, server);
			await tryTools(visit);
			await tryPrompts(visit);
			await tryResources(visit);
		});

		it.each(SERVERS)('sees the progress of a call to %s', async (server) => {
			const { client, prefix } = await open(kind, address, server);
			const seen: number[] = [];
			const onprogress = (each: { progress: number }) => void seen.push(each.progress);
			await callTool(client, call(`${prefix}slow`, { ms: 30, steps: 3 }), { onprogress });
			// A server that answers with plain JSON has no place for progress.
			expect(seen).toEqual(server === 'json' ? [] : [1, 2, 3]);
		});

		it.each(['fresh', 'streaming', 'sse', 'child'])('cancels a call to %s', async (server) => {
			const { client, prefix } = await open(kind, address, server);
			const aborter = new AbortController();
			const options = { signal: aborter.signal, onprogress: () => aborter.abort() };
			const slow = callTool(client, call(`${prefix}slow`, { ms: 20_000, steps: 2 }), options);
			await expect(slow).rejects.toThrow();
			const quick = await callTool(client, call(`${prefix}echo`, { text: 'on' }));
			expect(textOf(quick)).toBe(`${canaryOf(server)}: on`);
		});
	});

	describe.each(['legacy', 'old'] as const)('the %s client', (kind) => {
		it('pings and shakes hands with 2025-11-25', async () => {
			for (const server of SERVERS) {
				const { client } = await open(kind, address, server);
				await client.ping();
				expect(client.getServerVersion()?.name).toBeTypeOf('string');
				if (client instanceof Client) expect(client.getProtocolEra()).toBe('legacy');
			}
		});

		it.each(['fresh', 'streaming'])('gets the log messages of its calls to %s from its level on', async (server) => {
			const { client, prefix } = await open(kind, address, server);
			const heard: unknown[] = [];
			const hear = ({ params }: { params: { data?: unknown } }) => void heard.push(params.data);
			if (client instanceof OldClient) client.setNotificationHandler(LoggingMessageNotificationSchema, hear);
			else client.setNotificationHandler('notifications/message', hear);
			await client.setLoggingLevel('warning');
			const isRaw = prefix === '' && server === 'streaming';
			for (const level of ['info', 'error']) await callTool(client, call(`${prefix}log`, { level, text: level }));
			// Where messages pass as they are, the threshold is the server's business, and the fixture keeps none.
			await soon(() => heard).toEqual(isRaw ? ['info', 'error'] : ['error']);
		});
	});

	describe.each(['auto', 'pinned'] as const)('the %s client', (kind) => {
		it('speaks 2026-07-28, whatever the server behind speaks', async () => {
			for (const server of SERVERS) {
				const { client } = await open(kind, address, server);
				expect((client as Client).getNegotiatedProtocolVersion()).toBe('2026-07-28');
			}
		});
	});
});

describe('closing a client', () => {
	it('ends the session of a legacy server that it reached directly', async () => {
		// The gateway has a session of its own, for lists.
		await (await open('old', OWN, 'streaming')).client.listTools();
		const before = streaming.sessionCount();
		const { client } = await open('old', OWN, 'streaming');
		expect(streaming.sessionCount()).toBe(before + 1);
		const transport = (client as OldClient).transport as unknown as { terminateSession(): Promise<void> };
		await transport.terminateSession();
		expect(streaming.sessionCount()).toBe(before);
	});

	it('leaves the sessions that the gateway holds for everybody and for the person', async () => {
		for (const kind of CLIENTS) {
			const { client } = await open(kind, OWN, 'sse');
			await callTool(client, call('echo', { text: 'x' }));
			const before = sse.sessionCount();
			await client.close();
			expect(sse.sessionCount()).toBe(before);
		}
		// One that declares nothing, one for lists and one of the person, with the capabilities these clients declare.
		expect(sse.sessionCount()).toBeLessThanOrEqual(4);
	});
});

describe('the servers behind', () => {
	it.each(CLIENTS)('are never sent a token of the %s client', async (kind) => {
		for (const address of ADDRESSES)
			for (const server of SERVERS) {
				const { client, prefix } = await open(kind, address, server);
				await callTool(client, call(`${prefix}echo`, { text: 'x' }));
			}
		for (const fixture of [fresh, json, streaming, sse]) {
			expect(fixture.seen.filter(({ name }) => name === 'echo').length).toBeGreaterThanOrEqual(ADDRESSES.length);
			for (const { headers } of fixture.seen) expect(JSON.stringify(headers)).not.toContain(token.slice(-20));
		}
	});
});
