// The fixture server over Streamable HTTP (`/mcp`) and over HTTP+SSE (`/sse`, `/messages`), for whoever sends the key.
import { createServer } from 'node:http';
import { answerTo } from './mcpo-fixture-answers.mjs';

/** What both want in `Authorization`. */
export const FIXTURE_KEY = 'Bearer k-fixture-7c1e';

/** Starts it on a free port of this machine. */
export async function startMcpoFixture() {
	const streams = new Map();
	const server = createServer((request, response) => {
		if (request.headers.authorization !== FIXTURE_KEY) return response.writeHead(401).end();
		const { pathname, searchParams } = new URL(request.url, 'http://fixture');
		if (pathname === '/sse' && request.method === 'GET') return openStream(streams, response);
		if (request.method !== 'POST') return response.writeHead(405).end();
		const stream = streams.get(searchParams.get('id'));
		read(request).then((text) => (pathname === '/mcp' ? reply(response, text) : forward(response, text, stream)));
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	const url = `http://127.0.0.1:${server.address().port}`;
	return {
		httpUrl: `${url}/mcp`,
		sseUrl: `${url}/sse`,
		close() {
			server.closeAllConnections();
			return new Promise((resolve) => server.close(resolve));
		},
	};
}

/** Entries of mcpo's file for it over stdio, HTTP+SSE and Streamable HTTP. */
export function mcpoConfigOf({ httpUrl, sseUrl }, program) {
	const headers = { Authorization: FIXTURE_KEY };
	return {
		mcpServers: {
			files: { command: process.execPath, args: [program] },
			events: { type: 'sse', url: sseUrl, headers },
			stream: { type: 'streamable-http', url: httpUrl, headers, disabledTools: ['with_output'] },
		},
	};
}

function openStream(streams, response) {
	const id = String(streams.size + 1);
	streams.set(id, response);
	response.once('close', () => streams.delete(id));
	response
		.writeHead(200, { 'content-type': 'text/event-stream' })
		.write(`event: endpoint\ndata: /messages?id=${id}\n\n`);
}

function reply(response, text) {
	const answer = answerTo(text);
	if (answer === undefined) return response.writeHead(202).end();
	response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'fixture-session' }).end(answer);
}

function forward(response, text, stream) {
	if (stream === undefined) return response.writeHead(404).end();
	response.writeHead(202).end();
	const answer = answerTo(text);
	if (answer !== undefined) stream.write(`event: message\ndata: ${answer}\n\n`);
}

async function read(request) {
	const chunks = [];
	for await (const chunk of request) chunks.push(chunk);
	return Buffer.concat(chunks).toString('utf8');
}
