import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { modern } from './gateway.ts';
import type { Manner, Running } from './history-upstream.ts';

/** What a client was told of a call; `unknown` when the connection was cut before it was told anything. */
export type Told =
	| { readonly kind: 'ok' | 'error' | 'unknown' }
	/** The gateway said no, or that it went wrong, with this code. */
	| { readonly kind: 'failed'; readonly code: string };

/** One call as its client remembers it. */
export interface HistoryCall {
	/** No other call is called so; absent for lists. */
	readonly nonce: string | undefined;
	/** The same, or `SHARED_TOOL`; absent for lists. */
	readonly tool: string | undefined;
	/** `workspace/server`. */
	readonly place: string;
	readonly oid: string;
	/** As the answer says. */
	readonly requestId: string | undefined;
	readonly told: Told;
}

/** The one tool that many calls are of. */
export const SHARED_TOOL = 'shared';

/** A person who calls. */
export interface Caller {
	readonly oid: string;
	readonly token: string;
}

/** Whom to call, and how. */
export interface ClientParts {
	readonly url: string;
	readonly callers: readonly Caller[];
	/** `workspace/server` of each server. */
	readonly places: readonly string[];
	/** The next name that no call has yet; `undefined` when there are no more. */
	nextNonce(): string | undefined;
	onCall(call: HistoryCall): void;
	/** No new calls from now on. */
	readonly signal: AbortSignal;
}

/** All callers at once, each one call after the other, until told to stop or the gateway is gone. */
export async function runClients(parts: ClientParts): Promise<void> {
	await Promise.all(parts.callers.map((caller) => runClient(parts, caller)));
}

async function runClient(parts: ClientParts, caller: Caller): Promise<void> {
	const agent = new Agent({ keepAlive: true, maxSockets: 1 });
	try {
		while (!parts.signal.aborted) {
			const planned = plan(parts);
			if (planned === undefined) return;
			const reply = await send(agent, new URL(planned.path, parts.url), { ...planned, token: caller.token });
			if (reply === 'unreached') return;
			const { nonce, tool, place } = planned;
			parts.onCall({ nonce, tool, place, oid: caller.oid, requestId: reply.requestId, told: reply.told });
			await sleep(Math.random() * 12);
		}
	} finally {
		agent.destroy();
	}
}

interface Planned extends Pick<HistoryCall, 'nonce' | 'tool' | 'place'> {
	readonly path: string;
	readonly body: object;
	readonly headers: Record<string, string>;
}

const LISTS = 0.04;
const SHARED = 0.1;
const pick = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)] as T;

function plan({ places, nextNonce }: ClientParts): Planned | undefined {
	const place = pick(places);
	const [workspace, server] = place.split('/') as [string, string];
	const own = `/w/${workspace}/s/${server}/mcp`;
	if (Math.random() < LISTS) return { nonce: undefined, tool: undefined, place, path: own, ...modern('tools/list') };
	const nonce = nextNonce();
	if (nonce === undefined) return undefined;
	const tool = Math.random() < SHARED ? SHARED_TOOL : nonce;
	const [path, name] = pick([
		[own, tool],
		[own, tool],
		[`/w/${workspace}/mcp`, `${server}__${tool}`],
		['/mcp', `${workspace}__${server}__${tool}`],
	] as const);
	return { nonce, tool, place, path, ...modern('tools/call', { name, arguments: { nonce, ...howToRun() } }) };
}

// Most calls are short; some are under way for longer than the gateway lives.
function howToRun(): Running {
	const manner = pick<Manner>(['answer', 'answer', 'answer', 'answer', 'answer', 'stream', 'stream', 'complain']);
	const delayMs = Math.random() < 0.08 ? 50 + Math.random() * 500 : Math.random() * 15;
	return { manner: Math.random() < 0.08 ? 'hang-up' : manner, delayMs };
}

interface Reply {
	readonly requestId: string | undefined;
	readonly told: Told;
}

const UNKNOWN: Reply = { requestId: undefined, told: { kind: 'unknown' } };

function send(
	agent: Agent,
	url: URL,
	{ token, headers, body }: Pick<Planned, 'headers' | 'body'> & { readonly token: string },
): Promise<Reply | 'unreached'> {
	const accept = 'application/json, text/event-stream';
	const all = { 'content-type': 'application/json', accept, authorization: `Bearer ${token}`, ...headers };
	return new Promise((resolve) => {
		const outgoing = httpRequest(url, { method: 'POST', agent, headers: all }, (response) => {
			let text = '';
			response.setEncoding('utf8').on('data', (chunk: string) => {
				text += chunk;
			});
			response.on('error', () => undefined);
			response.on('close', () => {
				const told = toldBy(text);
				resolve(told === undefined ? UNKNOWN : { requestId: String(response.headers['x-request-id']), told });
			});
		});
		outgoing.on('error', (error: NodeJS.ErrnoException) =>
			resolve(error.code === 'ECONNREFUSED' ? 'unreached' : UNKNOWN),
		);
		outgoing.end(JSON.stringify(body));
	});
}

interface Message {
	readonly result?: { readonly isError?: boolean };
	readonly error?: { readonly data?: { readonly code?: string } };
}

// The last message counts, also where the connection was cut after it: who has read it was told.
function toldBy(text: string): Told | undefined {
	const data = text
		.split('\n')
		.filter((line) => line.startsWith('data: '))
		.at(-1);
	const message = parse(data?.slice('data: '.length) ?? text);
	if (message?.result !== undefined) return { kind: message.result.isError === true ? 'error' : 'ok' };
	if (message?.error === undefined) return undefined;
	const code = message.error.data?.code;
	return code === undefined ? { kind: 'error' } : { kind: 'failed', code };
}

function parse(text: string): Message | undefined {
	try {
		return JSON.parse(text) as Message;
	} catch {
		return undefined;
	}
}
