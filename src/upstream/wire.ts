import type { PortcullisError } from '../errors/portcullis-error.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import type { JsonObject } from '../mcp/call.ts';
import type { Stamp } from './stamp.ts';

/** One JSON-RPC request on its way to an upstream. */
export interface WireRequest {
	readonly method: string;
	/** JSON text of `params` for the id the wire has minted; the id doubles as progress token. */
	paramsFor(id: number): string;
	/** MCP headers for network transports, by lower-case name. */
	readonly headers: Readonly<Record<string, string>>;
	readonly stamp: Stamp;
	/** Cancels the request when it aborts; `undefined` where nobody can. */
	readonly signal: CancelSignal | undefined;
	/** Called with each notification that certainly belongs to this request. */
	readonly onNotification?: (notification: WireNotification) => void;
	/**
	 * Called with each question that the server asks while it works on this request. Present only where somebody will
	 * answer; the wire then sets no limits of time, since a person may take longer than any of them.
	 */
	readonly onQuestion?: (question: WireQuestion) => void;
}

/** What the upstream asks of the client: a JSON-RPC request of its own. */
export interface WireQuestion {
	readonly method: string;
	/** JSON text of `params`; `{}` when there are none. */
	readonly params: string;
	/** Sends the answer, `value` being its JSON text; best effort. */
	answer(member: 'result' | 'error', value: string): void;
}

/** A notification of the upstream about one request. */
export interface WireNotification {
	readonly method: string;
	readonly params: JsonObject;
}

/** An upstream's answer to one request. */
export interface WireResponse {
	/** Whole JSON-RPC response, as the upstream spelled it. */
	readonly text: string;
	/** The same, parsed: has `result` or `error`. */
	readonly value: JsonObject;
	/** Stamp of the request that the answer came back for. */
	readonly stamp: Stamp;
}

/** What a wire tells its owner. */
export interface WireEvents {
	/** A `notifications/…/list_changed` or another notification that belongs to no request. */
	onNotification(notification: WireNotification): void;
	/** A question that belongs to no request for certain. Whether somebody took it; else the wire refuses it. */
	onQuestion(question: WireQuestion): boolean;
	/** The subscription had ended and stands again; what changed between was told to nobody. */
	onReopened(): void;
	/** The wire is unusable from now on; every waiting request has been rejected with the same error. */
	onClosed(error: PortcullisError): void;
}

/** A JSON-RPC connection to one upstream, for one scope. */
export interface Wire {
	/** The transport it really uses. */
	readonly way: 'http' | 'sse' | 'stdio' | 'openapi';
	/** Resolves with the response (also an error response); rejects with a PortcullisError. */
	request(request: WireRequest): Promise<WireResponse>;
	/** Sends a notification; best effort. `params` is JSON text. */
	notify(method: string, params: string): Promise<void>;
	/** Called once with the outcome of the handshake, so that later messages carry what the revision demands. */
	settle(revision: string): void;
	/**
	 * Asks a modern server to tell its changes, in place of what was asked before: the new subscription stands before the
	 * old one ends. Resolves with `params` of the acknowledgement; `undefined`: there was none in time, or a refusal.
	 * Without `params` (JSON text): a legacy server, which is not asked; resolves when its changes can be heard.
	 */
	watch(params: string | undefined): Promise<JsonObject | undefined>;
	/** Ends the connection and whatever process or stream is behind it. */
	close(): Promise<void>;
}
