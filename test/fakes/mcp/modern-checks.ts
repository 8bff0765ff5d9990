import type { IncomingHttpHeaders } from 'node:http';
import { MODERN_VERSION, RpcError, type RpcRequest, type ToolDefinition } from './behaviour.mjs';

const META = 'io.modelcontextprotocol/';
const NAME_FIELD: Readonly<Record<string, 'name' | 'uri' | 'taskId'>> = {
	'tools/call': 'name',
	'prompts/get': 'name',
	'resources/read': 'uri',
	'tasks/get': 'taskId',
	'tasks/update': 'taskId',
	'tasks/cancel': 'taskId',
};

function mismatch(what: string): RpcError {
	return new RpcError(-32020, `Bad Request: the request headers and body disagree: ${what}`, {
		data: { mismatch: what },
		status: 400,
	});
}

/** Decodes `=?base64?…?=`; other values are taken as they are, without surrounding white space. */
function decodeHeader(value: string): string {
	const encoded = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(value.trim())?.[1];
	if (encoded === undefined) return value.trim();
	if (encoded.length % 4 !== 0) throw mismatch('a header is not base64');
	return Buffer.from(encoded, 'base64').toString('utf8');
}

function checkVersion(headers: IncomingHttpHeaders, meta: Record<string, unknown> | undefined): void {
	const header = headers['mcp-protocol-version'];
	const body = meta?.[`${META}protocolVersion`];
	if (header === undefined) throw mismatch('the required MCP-Protocol-Version header is absent');
	if (body === undefined) {
		const data = { envelope: { missing: [meta === undefined ? '_meta' : `${META}protocolVersion`] } };
		throw new RpcError(-32602, 'Invalid request envelope', { data, status: 400 });
	}
	if (header !== body) throw mismatch('MCP-Protocol-Version');
	if (body === MODERN_VERSION) return;
	const data = { supported: [MODERN_VERSION], requested: body };
	throw new RpcError(-32022, 'Unsupported protocol version', { data, status: 400 });
}

function checkCapabilities(meta: Record<string, unknown> | undefined): void {
	if (meta?.[`${META}clientCapabilities`] !== undefined) return;
	const data = { envelope: { missing: [`${META}clientCapabilities`] } };
	throw new RpcError(-32602, 'Invalid request envelope', { data, status: 400 });
}

function checkHeader(headers: IncomingHttpHeaders, header: string, expected: unknown): void {
	const given = headers[header.toLowerCase()];
	if (typeof given !== 'string') throw mismatch(`the required ${header} header is absent`);
	if (decodeHeader(given) !== String(expected)) throw mismatch(header);
}

function checkParamHeaders(headers: IncomingHttpHeaders, request: RpcRequest, tools: readonly ToolDefinition[]): void {
	const tool = tools.find(({ name }) => name === request.params?.name);
	const args = (request.params?.arguments ?? {}) as Record<string, unknown>;
	for (const [property, schema] of Object.entries(tool?.inputSchema.properties ?? {})) {
		const value = args[property];
		if (schema['x-mcp-header'] === undefined || value === undefined || value === null) continue;
		checkHeader(headers, `Mcp-Param-${schema['x-mcp-header']}`, value);
	}
}

/** Throws the error of the 2026-07-28 revision when headers and envelope of a request are not as it demands. */
export function checkModernRequest(
	headers: IncomingHttpHeaders,
	request: RpcRequest,
	tools: readonly ToolDefinition[],
): void {
	const meta = request.params?._meta as Record<string, unknown> | undefined;
	checkVersion(headers, meta);
	checkCapabilities(meta);
	checkHeader(headers, 'Mcp-Method', request.method);
	const field = NAME_FIELD[request.method];
	if (field) checkHeader(headers, 'Mcp-Name', request.params?.[field]);
	if (request.method === 'tools/call') checkParamHeaders(headers, request, tools);
}
