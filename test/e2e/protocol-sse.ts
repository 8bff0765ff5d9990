import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ElicitRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { legacy, type PlainAnswer, post } from '../fakes/gateway.ts';

/** Headers with the caller's token. */
export type Authorization = Readonly<Record<'authorization', string>>;

/** Connects the old official client over HTTP+SSE; it answers questions as Ada. */
export async function connectSse(url: string, { authorization }: Authorization): Promise<Client> {
	const capabilities = { elicitation: {}, roots: {} };
	const client = new Client({ name: 'sse-test', version: '1' }, { capabilities });
	client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'Ada' } }));
	client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///ada' }] }));
	const withToken = (input: string | URL, init: RequestInit = {}): Promise<Response> => {
		const headers = new Headers(init.headers);
		headers.set('authorization', authorization);
		return fetch(input, { ...init, headers });
	};
	const options = { eventSourceInit: { fetch: withToken }, requestInit: { headers: { authorization } } };
	// Its own types do not fit exactOptionalPropertyTypes.
	await client.connect(new SSEClientTransport(new URL(url), options) as Transport);
	return client;
}

/** A stream of HTTP+SSE, read by hand. */
export interface PlainSse {
	readonly response: Response;
	/** Where to post, as the first event says. */
	readonly endpoint: string;
	/** Posts one message with the token of the stream, or with these headers. */
	post(message: unknown, headers?: Readonly<Record<string, string>>): Promise<PlainAnswer>;
	/** Posts a request; resolves when it is accepted. */
	request(method: string, params?: unknown, id?: string | number): Promise<PlainAnswer>;
	/** Shakes hands; resolves with the answer to `initialize`. */
	// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape.
	initialize(capabilities?: object): Promise<any>;
	/** Next message; `undefined` when the stream has ended. */
	// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape.
	next(): Promise<any>;
	/** Hangs up. */
	close(): Promise<void>;
}

/** Opens a stream; refusals are found in `response`, whose body is left alone then. */
export async function openSse(url: string, authorization: Readonly<Record<string, string>>): Promise<PlainSse> {
	const aborter = new AbortController();
	const headers = { accept: 'text/event-stream', ...authorization };
	const response = await fetch(url, { headers, signal: aborter.signal });
	const events = response.status === 200 ? eventsOf(response) : undefined;
	const endpoint = ((await events?.next())?.value as Event | undefined)?.data ?? '';
	const next = async () => {
		const event = (await events?.next().catch(() => undefined))?.value as Event | undefined;
		if (event !== undefined && event.type !== 'message') throw new Error(`an event of type ${event.type}`);
		return event && JSON.parse(event.data);
	};
	const send = (message: unknown, own: Readonly<Record<string, string>> = authorization) =>
		post(new URL(endpoint, url).href, message, own);
	return {
		response,
		endpoint,
		post: send,
		request: (method, params = {}, id = 1) => send(legacy(method, params, id)),
		async initialize(capabilities = {}) {
			const clientInfo = { name: 'plain', version: '1' };
			await send(legacy('initialize', { protocolVersion: '2024-11-05', capabilities, clientInfo }, 'init'));
			const initialized = await next();
			await send({ jsonrpc: '2.0', method: 'notifications/initialized' });
			return initialized;
		},
		next,
		async close() {
			aborter.abort();
		},
	};
}

interface Event {
	readonly type: string;
	readonly data: string;
}

async function* eventsOf(response: Response): AsyncGenerator<Event, undefined> {
	const decoder = new TextDecoder();
	let text = '';
	for await (const chunk of response.body ?? []) {
		text += decoder.decode(chunk as Uint8Array, { stream: true });
		const events = text.split('\n\n');
		text = events.pop() ?? '';
		for (const event of events) if (!event.startsWith(':')) yield parse(event);
	}
	return undefined;
}

function parse(event: string): Event {
	const lines = event.split('\n');
	const valuesOf = (field: string) =>
		lines.flatMap((line) => (line.startsWith(field) ? [line.slice(field.length)] : []));
	return { type: valuesOf('event: ')[0] ?? 'message', data: valuesOf('data: ').join('\n') };
}
