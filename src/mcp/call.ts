import type { Span } from '../lib/json-text.ts';
import { ASSUMED_LEGACY_REVISION, type Era } from './revisions.ts';

/** JSON-RPC id as the gateway takes it: a string of at most 128 characters or a safe integer. */
export type JsonRpcId = string | number;

/** Members of a JSON object whose values nobody has looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * One thing a caller wants: a JSON-RPC message, parsed, checked against the limits, era known; or, legacy only, the
 * stream of a session opened (`listen`, HTTP GET) or the session ended (`end`, HTTP DELETE), which have no message. A
 * `listen` without a session opens the stream of HTTP+SSE (mcp 2024-11-05), on which a session will begin.
 */
export interface Call {
	readonly kind: 'request' | 'notification' | 'response' | 'listen' | 'end';
	readonly era: Era;
	readonly revision: string;
	/** Method; empty for a response. */
	readonly method: string;
	/** Id of a request or response; `undefined` for a notification. */
	readonly id: JsonRpcId | undefined;
	/** The id as JSON text; `null` for a notification. */
	readonly idText: string;
	/** `params`, or an empty object. */
	readonly params: JsonObject;
	/** Whole message as the caller spelled it. */
	readonly text: string;
	/** Where `params` stands in `text`; `undefined` when there are none. */
	readonly paramsSpan: Span | undefined;
	/** `Mcp-Session-Id` as sent. */
	readonly sessionId: string | undefined;
	/** The caller's `MCP-*` headers that travel with a same-era call, by lower-case name. */
	readonly headers: ReadonlyMap<string, string>;
}

/** Text of the call's `params`; `{}` when there are none. */
export function paramsText(call: Call): string {
	return call.paramsSpan === undefined ? '{}' : call.text.slice(call.paramsSpan.start, call.paramsSpan.end);
}

/** The call that an HTTP GET or DELETE stands for (mcp 2025-11-25: basic/transports, session management). */
export function streamCall(kind: 'listen' | 'end', headers: ReadonlyMap<string, string>): Call {
	return {
		kind,
		era: 'legacy',
		revision: headers.get('mcp-protocol-version') ?? ASSUMED_LEGACY_REVISION,
		method: '',
		id: undefined,
		idText: 'null',
		params: {},
		text: '',
		paramsSpan: undefined,
		sessionId: headers.get('mcp-session-id'),
		headers,
	};
}

/** A JSON object that is not an array, or `undefined`. */
export function asObject(value: unknown): JsonObject | undefined {
	return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** A JSON-RPC success as text; `resultText` is JSON. */
export function successText(idText: string, resultText: string): string {
	return `{"jsonrpc":"2.0","id":${idText},"result":${resultText}}`;
}

/** A JSON-RPC error as text. */
export function errorText(idText: string, error: { code: number; message: string; data?: unknown }): string {
	return `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify(error)}}`;
}
