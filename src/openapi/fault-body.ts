import type { PortcullisError } from '../errors/portcullis-error.ts';
import { ERRORS } from '../errors/table.ts';
import { memberOf, sliceOf } from '../lib/json-text.ts';

/** What goes wrong, as a caller of mcpo expects it: a status and a body with one member, `detail`. */
export interface FaultBody {
	readonly status: number;
	/** JSON text. */
	readonly body: string;
}

/** How HTTP says what JSON-RPC says (mcpo 0.0.20); every other code of a server is 500. */
const STATUS_OF_RPC: ReadonlyMap<number, number> = new Map([
	[-32700, 400],
	[-32600, 400],
	[-32601, 404],
	[-32602, 422],
	// The person has to do something at a page first (mcp 2025-11-25: elicitation): no fault of the server.
	[-32042, 409],
]);

/** Words that callers of mcpo look for. */
const PLAIN: ReadonlyMap<string, string> = new Map([
	['PC_TOKEN_MISSING', 'Missing or invalid Authorization header'],
	['PC_ADDRESS_UNKNOWN', 'Not Found'],
	['PC_TOOL_UNKNOWN', 'Not Found'],
	['PC_METHOD_NOT_ALLOWED', 'Method Not Allowed'],
	['PC_KEY_INVALID', 'Invalid API key'],
	['PC_BODY_TOO_LARGE', ERRORS.PC_BODY_TOO_LARGE.sentence],
]);

const STATUS: ReadonlyMap<string, number> = new Map([
	['PC_TOOL_UNKNOWN', 404],
	['PC_KEY_INVALID', 403],
	['PC_CONNECT_REQUIRED', 409],
]);

const bodyOf = (status: number, detail: unknown): FaultBody => ({ status, body: JSON.stringify({ detail }) });

/** A refusal or failure of the gateway. What MCP has within its answers is a failure here. */
export function faultOfError(error: PortcullisError, requestId: string): FaultBody {
	const { http } = ERRORS[error.code];
	const status = STATUS.get(error.code) ?? (http < 400 ? 500 : http);
	const plain = PLAIN.get(error.code);
	if (plain !== undefined) return bodyOf(status, plain);
	const data = error.facts.data === undefined ? {} : { data: error.facts.data };
	return bodyOf(status, { message: error.sentence, code: error.code, request_id: requestId, ...data });
}

/** An error that a server answered with; `error` is its JSON text. */
export function faultOfRpc(error: string): FaultBody {
	const { code, message } = JSON.parse(error) as { readonly code: number; readonly message: string };
	const data = memberOf(error, 'data');
	const more = data === undefined ? '' : `,"data":${sliceOf(error, data)}`;
	return {
		status: STATUS_OF_RPC.get(code) ?? 500,
		body: `{"detail":{"message":${JSON.stringify(message)}${more}}}`,
	};
}

/** A tool that says it failed. mcpo wraps the message in a message about itself. */
export function faultOfTool(message: string, { isStrict }: { readonly isStrict: boolean }): FaultBody {
	if (!isStrict) return bodyOf(500, { message });
	// As Python writes a text within another.
	const quoted =
		message.includes("'") && !message.includes('"') ? `"${message}"` : `'${message.replaceAll("'", "\\'")}'`;
	return bodyOf(500, { message: 'Unexpected error', error: `500: {'message': ${quoted.replaceAll('\n', '\\n')}}` });
}
