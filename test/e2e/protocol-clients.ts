import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as OldTransport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterAll, afterEach, expect } from 'vitest';
import { legacy, type PlainAnswer, post } from '../fakes/gateway.ts';

/** The official clients: the new one negotiating, pinned to 2026-07-28 and in its legacy default; and the old one. */
export const CLIENTS = ['auto', 'pinned', 'legacy', 'old'] as const;

/** One way to connect with an official client. */
export type ClientKind = (typeof CLIENTS)[number];

const INFO = { name: 'protocol-test', version: '1' };
const MODES = { auto: { mode: 'auto' }, pinned: { mode: { pin: '2026-07-28' } } } as const;

/** Remembers something to close when a test or a file has ended, last first. */
export type Keeper = <T extends { close(): Promise<unknown> }>(resource: T) => T;

function keeper(register: (clean: () => Promise<void>) => void): Keeper {
	const open: (() => Promise<unknown>)[] = [];
	register(async () => {
		for (const close of open.splice(0).reverse()) await close();
	});
	return (resource) => {
		open.push(() => resource.close());
		return resource;
	};
}

/** Keeps things until the end of the test. */
export const keepForTest = (): Keeper => keeper(afterEach);

/** Keeps things until the end of the file. */
export const keepForFile = (): Keeper => keeper(afterAll);

/** Connects the new official client to an address, as the bearer of this token. */
export async function connectNew(
	url: string,
	token: string,
	kind: Exclude<ClientKind, 'old'> = 'auto',
): Promise<Client> {
	const capabilities = { elicitation: { form: {} } };
	const client = new Client(
		INFO,
		kind === 'legacy' ? { capabilities } : { capabilities, versionNegotiation: MODES[kind] },
	);
	client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Ada' } }));
	const requestInit = { headers: { authorization: `Bearer ${token}` } };
	await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
	return client;
}

/** Connects the old official client (sdk 1.x). */
export async function connectOld(url: string, token: string): Promise<OldClient> {
	const client = new OldClient(INFO, { capabilities: {} });
	const requestInit = { headers: { authorization: `Bearer ${token}` } };
	// Its own types do not fit exactOptionalPropertyTypes.
	await client.connect(new OldHttp(new URL(url), { requestInit }) as OldTransport);
	return client;
}

/** Connects one of the four. */
export function connect(kind: ClientKind, url: string, token: string): Promise<Client | OldClient> {
	return kind === 'old' ? connectOld(url, token) : connectNew(url, token, kind);
}

/** A legacy session over plain HTTP. */
export interface PlainSession {
	readonly id: string;
	readonly initialized: PlainAnswer;
	/** Headers of every later request. */
	readonly headers: Readonly<Record<string, string>>;
	request(method: string, params?: unknown, id?: string | number): Promise<PlainAnswer>;
	notify(method: string, params?: unknown): Promise<PlainAnswer>;
}

/** Shakes hands with `initialize` and sends `notifications/initialized`. */
export async function openPlainSession(
	url: string,
	authorization: Readonly<Record<string, string>>,
	capabilities: object = {},
	protocolVersion = '2025-11-25',
): Promise<PlainSession> {
	const params = { protocolVersion, capabilities, clientInfo: INFO };
	const initialized = await post(url, legacy('initialize', params, 0), authorization);
	const id = initialized.headers.get('mcp-session-id') ?? '';
	const headers = { ...authorization, 'mcp-session-id': id, 'mcp-protocol-version': protocolVersion };
	const notify = (method: string, params: unknown = {}) => post(url, { jsonrpc: '2.0', method, params }, headers);
	await notify('notifications/initialized');
	return {
		id,
		initialized,
		headers,
		notify,
		request: (method, params, callId = 1) => post(url, legacy(method, params, callId), headers),
	};
}

/** An answer that is still coming in. */
export interface OpenStream {
	readonly status: number;
	readonly headers: Headers;
	/** Next JSON-RPC message; `undefined` when the stream has ended. */
	// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape.
	next(): Promise<any>;
	/** All messages from here to the end. */
	// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape.
	rest(): Promise<any[]>;
	/** Hangs up. */
	close(): Promise<void>;
}

/** Sends a request and hands out the messages of its event stream one by one; no body: a GET. */
export async function openStream(
	url: string,
	headers: Readonly<Record<string, string>>,
	body?: unknown,
): Promise<OpenStream> {
	const aborter = new AbortController();
	const accept = body === undefined ? 'text/event-stream' : 'application/json, text/event-stream';
	const response = await fetch(url, {
		...(body === undefined
			? { headers: { accept, ...headers } }
			: {
					method: 'POST',
					headers: { 'content-type': 'application/json', accept, ...headers },
					body: JSON.stringify(body),
				}),
		signal: aborter.signal,
	});
	const messages = messagesOf(response);
	const next: OpenStream['next'] = async () => (await messages.next()).value;
	return {
		status: response.status,
		headers: response.headers,
		next,
		async rest() {
			const all: unknown[] = [];
			for (let message = await next(); message !== undefined; message = await next()) all.push(message);
			return all;
		},
		async close() {
			aborter.abort();
		},
	};
}

async function* messagesOf(response: Response): AsyncGenerator<unknown, undefined> {
	const decoder = new TextDecoder();
	let text = '';
	for await (const chunk of response.body ?? []) {
		text += decoder.decode(chunk as Uint8Array, { stream: true });
		const events = text.split('\n\n');
		text = events.pop() ?? '';
		for (const event of events) {
			const data = event.split('\n').filter((line) => line.startsWith('data: '));
			if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(6)).join('\n'));
		}
	}
	return undefined;
}

/** Text of the first content block of a tool result. */
export function textOf(result: unknown): string {
	return (result as { content: readonly { text: string }[] }).content[0]?.text ?? '';
}

/** Expects what is got to become so; patient, because machines that run tests are busy. */
export const soon = <T>(get: () => T) => expect.poll(get, { timeout: 10_000, interval: 20 });
