/**
 * A sessionless MCP server that answers JSON at once: `/legacy/mcp` speaks 2025-11-25, `/modern/mcp` 2026-07-28. Run as a
 * process of its own; prints `{"port":…}` and ends when its stdin does.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Message {
	readonly id?: string | number;
	readonly method: string;
	readonly params?: { readonly arguments?: { readonly text?: string } };
}

type Era = 'legacy' | 'modern';

const SERVER_INFO = { name: 'bench-upstream', version: '1.0.0' };
const META = `"_meta":{"io.modelcontextprotocol/serverInfo":${JSON.stringify(SERVER_INFO)}}`;
const TOOL = {
	name: 'echo',
	description: 'Answers the text it was given.',
	inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
	annotations: { readOnlyHint: true },
};
const CAPABILITIES = { tools: {} };
const CACHE = { ttlMs: 60_000, cacheScope: 'public' };

function legacyResult({ method, params }: Message): string | undefined {
	if (method === 'tools/call') return `{"content":[{"type":"text","text":${JSON.stringify(params?.arguments?.text)}}]}`;
	if (method === 'tools/list') return JSON.stringify({ tools: [TOOL] });
	if (method === 'ping') return '{}';
	if (method !== 'initialize') return;
	return JSON.stringify({ protocolVersion: '2025-11-25', capabilities: CAPABILITIES, serverInfo: SERVER_INFO });
}

function modernResult({ method, params }: Message): string | undefined {
	if (method === 'tools/call') {
		const content = `[{"type":"text","text":${JSON.stringify(params?.arguments?.text)}}]`;
		return `{"content":${content},"resultType":"complete",${META}}`;
	}
	if (method === 'tools/list') return JSON.stringify({ resultType: 'complete', tools: [TOOL], ...CACHE });
	if (method !== 'server/discover') return;
	return JSON.stringify({
		resultType: 'complete',
		supportedVersions: ['2026-07-28'],
		capabilities: CAPABILITIES,
		...CACHE,
	});
}

function answer(era: Era, message: Message, response: ServerResponse): void {
	if (message.id === undefined) {
		response.writeHead(202).end();
		return;
	}
	const result = era === 'modern' ? modernResult(message) : legacyResult(message);
	const payload = result ? `"result":${result}` : '"error":{"code":-32601,"message":"Method not found"}';
	const status = result || era === 'legacy' ? 200 : 404;
	const text = Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},${payload}}`);
	response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length }).end(text);
}

function serve(request: IncomingMessage, response: ServerResponse): void {
	const era: Era = request.url === '/modern/mcp' ? 'modern' : 'legacy';
	if (request.method !== 'POST') {
		response.writeHead(405, { allow: 'POST' }).end();
		return;
	}
	const chunks: Buffer[] = [];
	request.on('data', (chunk: Buffer) => chunks.push(chunk));
	request.on('end', () => answer(era, JSON.parse(Buffer.concat(chunks).toString()) as Message, response));
}

const server = createServer({ keepAliveTimeout: 120_000 }, serve);
server.listen(0, '127.0.0.1', () => {
	process.stdout.write(`{"port":${(server.address() as AddressInfo).port}}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
