/**
 * The least a proxy can do in this runtime, as the yardstick: one JSON.parse of the request, its bytes forwarded, the
 * answer buffered. `node bare-proxy.js <upstream origin>`; prints `{"port":…}` and ends when its stdin does.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dispatcher, Pool } from 'undici';

const FORWARDED = ['accept', 'content-type', 'mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-session-id'];

const upstream = new Pool(process.argv[2] ?? '', { connections: 64 });

function pickHeaders(headers: IncomingHttpHeaders): Record<string, string> {
	const picked: Record<string, string> = {};
	for (const name of FORWARDED) {
		const value = headers[name];
		if (typeof value === 'string') picked[name] = value;
	}
	return picked;
}

function replyHandler(response: ServerResponse): Dispatcher.DispatchHandler {
	const chunks: Buffer[] = [];
	let status = 502;
	let type = 'application/json';
	return {
		onRequestStart() {},
		onResponseStart(_controller, statusCode, headers) {
			status = statusCode;
			type = String(headers['content-type'] ?? type);
		},
		onResponseData(_controller, chunk) {
			chunks.push(chunk);
		},
		onResponseEnd() {
			const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
			response.writeHead(status, { 'content-type': type, 'content-length': body.length }).end(body);
		},
		onResponseError() {
			response.writeHead(502).end();
		},
	};
}

function forward(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
	const message = JSON.parse(body.toString()) as { method?: string };
	if (message.method === undefined) {
		response.writeHead(400).end();
		return;
	}
	const headers = pickHeaders(request.headers);
	upstream.dispatch({ method: 'POST', path: request.url ?? '/', headers, body }, replyHandler(response));
}

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
	const chunks: Buffer[] = [];
	request.on('data', (chunk: Buffer) => chunks.push(chunk));
	request.on('end', () => forward(request, response, Buffer.concat(chunks)));
});
server.listen(0, '127.0.0.1', () => {
	process.stdout.write(`{"port":${(server.address() as AddressInfo).port}}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
