import { setTimeout as sleep } from 'node:timers/promises';
import { type Arrival, listen, sendJson } from './mcp/http-server.ts';

/** One call as the server that ran it saw it; what it did cannot be undone. */
export interface Execution {
	/** What its client called it: no other call is called so. */
	readonly nonce: string;
	readonly tool: string;
	/** `workspace/server` of the server that ran it. */
	readonly place: string;
	/** The credential that came along. */
	readonly credential: string;
}

/** What a call asks of the server, in its arguments. */
export type Manner = 'answer' | 'complain' | 'stream' | 'hang-up';

/** How a server is to run a call. */
export interface Running {
	readonly manner: Manner;
	readonly delayMs: number;
}

/** A server whose every tool is there for one call. */
export interface HistoryUpstream {
	readonly url: string;
	/** Credential that it is reached with. */
	readonly key: string;
	close(): Promise<void>;
}

/** What such a server is made with. */
export interface HistoryUpstreamParts {
	readonly place: string;
	readonly era: 'modern' | 'legacy';
	/** Names of its tools, asked at each listing. */
	tools(): readonly string[];
	/** Told of each call before anything else happens. */
	onExecuted(execution: Execution): void;
}

interface Message {
	readonly id?: unknown;
	readonly method: string;
	readonly params?: {
		readonly name?: string;
		readonly arguments?: { readonly nonce: string } & Running;
	};
}

const INFO = { name: 'history', version: '1.0.0' };
const SCHEMA = { type: 'object' };

/** Starts one on a free port. */
export async function startHistoryUpstream(parts: HistoryUpstreamParts): Promise<HistoryUpstream> {
	const key = `key-of-${parts.place}`;
	const { origin, seen, close } = await listen(async (arrival) => {
		// The list of all requests would grow without end.
		seen.length = 0;
		await serve(parts, arrival);
	});
	return { url: `${origin}/mcp`, key, close };
}

async function serve(parts: HistoryUpstreamParts, arrival: Arrival): Promise<void> {
	const message = arrival.seen.body as Message | undefined;
	if (arrival.request.method !== 'POST' || message?.method === undefined)
		return void arrival.response.writeHead(405).end();
	if (message.id === undefined) return void arrival.response.writeHead(202).end();
	if (message.method === 'tools/call') return runTool(parts, arrival, message);
	const result = resultOf(parts, message.method);
	const error = { code: -32601, message: 'no such method' };
	if (result === undefined) sendJson(arrival.response, 404, { jsonrpc: '2.0', id: message.id, error });
	else sendJson(arrival.response, 200, { jsonrpc: '2.0', id: message.id, result: dress(parts, result) });
}

function resultOf({ era, tools }: HistoryUpstreamParts, method: string): object | undefined {
	if (method === 'tools/list')
		return { tools: tools().map((name) => ({ name, inputSchema: SCHEMA })), ttlMs: 0, cacheScope: 'private' };
	if (method === 'server/discover' && era === 'modern')
		return { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ttlMs: 0, cacheScope: 'private' };
	if (method === 'initialize' && era === 'legacy')
		return { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: INFO };
	return undefined;
}

function dress({ era }: HistoryUpstreamParts, result: object): object {
	if (era === 'legacy') return result;
	return { resultType: 'complete', _meta: { 'io.modelcontextprotocol/serverInfo': INFO }, ...result };
}

async function runTool(parts: HistoryUpstreamParts, { response, seen }: Arrival, message: Message): Promise<void> {
	const { name: tool = '', arguments: told } = message.params ?? {};
	const { nonce = '', manner = 'answer', delayMs = 0 } = told ?? {};
	parts.onExecuted({ nonce, tool, place: parts.place, credential: String(seen.headers['x-api-key']) });
	if (delayMs > 0) await sleep(delayMs);
	if (manner === 'hang-up') return void response.destroy();
	const content = [{ type: 'text', text: nonce }];
	const result = dress(parts, { content, ...(manner === 'complain' && { isError: true }) });
	const answer = { jsonrpc: '2.0', id: message.id, result };
	if (manner !== 'stream') return sendJson(response, 200, answer);
	response.writeHead(200, { 'content-type': 'text/event-stream' });
	response.write(': begun\n\n');
	await sleep(delayMs);
	response.end(`event: message\ndata: ${JSON.stringify(answer)}\n\n`);
}
