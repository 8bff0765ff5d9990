import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A JSON-RPC message as a scripted server got it. */
export interface ScriptedMessage {
	readonly id?: string | number;
	readonly method: string;
	readonly params: Readonly<Record<string, unknown>>;
	/** The whole message as it came. */
	readonly text: string;
	readonly headers: IncomingHttpHeaders;
}

/**
 * What a scripted server says, by method: the JSON text of a result; of an error, with `error:` before it; or, with
 * `stream:` before them, the messages of an event stream, one on each line, `$ID` standing for the id of the request.
 */
export type Script = Readonly<Record<string, string | ((message: ScriptedMessage) => string)>>;

/** An MCP server that says exactly what a test tells it to, for what no well-behaved server says. */
export interface ScriptedServer {
	readonly url: string;
	readonly seen: ScriptedMessage[];
	/** Says this from now on, on top of what it said before. */
	say(script: Script): void;
	close(): Promise<void>;
}

const ERROR = 'error:';
const STREAM = 'stream:';
const UNKNOWN = `${ERROR}{"code":-32601,"message":"no such method"}`;

const HANDSHAKES: Readonly<Record<'modern' | 'legacy', Script>> = {
	modern: {
		'server/discover':
			'{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":60000,"cacheScope":"public"}',
	},
	legacy: {
		initialize: '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}',
	},
};

/** Starts one on a free port. */
export async function startScripted(era: 'modern' | 'legacy', script: Script): Promise<ScriptedServer> {
	let current: Script = { ...HANDSHAKES[era], ...script };
	const seen: ScriptedMessage[] = [];
	const server = createServer((request, response) => {
		void answer(request, response, (message) => {
			seen.push(message);
			const said = Object.hasOwn(current, message.method) ? current[message.method] : undefined;
			return typeof said === 'function' ? said(message) : (said ?? UNKNOWN);
		});
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
		seen,
		say(more) {
			current = { ...current, ...more };
		},
		close: () =>
			new Promise<void>((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
}

async function answer(
	request: IncomingMessage,
	response: ServerResponse,
	respond: (message: ScriptedMessage) => string,
): Promise<void> {
	let text = '';
	for await (const chunk of request) text += String(chunk);
	if (request.method !== 'POST') return void response.writeHead(405).end();
	const message = JSON.parse(text) as ScriptedMessage;
	const said = respond({ ...message, params: message.params ?? {}, text, headers: request.headers });
	if (message.id === undefined) return void response.writeHead(202).end();
	if (said.startsWith(STREAM)) return sendStream(response, said.slice(STREAM.length), JSON.stringify(message.id));
	const body = said.startsWith(ERROR) ? `"error":${said.slice(ERROR.length)}` : `"result":${said}`;
	response.writeHead(200, { 'content-type': 'application/json' });
	response.end(`{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},${body}}`);
}

function sendStream(response: ServerResponse, lines: string, idText: string): void {
	response.writeHead(200, { 'content-type': 'text/event-stream' });
	const events = lines.split('\n').map((line) => `event: message\ndata: ${line.replaceAll('$ID', idText)}\n\n`);
	response.end(events.join(''));
}

/** The result of a `tools/list` with these definitions, JSON text each. */
export function toolsText(...tools: readonly string[]): string {
	return `{"resultType":"complete","ttlMs":60000,"cacheScope":"public","tools":[${tools.join(',')}]}`;
}
