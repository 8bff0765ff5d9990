import type { Call } from '../call.ts';
import { readMessage } from '../read-message.ts';
import { NEWEST } from '../revisions.ts';
import { encodeHeaderText, META } from './envelope.ts';
import { type ParamHeader, paramHeaderValues } from './param-headers.ts';

/** A tool and what it is called with. */
export interface ToolUse {
	readonly name: string;
	/** JSON object as text; its numbers travel as they are spelled. */
	readonly argumentsText: string;
	/** Arguments the tool wants mirrored in headers. */
	readonly paramHeaders: readonly ParamHeader[];
}

const ENVELOPE = JSON.stringify({ [META.protocolVersion]: NEWEST.modern, [META.clientCapabilities]: {} });
const ID = 1;

/** A tool call of 2026-07-28 whose client can be asked nothing, as if it had been sent by itself. */
export function callOfTool({ name, argumentsText, paramHeaders }: ToolUse): Call {
	const params = `{"name":${JSON.stringify(name)},"arguments":${argumentsText},"_meta":${ENVELOPE}}`;
	const mirrored = paramHeaderValues(paramHeaders, JSON.parse(argumentsText));
	return read('tools/call', params, [['mcp-name', encodeHeaderText(name)], ...mirrored]);
}

/** A request for the list of tools. */
export function callOfList(): Call {
	return read('tools/list', `{"_meta":${ENVELOPE}}`, []);
}

/** A request for what a server says of itself. */
export function callOfDiscovery(): Call {
	return read('server/discover', `{"_meta":${ENVELOPE}}`, []);
}

function read(method: string, params: string, more: Iterable<readonly [string, string]>): Call {
	const text = `{"jsonrpc":"2.0","id":${ID},"method":"${method}","params":${params}}`;
	const headers = new Map([['mcp-protocol-version', NEWEST.modern], ['mcp-method', method], ...more]);
	return readMessage({ text, value: JSON.parse(text), headers });
}
