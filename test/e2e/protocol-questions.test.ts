import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as OldTransport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
	CreateMessageRequestSchema,
	ElicitRequestSchema,
	ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../fakes/gateway.ts';
import { startLegacyHttp, startLegacySse, startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { keepForFile } from './protocol-clients.ts';

const keep = keepForFile();
let gateway: TestGateway;

const ALL = ['elicitation', 'sampling', 'roots'];

beforeAll(async () => {
	const conformance = true;
	const servers = {
		fresh: { transport: 'http', url: keep(await startModernHttp({ canary: 'FRESH', conformance })).url },
		http: { transport: 'http', url: keep(await startLegacyHttp({ canary: 'HTTP', conformance })).url },
		apart: {
			transport: 'http',
			url: keep(await startLegacyHttp({ canary: 'APART', conformance, questions: 'session' })).url,
		},
		sse: { transport: 'sse', url: keep(await startLegacySse({ canary: 'SSE', conformance })).url },
		child: {
			transport: 'stdio',
			clientFeatures: ALL,
			...stdioServer({ canary: 'CHILD', era: 'legacy', conformance }),
		},
		'new-child': {
			transport: 'stdio',
			clientFeatures: ALL,
			...stdioServer({ canary: 'NEW-CHILD', era: 'modern', conformance }),
		},
	};
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
});

interface Person {
	call(tool: string, args?: Readonly<Record<string, unknown>>): Promise<string>;
}

const CAPABILITIES = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
const INFO = { name: 'questions', version: '1' };

const answers = (name: string) => ({
	elicit: { action: 'accept' as const, content: { name, color: 'blue', username: name, email: 'e', ok: true } },
	sample: { role: 'assistant' as const, content: { type: 'text' as const, text: `PARIS-${name}` }, model: 'm' },
	roots: { roots: [{ uri: `file:///home/${name}` }] },
});

function textOf(result: unknown): string {
	const { content, isError } = result as { content: readonly { readonly text: string }[]; isError?: boolean };
	return `${isError === true ? 'ERROR ' : ''}${content.map(({ text }) => text).join('')}`;
}

async function modernPerson(url: string, token: string, name: string): Promise<Person> {
	const client = new Client(INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode: { pin: '2026-07-28' } } });
	const { elicit, sample, roots } = answers(name);
	client.setRequestHandler('elicitation/create', () => elicit);
	client.setRequestHandler('sampling/createMessage', () => sample);
	client.setRequestHandler('roots/list', () => roots);
	const requestInit = { headers: { authorization: `Bearer ${token}` } };
	await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
	keep(client);
	return { call: async (tool, args = {}) => textOf(await client.callTool({ name: tool, arguments: args })) };
}

async function legacyPerson(url: string, token: string, name: string): Promise<Person> {
	const client = new OldClient(INFO, { capabilities: CAPABILITIES });
	const { elicit, sample, roots } = answers(name);
	client.setRequestHandler(ElicitRequestSchema, () => elicit);
	client.setRequestHandler(CreateMessageRequestSchema, () => sample);
	client.setRequestHandler(ListRootsRequestSchema, () => roots);
	const requestInit = { headers: { authorization: `Bearer ${token}` } };
	await client.connect(new OldHttp(new URL(url), { requestInit }) as OldTransport);
	keep(client);
	return { call: async (tool, args = {}) => textOf(await client.callTool({ name: tool, arguments: args })) };
}

const PEOPLE = { modern: modernPerson, legacy: legacyPerson };
const SERVERS = ['fresh', 'http', 'apart', 'sse', 'child', 'new-child'] as const;
const PAIRS = SERVERS.flatMap((server) => (['modern', 'legacy'] as const).map((era) => ({ server, era })));

describe.each(PAIRS)('questions of $server to a $era caller', ({ server, era }) => {
	let person: Person;
	const tool = (name: string): string => `test_input_required_result_${name}`;
	beforeAll(async () => {
		const token = gateway.tokenFor(['G'], { oid: `${server}-${era}` });
		person = await PEOPLE[era](`${gateway.url}/w/google/s/${server}/mcp`, token, 'ada');
	});

	it('reach it: elicitation', async () => {
		expect(await person.call(tool('elicitation'))).toBe('Hello, ada!');
	});
	it('reach it: sampling', async () => {
		expect(await person.call(tool('sampling'))).toContain('PARIS-ada');
	});
	it('reach it: roots', async () => {
		expect(await person.call(tool('list_roots'))).toContain('file:///home/ada');
	});
	it('reach it: several at once', async () => {
		expect(await person.call(tool('multiple_inputs'))).toMatch(/ada.*PARIS-ada.*home\/ada/);
	});
	it('reach it: one after the other', async () => {
		expect(await person.call(tool('multi_round'))).toContain('likes blue');
	});
});
